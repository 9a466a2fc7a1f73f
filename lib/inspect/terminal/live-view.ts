import type { AppEvent } from '../../app/types.js';
import { toRecorded } from '../../recording/to-recorded.js';
import { drawText, heading, type Drawing } from '../text/draw-text.js';
import type { Paint } from '../text/paint.js';
import { truncate } from '../text-width.js';
import type { TimeWindow } from '../time-window.js';
import { Timeline } from '../timeline.js';
import { LiveRegion } from './live-region.js';
import { sizeOf, type Output } from './terminal-output.js';

const minRedrawMs = 100;
const maxRedrawMs = 1000;
/** The length of the time axis while the application runs. */
const historyMs = 300_000;
/** The largest number of rows of the last drawing. */
const maxFinalRows = 200;

/** The timeline of a running application, redrawn in place. */
export class LiveView {
  private readonly output: Output;
  private readonly paint: Paint;
  private readonly region: LiveRegion;
  private readonly timeline = new Timeline({ limit: 500 });
  private timer: NodeJS.Timeout | undefined = undefined;
  private dueAt = Infinity;
  /** Drawing takes at most a twentieth of the time, so a slow drawing is redrawn less often. */
  private redrawMs = minRedrawMs;
  /** When the last event arrived, by `performance`. Its own time may be that of any clock. */
  private lastEventAt = 0;

  constructor(output: Output, paint: Paint) {
    this.output = output;
    this.paint = paint;
    const { stdout, stderr } = process;
    const isProcessStream = output === stdout || output === stderr;
    const others = isProcessStream ? [stdout, stderr].filter(({ isTTY }) => isTTY) : [];
    this.region = new LiveRegion(output, others, this.redraw);
    output.on?.('resize', this.redraw);
    process.on('exit', this.end);
    this.redraw();
  }

  /** @param log a line to write above the drawing, or `''`. */
  add(event: AppEvent, now: number, log: string): void {
    this.timeline.add(toRecorded(event, now));
    this.lastEventAt = performance.now();
    if (log) this.region.log(log);
    if (event.type === 'shutdown') this.end();
    else this.redraw();
  }

  private readonly redraw = (): void => this.schedule(this.redrawMs);

  private schedule(delayMs: number): void {
    const dueAt = performance.now() + delayMs;
    if (dueAt >= this.dueAt) return;
    clearTimeout(this.timer);
    this.dueAt = dueAt;
    // The timer does not keep the process alive.
    this.timer = setTimeout(() => {
      this.dueAt = Infinity;
      const start = performance.now();
      this.draw();
      this.redrawMs = Math.max(minRedrawMs, 20 * (performance.now() - start));
      this.schedule(maxRedrawMs);
    }, delayMs).unref();
  }

  private draw(): void {
    const { columns, rows } = sizeOf(this.output);
    const window = this.window(historyMs);
    const drawing = this.drawing(window, columns, Math.max(1, rows - 5));
    const hiddenTasks = this.timeline.rows.size - drawing.rows.length;
    const head = heading(window, 0) + (hiddenTasks > 0 ? `, ${hiddenTasks} of them not shown` : '');
    const lines = [
      this.paint(truncate(head, columns - 1), 'bold'),
      ...drawing.axis,
      ...drawing.rows.map(({ text }) => text),
    ];
    // Two rows stay free: one for the cursor, one for an unfinished line of others.
    this.region.show(lines.slice(0, Math.max(1, rows - 2)));
  }

  private drawing(window: TimeWindow, columns: number, maxRows: number): Drawing {
    // Some terminals wrap a line that reaches the last column.
    return drawText(window, Math.max(20, columns) - 1, this.paint, maxRows);
  }

  private window(maxLength: number): TimeWindow {
    const { timeline } = this;
    const { from: zero = 0, to = zero } = timeline;
    const hasEnded = timeline.appMarks.at(-1)?.type === 'shutdown';
    const end = Math.max(zero + 1, hasEnded ? to : to + performance.now() - this.lastEventAt);
    return { timeline, zero, from: Math.max(zero, end - maxLength), to: end };
  }

  /** Writes the whole timeline with all errors, and restores the streams. */
  private readonly end = (): void => {
    clearTimeout(this.timer);
    this.dueAt = -Infinity;
    this.output.off?.('resize', this.redraw);
    process.off('exit', this.end);
    const window = this.window(Infinity);
    const { axis, rows, errors, appMarks, legend } = this.drawing(window, sizeOf(this.output).columns, maxFinalRows);
    const parts = [
      [this.paint(heading(window, 0), 'bold'), ...axis, ...rows.map(({ text }) => text)],
      appMarks,
      errors,
      legend,
    ];
    const text = parts.filter((part) => part.length > 0).map((part) => part.join('\n'));
    this.region.log(`${text.join('\n\n')}\n`);
    this.region.close();
  };
}

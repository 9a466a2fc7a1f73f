import type { AppEvent } from '../app/types.js';
import { recorded } from '../recording/recorded.js';
import type { Paint } from './ansi.js';
import { cut } from './columns.js';
import { drawText, heading, type Drawing } from './draw-text.js';
import { sizeOf, type Output } from './output.js';
import { Screen } from './screen.js';
import { Timeline } from './timeline.js';
import type { View } from './view.js';

/** How often it is drawn, at most, and at least, in ms. */
const soon = 100;
const later = 1000;
/** How much of the past is shown while it runs, in ms. */
const past = 300_000;

/** An application as it runs, drawn in place. */
export class Live {
  private readonly output: Output;
  private readonly paint: Paint;
  private readonly screen: Screen;
  private readonly timeline = new Timeline({ limit: 500 });
  private timer: NodeJS.Timeout | undefined = undefined;
  private due = Infinity;
  /** A drawing that takes long is drawn less often: it is to take no more than a twentieth of the time. */
  private pause = soon;
  /** When the last event was told, by `performance`: its own time may be by any clock. */
  private told = 0;

  constructor(output: Output, paint: Paint) {
    this.output = output;
    this.paint = paint;
    const { stdout, stderr } = process;
    const isProcess = output === stdout || output === stderr;
    const others = isProcess ? [stdout, stderr].filter(({ isTTY }) => isTTY) : [];
    this.screen = new Screen(output, others, this.redraw);
    output.on?.('resize', this.redraw);
    process.on('exit', this.end);
    this.redraw();
  }

  /** @param log what is to be read of it above the drawing. */
  add(event: AppEvent, now: number, log: string): void {
    this.timeline.add(recorded(event, now));
    this.told = performance.now();
    if (log) this.screen.log(log);
    if (event.type === 'shutdown') this.end();
    else this.redraw();
  }

  private readonly redraw = (): void => this.schedule(this.pause);

  private schedule(delay: number): void {
    const due = performance.now() + delay;
    if (due >= this.due) return;
    clearTimeout(this.timer);
    this.due = due;
    // It keeps no process open.
    this.timer = setTimeout(() => {
      this.due = Infinity;
      const start = performance.now();
      this.draw();
      this.pause = Math.max(soon, 20 * (performance.now() - start));
      this.schedule(later);
    }, delay).unref();
  }

  private draw(): void {
    const { columns, rows } = sizeOf(this.output);
    const most = Math.max(1, rows - 5);
    const view = this.view(past);
    const { axis, rows: drawn } = this.drawing(view, columns, most);
    const hidden = this.timeline.rows.size - drawn.length;
    const head = heading(view, 0) + (hidden > 0 ? `, ${hidden} of them not shown` : '');
    const lines = [this.paint(cut(head, columns - 1), 'bold'), ...axis, ...drawn.map(({ text }) => text)];
    // One line is the cursor's, and one may hold what others have begun to write.
    this.screen.show(lines.slice(0, Math.max(1, rows - 2)));
  }

  private drawing(view: View, columns: number, most?: number): Drawing {
    // The last column is left free: some terminals break the line there.
    return drawText(view, Math.max(20, columns) - 1, this.paint, most);
  }

  private view(length: number): View {
    const { timeline } = this;
    const { from: zero = 0, to = zero } = timeline;
    const isOver = timeline.lines.at(-1)?.type === 'shutdown';
    const end = Math.max(zero + 1, isOver ? to : to + performance.now() - this.told);
    return { timeline, zero, from: Math.max(zero, end - length), to: end };
  }

  /** The whole of it stays, with what failed. */
  private readonly end = (): void => {
    clearTimeout(this.timer);
    this.due = -Infinity;
    this.output.off?.('resize', this.redraw);
    process.off('exit', this.end);
    const view = this.view(Infinity);
    const { axis, rows, errors, lines, legend } = this.drawing(view, sizeOf(this.output).columns, 200);
    const parts = [
      [this.paint(heading(view, 0), 'bold'), ...axis, ...rows.map(({ text }) => text)],
      lines,
      errors,
      legend,
    ];
    const text = parts.filter((part) => part.length > 0).map((part) => part.join('\n'));
    this.screen.log(`${text.join('\n\n')}\n`);
    this.screen.close();
  };
}

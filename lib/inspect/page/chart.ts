import { appMarkColor, appMarkStyles, isFailure, markKind, type MarkKind } from '../styles.js';
import type { Mark, Span, TaskRow } from '../task-timeline.js';
import type { Timeline } from '../timeline.js';
import { clockTime } from './format.js';
import type { PageRow } from './page-rows.js';
import { drawBar, drawMark, readTheme, type Theme } from './shapes.js';
import { localTicks, stepOf } from './ticks.js';
import type { VisiblePeriod } from './viewport.js';

/** The geometry of the chart, in CSS pixels. */
export interface Layout {
  readonly width: number;
  readonly height: number;
  /** The width of the column of names. A phone has none. */
  readonly left: number;
  readonly axisHeight: number;
  readonly rowHeight: number;
  readonly barHeight: number;
  /** The scroll position. */
  readonly top: number;
}

/** The row, and the mark or span, under the pointer. */
export interface Hit {
  readonly row: PageRow;
  readonly mark?: Mark;
  readonly span?: Span;
}

const font = '11px ui-sans-serif, system-ui, sans-serif';
/** The largest distance of a hit from the pointer. */
const hitRadius = 9;

/** Draws the timeline on a canvas. */
export class Chart {
  private readonly canvas: HTMLCanvasElement;
  private readonly ctx: CanvasRenderingContext2D;
  private theme: Theme;

  constructor(canvas: HTMLCanvasElement) {
    const ctx = canvas.getContext('2d');
    if (!ctx) throw new Error('This browser has no canvas');
    this.canvas = canvas;
    this.ctx = ctx;
    this.theme = readTheme();
  }

  /** Applies a changed theme. */
  refreshTheme(): void {
    this.theme = readTheme();
  }

  draw(
    rows: readonly PageRow[],
    timeline: Timeline,
    period: VisiblePeriod,
    layout: Layout,
    selected: string | undefined,
  ): void {
    const { canvas, ctx, theme } = this;
    const { width, height, axisHeight, rowHeight, top, left } = layout;
    const ratio = devicePixelRatio;
    if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
    }
    ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
    ctx.fillStyle = theme.background;
    ctx.fillRect(0, 0, width, height);
    const x = scaleOf(period, layout);

    ctx.save();
    ctx.beginPath();
    ctx.rect(left, 0, width - left, height);
    ctx.clip();
    this.drawGrid(period, layout, x);
    const first = Math.floor(top / rowHeight);
    const last = Math.min(rows.length, Math.ceil((top + height - axisHeight) / rowHeight));
    for (let index = first; index < last; index++) {
      const pageRow = rows[index];
      if (!pageRow) continue;
      const y = axisHeight + index * rowHeight - top;
      if (pageRow.task === selected) {
        ctx.fillStyle = theme.panel;
        ctx.fillRect(left, y, width - left, rowHeight);
      }
      ctx.fillStyle = theme.grid;
      ctx.fillRect(left, y + rowHeight - 1, width - left, 1);
      if (pageRow.row) this.drawRow(pageRow.row, barMiddle(y, layout), period, layout, x);
    }
    this.drawAppMarks(timeline, layout, x);
    ctx.restore();
    this.drawAxis(period, layout, x);
  }

  /** Returns what is nearest to a point. */
  hitTest(
    pointerX: number,
    pointerY: number,
    rows: readonly PageRow[],
    period: VisiblePeriod,
    layout: Layout,
  ): Hit | undefined {
    const row = rows[Math.floor((pointerY - layout.axisHeight + layout.top) / layout.rowHeight)];
    if (!row || pointerY < layout.axisHeight) return undefined;
    if (pointerX < layout.left || !row.row) return { row };
    const x = scaleOf(period, layout);
    let nearest: Mark | undefined;
    let minDistance = hitRadius;
    for (const mark of row.row.marks) {
      const distance = Math.abs(x(mark.at) - pointerX);
      // At the same distance the later mark lies on top, but a failure matters more.
      const isHidden = distance === minDistance && nearest && isFailure(nearest.kind) && !isFailure(mark.kind);
      if (distance > minDistance || isHidden) continue;
      minDistance = distance;
      nearest = mark;
    }
    if (nearest) return { row, mark: nearest };
    const span = row.row.spans.findLast(
      ({ from, to = period.now }) => x(from) - 2 <= pointerX && pointerX <= x(to) + 2,
    );
    return span ? { row, span } : { row };
  }

  private drawGrid(period: VisiblePeriod, { height, axisHeight }: Layout, x: Scale): void {
    this.ctx.fillStyle = this.theme.grid;
    for (const at of localTicks(period)) this.ctx.fillRect(Math.round(x(at)), axisHeight, 1, height - axisHeight);
  }

  private drawAxis(period: VisiblePeriod, { width, axisHeight, left }: Layout, x: Scale): void {
    const { ctx, theme } = this;
    ctx.fillStyle = theme.panel;
    ctx.fillRect(0, 0, width, axisHeight);
    ctx.fillStyle = theme.edge;
    ctx.fillRect(0, axisHeight - 1, width, 1);
    if (left > 0) ctx.fillRect(left - 1, 0, 1, this.canvas.height);
    ctx.fillStyle = theme.gray;
    ctx.font = font;
    ctx.textBaseline = 'middle';
    const step = stepOf(period);
    const labelWidth = ctx.measureText(clockTime(period.from, step)).width;
    for (const at of localTicks(period)) {
      const labelX = x(at) + 4;
      if (labelX >= left && labelX + labelWidth <= width) ctx.fillText(clockTime(at, step), labelX, axisHeight / 2);
    }
  }

  private drawRow(row: TaskRow, y: number, period: VisiblePeriod, layout: Layout, x: Scale): void {
    this.drawSpans(row.spans, y, period, layout, x);
    this.drawMarks(row.marks, y, period, layout, x);
    if (row.status === 'timed-out' && row.since >= period.from)
      drawMark(this.ctx, this.theme, 'timed-out', x(row.since), y, layout.barHeight);
  }

  private drawSpans(spans: readonly Span[], y: number, period: VisiblePeriod, layout: Layout, x: Scale): void {
    const { barHeight, left, width } = layout;
    let drawnTo = -Infinity;
    for (let index = firstFrom(spans, period.from, ({ to = Infinity }) => to); index < spans.length; index++) {
      const span = spans[index];
      if (!span || span.from > period.to) break;
      const start = Math.max(left - 4, x(span.from));
      const end = Math.min(width + 4, x(span.to ?? period.now));
      // Several spans within a pixel are drawn as one.
      if (end < drawnTo + 0.5) continue;
      drawnTo = end;
      drawBar(this.ctx, this.theme, span.kind, start, end, y, barHeight);
    }
  }

  private drawMarks(marks: readonly Mark[], y: number, period: VisiblePeriod, layout: Layout, x: Scale): void {
    const lastX = new Map<MarkKind, number>();
    const failures: { readonly kind: MarkKind; readonly markX: number }[] = [];
    for (let index = firstFrom(marks, period.from, ({ at }) => at); index < marks.length; index++) {
      const mark = marks[index];
      if (!mark || mark.at > period.to) break;
      const kind = markKind(mark);
      const markX = x(mark.at);
      if (markX - (lastX.get(kind) ?? -Infinity) < (kind === 'slot-started' ? 1.5 : 4)) continue;
      // The failure before a restart implies it.
      if (kind === 'restarting' && markX - (lastX.get('failed') ?? -Infinity) < 4) continue;
      lastX.set(kind, markX);
      if (isFailure(kind)) failures.push({ kind, markX });
      else drawMark(this.ctx, this.theme, kind, markX, y, layout.barHeight);
    }
    // A failure matters more than what follows it.
    for (const { kind, markX } of failures) drawMark(this.ctx, this.theme, kind, markX, y, layout.barHeight);
  }

  private drawAppMarks({ appMarks }: Timeline, { height, axisHeight }: Layout, x: Scale): void {
    const { ctx, theme } = this;
    for (const mark of appMarks) {
      const lineX = Math.round(x(mark.at)) + 0.5;
      ctx.strokeStyle = ctx.fillStyle = theme[appMarkColor(mark)];
      ctx.lineWidth = 1.5;
      ctx.setLineDash([...appMarkStyles[mark.type].dash]);
      ctx.beginPath();
      ctx.moveTo(lineX, axisHeight);
      ctx.lineTo(lineX, height);
      ctx.stroke();
      ctx.setLineDash([]);
      ctx.font = `600 ${font}`;
      ctx.textBaseline = 'bottom';
      const y = height - (mark.type === 'draining' ? 18 : 4);
      // The outline keeps the text legible on bars and lines.
      ctx.strokeStyle = theme.background;
      ctx.lineWidth = 4;
      ctx.strokeText(mark.type, lineX + 4, y);
      ctx.fillText(mark.type, lineX + 4, y);
    }
  }
}

/** Maps a time to a position. */
type Scale = (at: number) => number;

function scaleOf({ from, to }: VisiblePeriod, { left, width }: Layout): Scale {
  const pixelsPerMs = (width - left) / (to - from);
  return (at) => left + (at - from) * pixelsPerMs;
}

function barMiddle(rowTop: number, { rowHeight, barHeight }: Layout): number {
  return rowTop + rowHeight - barHeight / 2 - 6;
}

/** Returns the index of the first item that does not end before a time. The items are in the order of time. */
function firstFrom<T>(items: readonly T[], at: number, endOf: (item: T) => number): number {
  let low = 0;
  let high = items.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (endOf(items[middle] as T) < at) low = middle + 1;
    else high = middle;
  }
  return low;
}

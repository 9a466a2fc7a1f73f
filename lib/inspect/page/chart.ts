import type { Mark, Span } from '../row.js';
import type { Timeline } from '../timeline.js';
import { stepOf, ticks, type Period } from './axis.js';
import type { Shown } from './rows.js';
import { drawMark, drawSpan, isBad, readColours, type Colours } from './shapes.js';
import { clock } from './words.js';

/** Where things are, in CSS pixels. */
export interface Layout {
  readonly width: number;
  readonly height: number;
  /** Of the column of names, which on a phone is none. */
  readonly left: number;
  readonly axis: number;
  readonly rowHeight: number;
  readonly barHeight: number;
  /** How far it is scrolled. */
  readonly top: number;
}

/** What a place on the chart shows. */
export interface Found {
  readonly row: Shown;
  readonly mark?: Mark;
  readonly span?: Span;
}

export class Chart {
  private readonly canvas: HTMLCanvasElement;
  private readonly pen: CanvasRenderingContext2D;
  private colours: Colours;

  constructor(canvas: HTMLCanvasElement) {
    const pen = canvas.getContext('2d');
    if (!pen) throw new Error('This browser has no canvas');
    this.canvas = canvas;
    this.pen = pen;
    this.colours = readColours();
  }

  /** After a change of the theme. */
  refresh(): void {
    this.colours = readColours();
  }

  draw(rows: readonly Shown[], timeline: Timeline, period: Period, layout: Layout, selected: string | undefined): void {
    const { canvas, pen, colours } = this;
    const { width, height, axis, rowHeight, top, left } = layout;
    const ratio = devicePixelRatio;
    if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
    }
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.fillStyle = colours.bg;
    pen.fillRect(0, 0, width, height);
    const x = scale(period, layout);

    pen.save();
    pen.beginPath();
    pen.rect(left, 0, width - left, height);
    pen.clip();
    this.drawGrid(period, layout, x);
    const first = Math.floor(top / rowHeight);
    const last = Math.min(rows.length, Math.ceil((top + height - axis) / rowHeight));
    for (let place = first; place < last; place++) {
      const shown = rows[place];
      if (!shown) continue;
      const y = axis + place * rowHeight - top;
      if (shown.task === selected) {
        pen.fillStyle = colours.panel;
        pen.fillRect(left, y, width - left, rowHeight);
      }
      pen.fillStyle = colours.grid;
      pen.fillRect(left, y + rowHeight - 1, width - left, 1);
      if (shown.row)
        this.drawRow(shown.row, y + rowHeight - layout.barHeight - (rowHeight > 30 ? 5 : 6), period, layout, x);
    }
    this.drawLines(timeline, layout, x);
    pen.restore();
    this.drawAxis(period, layout, x);
  }

  /** What is nearest to a place, within reach. */
  find(px: number, py: number, rows: readonly Shown[], period: Period, layout: Layout): Found | undefined {
    const row = rows[Math.floor((py - layout.axis + layout.top) / layout.rowHeight)];
    if (!row || py < layout.axis) return undefined;
    if (px < layout.left || !row.row) return { row };
    const x = scale(period, layout);
    let mark: Mark | undefined;
    let nearest = 9;
    for (const one of row.row.marks) {
      const distance = Math.abs(x(one.at) - px);
      // Of those that are as near the later one is on top, but a failure is what one looks for.
      if (distance > nearest || (distance === nearest && mark && isBad(mark.kind) && !isBad(one.kind))) continue;
      nearest = distance;
      mark = one;
    }
    if (mark) return { row, mark };
    const span = row.row.spans.findLast(({ from, to = period.now }) => x(from) - 2 <= px && px <= x(to) + 2);
    return span ? { row, span } : { row };
  }

  private drawGrid(period: Period, { height, axis }: Layout, x: (at: number) => number): void {
    this.pen.fillStyle = this.colours.grid;
    for (const at of ticks(period)) this.pen.fillRect(Math.round(x(at)), axis, 1, height - axis);
  }

  private drawAxis(period: Period, { width, axis, left }: Layout, x: (at: number) => number): void {
    const { pen, colours } = this;
    pen.fillStyle = colours.panel;
    pen.fillRect(0, 0, width, axis);
    pen.fillStyle = colours.edge;
    pen.fillRect(0, axis - 1, width, 1);
    if (left > 0) pen.fillRect(left - 1, 0, 1, this.canvas.height);
    pen.fillStyle = colours.dim;
    pen.font = '11px ui-sans-serif, system-ui, sans-serif';
    pen.textBaseline = 'middle';
    const step = stepOf(period);
    const widest = pen.measureText(clock(period.from, step)).width;
    for (const at of ticks(period)) {
      const place = x(at) + 4;
      if (place >= left && place + widest <= width) pen.fillText(clock(at, step), place, axis / 2);
    }
  }

  private drawRow(
    row: NonNullable<Shown['row']>,
    y: number,
    period: Period,
    layout: Layout,
    x: (at: number) => number,
  ): void {
    const { pen, colours } = this;
    const { barHeight, left, width } = layout;
    let drawn = -Infinity;
    for (
      let place = firstAfter(row.spans, period.from, ({ to }) => to ?? Infinity);
      place < row.spans.length;
      place++
    ) {
      const one = row.spans[place];
      if (!one || one.from > period.to) break;
      const { from, to = period.now, kind } = one;
      const start = Math.max(left - 4, x(from));
      const end = Math.min(width + 4, x(to));
      // Many within one pixel are one.
      if (end < drawn + 0.5) continue;
      drawn = end;
      drawSpan(pen, colours, kind, start, end, y, barHeight);
    }
    const last = new Map<string, number>();
    for (let place = firstAfter(row.marks, period.from, ({ at }) => at); place < row.marks.length; place++) {
      const one = row.marks[place];
      if (!one || one.at > period.to) break;
      const { at, kind } = one;
      const px = x(at);
      if (px - (last.get(kind) ?? -Infinity) < (kind === 'slot-started' ? 1.5 : 4)) continue;
      // The failure for which it is restarted says that, too.
      if (kind === 'restarting' && px - (last.get('failed') ?? -Infinity) < 4) continue;
      last.set(kind, px);
      drawMark(pen, colours, kind, px, y + barHeight / 2, barHeight);
    }
  }

  private drawLines({ lines }: Timeline, { height, axis }: Layout, x: (at: number) => number): void {
    const { pen, colours } = this;
    for (const { at, type } of lines) {
      const place = Math.round(x(at)) + 0.5;
      pen.strokeStyle = pen.fillStyle =
        type === 'draining' ? colours.warn : type === 'cancelled' ? colours.bad : colours.dim;
      pen.lineWidth = 1.5;
      pen.setLineDash(type === 'draining' ? [2, 3] : type === 'cancelled' ? [6, 3] : []);
      pen.beginPath();
      pen.moveTo(place, axis);
      pen.lineTo(place, height);
      pen.stroke();
      pen.setLineDash([]);
      pen.font = '600 11px ui-sans-serif, system-ui, sans-serif';
      pen.textBaseline = 'bottom';
      const y = height - (type === 'draining' ? 18 : 4);
      // Legible on bars and lines, too.
      pen.strokeStyle = colours.bg;
      pen.lineWidth = 4;
      pen.strokeText(type, place + 4, y);
      pen.fillText(type, place + 4, y);
    }
  }
}

function scale({ from, to }: Period, { left, width }: Layout): (at: number) => number {
  const perMs = (width - left) / (to - from);
  return (at) => left + (at - from) * perMs;
}

/** The first of what is in the order of time that is not over before a time. */
function firstAfter<T>(all: readonly T[], at: number, end: (one: T) => number): number {
  let low = 0;
  let high = all.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (end(all[middle] as T) < at) low = middle + 1;
    else high = middle;
  }
  return low;
}

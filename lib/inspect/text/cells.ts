import { appMarkColor, appMarkStyles, plottedMarks, rank, styles, type Color, type Kind } from '../styles.js';
import type { TaskRow } from '../task-timeline.js';
import type { TimeWindow } from '../time-window.js';
import type { AppMark } from '../timeline.js';
import type { Paint } from './paint.js';

/** One column of a chart. */
export interface Cell {
  readonly symbol: string;
  readonly color?: Color;
}

const blank: Cell = { symbol: ' ' };

/** Maps times to the columns of a chart. */
export class ColumnScale {
  readonly columns: number;
  private readonly from: number;
  private readonly to: number;

  constructor({ from, to }: TimeWindow, columns: number) {
    this.columns = columns;
    this.from = from;
    this.to = to;
  }

  columnOf(at: number): number {
    const column = Math.floor(((at - this.from) / (this.to - this.from)) * this.columns);
    return Math.min(this.columns - 1, Math.max(0, column));
  }

  /** Returns the time of a column that is between two times, in ms. It is negative for times beside the column. */
  overlap(column: number, from: number, to: number): number {
    const start = this.from + (column / this.columns) * (this.to - this.from);
    const end = start + (this.to - this.from) / this.columns;
    return Math.min(to, end) - Math.max(from, start);
  }
}

/** Returns the kind in each column: the most important mark, or else the longest span. */
export function kindsOf(row: TaskRow, scale: ColumnScale, window: TimeWindow): (Kind | undefined)[] {
  const kinds = Array.from({ length: scale.columns }, (): Kind | undefined => undefined);
  const covered = new Float64Array(scale.columns);
  for (const { from, to = window.to, kind } of row.spans) {
    const last = scale.columnOf(to);
    for (let column = scale.columnOf(from); column <= last; column++) {
      const part = scale.overlap(column, from, to);
      if (part <= 0 || part < (covered[column] ?? 0)) continue;
      covered[column] = part;
      kinds[column] = kind;
    }
  }
  for (const { at, kind } of plottedMarks(row)) {
    if (at < window.from) continue;
    const column = scale.columnOf(at);
    const other = kinds[column];
    if (!other || rank(kind) >= rank(other)) kinds[column] = kind;
  }
  return kinds;
}

/** Returns the cell of a kind, or else of a mark of the application in this column. */
export function cellOf(kind: Kind | undefined, appMark: AppMark | undefined): Cell {
  if (kind) return styles[kind];
  return appMark ? { symbol: appMarkStyles[appMark.type].symbol, color: appMarkColor(appMark) } : blank;
}

/** Paints the cells, each run of one colour at once. */
export function paintCells(cells: readonly Cell[], paint: Paint): string {
  let line = '';
  for (let start = 0, end = 0; start < cells.length; start = end) {
    const { color } = cells[start] ?? blank;
    let text = '';
    for (; end < cells.length && cells[end]?.color === color; end++) text += cells[end]?.symbol ?? '';
    line += color ? paint(text, color) : text;
  }
  return line;
}

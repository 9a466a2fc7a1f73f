import type { Kind } from '../styles.js';
import { formatTime } from '../time-axis.js';
import type { TimeWindow } from '../time-window.js';

/** The width of a column of text, in px. The average letter is narrower. */
export const columnWidth = 6.6;
/** The margin on all sides, in px. */
export const margin = 20;

/** The layout of a picture, and the kinds that it contains. */
export class Chart {
  readonly window: TimeWindow;
  readonly width: number;
  /** The ends of the time axis. */
  readonly left: number;
  readonly right: number;
  readonly drawnKinds: Set<Kind>;

  /** @param labelColumns and `statusColumns`: the widths of the texts beside the axis, in columns. */
  constructor(window: TimeWindow, width: number, labelColumns: number, statusColumns: number) {
    this.window = window;
    this.drawnKinds = new Set();
    this.width = width;
    this.left = Math.round(margin + Math.min(labelColumns * columnWidth, width * 0.3) + 18);
    this.right = Math.round(width - margin - Math.min(statusColumns * columnWidth, width * 0.2) - 18);
  }

  x(at: number): number {
    const { from, to } = this.window;
    return this.left + ((at - from) / (to - from)) * (this.right - this.left);
  }

  formatTime(at: number): string {
    return formatTime(at, this.window.from, this.window.to);
  }
}

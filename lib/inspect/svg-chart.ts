import { moment } from './axis.js';
import type { Kind } from './looks.js';
import type { View } from './view.js';

/** Of a column of text, in px: letters are narrower on the average. */
export const column = 6.6;
/** What is left free at the sides. */
export const pad = 20;

/** Where things lie in a drawing, and which there are. */
export class Chart {
  readonly view: View;
  readonly width: number;
  /** Where the axis begins and ends. */
  readonly left: number;
  readonly right: number;
  readonly seen: Set<Kind>;

  /** @param labels and `statuses`: how wide they want to be, in columns. */
  constructor(view: View, width: number, labels: number, statuses: number) {
    this.view = view;
    this.seen = new Set();
    this.width = width;
    this.left = Math.round(pad + Math.min(labels * column, width * 0.3) + 18);
    this.right = Math.round(width - pad - Math.min(statuses * column, width * 0.2) - 18);
  }

  x(at: number): number {
    const { from, to } = this.view;
    return this.left + ((at - from) / (to - from)) * (this.right - this.left);
  }

  when(at: number): string {
    return moment(at, this.view.from, this.view.to);
  }
}

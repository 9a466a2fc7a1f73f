import { day } from '../../util/duration.js';

/** The limits of the length of the period, in ms. */
const minSpan = 200;
const maxSpan = 14 * day;
/** The part of the span that stays free after the current time. */
const margin = 0.02;

/** The period in the viewport, and the current time. */
export interface VisiblePeriod {
  readonly from: number;
  readonly to: number;
  readonly now: number;
}

/** The part of the time axis that the page shows. */
export class Viewport {
  /** The length of the period, in ms. */
  span = 60_000;
  /** The end of the period, or `undefined` to follow the current time. */
  private fixedEnd: number | undefined = undefined;

  /** Whether the period moves with the current time. */
  get isFollowing(): boolean {
    return this.fixedEnd === undefined;
  }

  period(now: number): VisiblePeriod {
    const to = this.end(now);
    return { from: to - this.span, to, now };
  }

  pause(now: number): void {
    this.fixedEnd = this.end(now);
  }

  follow(): void {
    this.fixedEnd = undefined;
  }

  /** @param at the time that keeps its place; while the viewport follows the current time, that one does. */
  zoom(factor: number, at: number): void {
    const before = this.span;
    this.span = clamp(before * factor);
    if (this.fixedEnd !== undefined) this.fixedEnd = at + (this.fixedEnd - at) * (this.span / before);
  }

  /** Moves by a fraction of the span. A move beyond the current time follows it. */
  move(fraction: number, now: number): void {
    const end = this.end(now) + fraction * this.span;
    this.fixedEnd = end >= now + this.span * margin ? undefined : end;
  }

  /** Shows everything since a time, and follows the current time. */
  showSince(from: number, now: number): void {
    this.span = clamp((now - from) * (1 + 2 * margin));
    this.fixedEnd = undefined;
  }

  private end(now: number): number {
    return this.fixedEnd ?? now + this.span * margin;
  }
}

function clamp(span: number): number {
  return Math.min(maxSpan, Math.max(minSpan, span));
}

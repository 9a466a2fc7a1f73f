import { Subscription } from 'rxjs';
import type { VirtualClock } from './virtual-clock.js';

/** A timer of a virtual clock, as `setTimeout` and `setInterval` of Node return it. */
export class VirtualTimer {
  private readonly clock: VirtualClock;
  private readonly callback: (timer: VirtualTimer) => void;
  private readonly ms: number;
  private readonly repeats: boolean;
  private pending: Subscription = Subscription.EMPTY;
  private closed = false;
  private keepsOpen = true;

  /** @param ms any value, as in Node. */
  constructor(clock: VirtualClock, callback: (timer: VirtualTimer) => void, ms: unknown, repeats = false) {
    this.clock = clock;
    this.callback = callback;
    this.ms = toDelay(ms);
    this.repeats = repeats;
    this.schedule(this.ms);
  }

  refresh(): this {
    this.schedule(this.ms);
    return this;
  }

  close(): this {
    this.closed = true;
    this.pending.unsubscribe();
    return this;
  }

  [Symbol.dispose](): void {
    this.close();
  }

  ref(): this {
    this.keepsOpen = true;
    return this;
  }

  /** A scenario waits for it all the same. */
  unref(): this {
    this.keepsOpen = false;
    return this;
  }

  hasRef(): boolean {
    return this.keepsOpen;
  }

  private schedule(ms: number): void {
    if (this.closed) return;
    this.pending.unsubscribe();
    this.pending = this.clock.schedule(() => this.fire(), ms);
  }

  private fire(): void {
    try {
      this.callback(this);
    } finally {
      // As in Node after the callback, and so after the timers that it has set.
      if (this.repeats) this.schedule(toPeriod(this.ms));
    }
  }
}

/** Converts the period of an interval as Node does. */
export function toPeriod(ms: unknown): number {
  return Math.max(1, toDelay(ms));
}

/** Converts a delay to whole ms as Node does: an invalid or too long one is 1. Unlike in Node, 0 is no time at all. */
function toDelay(ms: unknown = 0): number {
  const delay = Number(ms);
  if (delay === 0) return 0;
  return delay >= 1 && delay <= 2 ** 31 - 1 ? Math.trunc(delay) : 1;
}

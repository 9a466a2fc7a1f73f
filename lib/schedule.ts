import { Observable, Subscription, type SchedulerLike } from 'rxjs';
import { after } from './internal/after.js';
import { expected } from './internal/expect.js';

/** The slots that have become due since the last look: usually one, more when the process could not run in between. */
export interface DueSlots {
  /** When the first of them was due, in ms since the epoch. */
  readonly first: number;
  readonly last: number;
  readonly count: number;
  /** By how many ms the last one is late. */
  readonly late: number;
}

/** By how many ms a wait exceeds its period only when the clock was set back: a timer is early by less. */
const setBack = 50;

/** @throws TypeError for what is no number, RangeError for one that is not finite or not above 0. */
export function expectPeriod(ms: unknown): void {
  if (typeof ms !== 'number') throw new TypeError(expected('schedule', 'a period in ms', ms));
  if (!(ms > 0 && ms < Infinity)) throw new RangeError(expected('schedule', 'a finite period in ms above 0', ms));
}

/**
 * The slots of a period: slot k is due at start + k · period, whenever the one before was told, so that there is no drift
 * (RxJS's `interval` arms each wait when the last one fired, and adds up how late that was).
 *
 * @param immediate whether there is a slot 0, due at the start.
 */
export function periodSlots(period: number, scheduler: SchedulerLike, immediate: boolean): Observable<DueSlots> {
  return new Observable((subscriber) => {
    const start = scheduler.now();
    // Slots are named by the start; when they are due moves with a clock that is set back, by which no name comes twice.
    let base = start;
    let next = immediate ? 0 : 1;
    let timer = Subscription.EMPTY;
    const tell = () => {
      const now = scheduler.now();
      const first = next;
      // A timer may fire a moment early. It is the slot's all the same: an early slot is not told twice.
      const last = Math.max(first, Math.floor((now - base) / period));
      next = last + 1;
      subscriber.next({
        first: start + first * period,
        last: start + last * period,
        count: next - first,
        late: Math.max(0, now - (base + last * period)),
      });
      arm();
    };
    const arm = () => {
      if (subscriber.closed) return;
      const now = scheduler.now();
      if (base + next * period - now > period + setBack) base = now + period - next * period;
      timer = after(scheduler, Math.max(0, base + next * period - now), tell);
    };
    if (immediate) tell();
    else arm();
    return () => timer.unsubscribe();
  });
}

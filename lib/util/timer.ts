import { Observable, Subscription, type SchedulerAction, type SchedulerLike } from 'rxjs';

// Node's timers hold 32 bits and fire at once beyond that, so a longer wait is made of pieces.
const maxTimerMs = 2 ** 31 - 1;

/** Calls `then` once, `ms` from now by the scheduler's clock; never for `Infinity`. */
export function after(scheduler: SchedulerLike, ms: number, then: () => void): Subscription {
  if (ms === Infinity) return Subscription.EMPTY;
  const piece = Math.min(ms, maxTimerMs);
  return scheduler.schedule(
    function (this: SchedulerAction<number>, left = 0) {
      if (left <= 0) return then();
      const next = Math.min(left, maxTimerMs);
      this.schedule(left - next, next);
    },
    piece,
    ms - piece,
  );
}

/** Completes after `ms` by the scheduler's clock; never for `Infinity`. Unlike RxJS's `timer`, it takes a wait of any length. */
export function wait(ms: number, scheduler: SchedulerLike): Observable<never> {
  return new Observable((subscriber) => after(scheduler, ms, () => subscriber.complete()));
}

import { Observable, Subscription, type SchedulerAction, type SchedulerLike } from 'rxjs';

/** The longest delay of a timer in Node: timers hold 32 bits and fire immediately beyond that. */
export const maxTimerMs: number = 2 ** 31 - 1;

/** Calls a function once, after `ms` on the scheduler's clock. For `Infinity`, never calls it. */
export function after(scheduler: SchedulerLike, ms: number, callback: () => void): Subscription {
  if (ms === Infinity) return Subscription.EMPTY;
  const firstMs = Math.min(ms, maxTimerMs);
  return scheduler.schedule(
    function (this: SchedulerAction<number>, remainingMs = 0) {
      if (remainingMs <= 0) return callback();
      const nextMs = Math.min(remainingMs, maxTimerMs);
      this.schedule(remainingMs - nextMs, nextMs);
    },
    firstMs,
    ms - firstMs,
  );
}

/** Calls a function as {@link after} does, but does not keep the process alive until then. */
export function afterUnlessExit(scheduler: SchedulerLike, ms: number, callback: () => void): Subscription {
  const subscription = after(scheduler, ms, callback);
  // RxJS holds the real timer of an action in `id`.
  (subscription as { readonly id?: { unref?(): void } }).id?.unref?.();
  return subscription;
}

/** Completes after `ms` on the scheduler's clock; for `Infinity`, never. Unlike RxJS's `timer`, accepts any length. */
export function wait(ms: number, scheduler: SchedulerLike): Observable<never> {
  return new Observable((subscriber) => after(scheduler, ms, () => subscriber.complete()));
}

import type { SchedulerLike } from 'rxjs';

const settle: unique symbol = Symbol('settle');

/** A scheduler that may delay the settling of promises, so that a test can try each order of events. */
export interface PromiseControl {
  [settle]?: <T>(promise: PromiseLike<T>) => PromiseLike<T>;
}

/**
 * Lets a scheduler decide when promises settle: {@link settleOn} then returns the promise that `delay` returns. Each
 * further `delay` gets the promise of the one before.
 */
export function controlPromises(scheduler: object, delay: <T>(promise: PromiseLike<T>) => PromiseLike<T>): void {
  const control = scheduler as PromiseControl;
  const { [settle]: before } = control;
  control[settle] = before ? (promise) => delay(before(promise)) : delay;
}

/**
 * Settles a promise on a scheduler, as RxJS's `observeOn` does for an Observable. Returns the promise itself unless the
 * scheduler controls promises, which only a test's scheduler does.
 */
export function settleOn<T>(scheduler: SchedulerLike & PromiseControl, promise: PromiseLike<T>): PromiseLike<T> {
  return scheduler[settle]?.(promise) ?? promise;
}

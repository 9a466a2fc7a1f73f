import type { SchedulerLike } from 'rxjs';

const settle: unique symbol = Symbol('turn');

/** A scheduler that tries the orders in which things may happen, and lets promises settle in any of them. */
export interface PromiseControl {
  [settle]?: <T>(promise: PromiseLike<T>) => PromiseLike<T>;
}

/** Has promises settle by a scheduler when it is their turn. */
export function controlPromises(scheduler: object, wait: <T>(promise: PromiseLike<T>) => PromiseLike<T>): void {
  (scheduler as PromiseControl)[settle] = wait;
}

/** A promise that settles when it is its turn by a scheduler: at once, but for a test that tries all orders. */
export function settleOn<T>(scheduler: SchedulerLike & PromiseControl, promise: PromiseLike<T>): PromiseLike<T> {
  return scheduler[settle]?.(promise) ?? promise;
}

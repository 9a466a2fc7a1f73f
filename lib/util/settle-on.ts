import type { SchedulerLike } from 'rxjs';

const turn: unique symbol = Symbol('turn');

/** A scheduler that tries the orders in which things may happen, and lets promises settle in any of them. */
export interface Turns {
  [turn]?: <T>(promise: PromiseLike<T>) => PromiseLike<T>;
}

/** Has promises settle by a scheduler when it is their turn. */
export function takeTurns(scheduler: object, wait: <T>(promise: PromiseLike<T>) => PromiseLike<T>): void {
  (scheduler as Turns)[turn] = wait;
}

/** A promise that settles when it is its turn by a scheduler: at once, but for a test that tries all orders. */
export function inTurn<T>(scheduler: SchedulerLike & Turns, promise: PromiseLike<T>): PromiseLike<T> {
  return scheduler[turn]?.(promise) ?? promise;
}

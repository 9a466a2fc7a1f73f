import { firstValueFrom, merge, mergeMap, Observable, throwError, type Subscriber } from 'rxjs';
import { background } from '../context/context.js';
import type { Context } from '../context/types.js';
import { Listener } from '../util/linked-list.js';
import { validateFunction } from '../util/validate.js';
import { CancelContext } from '../context/cancel-context.js';
import { markHandled, FutureState } from './future-state.js';
import { toContext } from '../context/abort-signal-context.js';
import type { TaskOutput } from '../task/types.js';

/**
 * The result of work under way, kept for whoever awaits it or subscribes to it, early or late, any number of times.
 * Made by {@link future} alone. Composes with `forkJoin`, `firstValueFrom`, `Promise.all`.
 */
export interface Future<T> extends Observable<T>, PromiseLike<T> {
  /** The result as a promise. When `waiter` is cancelled it rejects with the cause and the work goes on. */
  await(waiter?: Context | AbortSignal): Promise<T>;
  /** Cancels the work. Whoever awaits it gets the cause at once; what it still yields is dropped. */
  cancel(cause?: unknown): void;
  readonly status: 'pending' | 'fulfilled' | 'rejected' | 'cancelled';
}

/**
 * Starts work at once, synchronously, as an async function does, and keeps its result: the last value, `undefined` when
 * there is none. Errors arrive as they were thrown. After Go's `Async(f)`.
 *
 * @param work gets a context of its own, cancelled by `cancel` and with the parent.
 * @param parent a context or an AbortSignal. Under a cancelled one the work is not called.
 * @throws TypeError when `work` is no function or `parent` neither a context nor an AbortSignal.
 *
 * @example
 * ```ts
 * import { future } from 'rxjs-tasks';
 *
 * const answer = future(async () => 42);
 * answer.subscribe((value) => console.log('seen', value));
 * console.log(await answer); // → seen 42
 * // → 42
 * console.log(answer.status); // → fulfilled
 * ```
 */
export function future<T>(
  work: (ctx: Context) => TaskOutput<T>,
  parent: Context | AbortSignal = background,
): Future<T> {
  validateFunction('work', work);
  const settling = new FutureState<T>(toContext(parent));
  const kept = (settling.observable = new FutureObservable(settling));
  settling.start(work);
  return kept;
}

/** What a user holds. */
class FutureObservable<T> extends Observable<T> implements Future<T> {
  private readonly state: FutureState<T>;

  constructor(settling: FutureState<T>) {
    super();
    this.state = settling;
  }

  get status(): Future<T>['status'] {
    return this.state.status;
  }

  await(waiter?: Context | AbortSignal): Promise<T> {
    return waiter ? this.awaitUntil(waiter) : this.handledState().promise;
  }

  then<A = T, B = never>(
    onfulfilled?: ((value: T) => A | PromiseLike<A>) | null,
    onrejected?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    return this.await().then(onfulfilled, onrejected);
  }

  cancel(cause?: unknown): void {
    CancelContext.cancel(this.state, cause);
  }

  /** Called by RxJS, as a Subject's is: a function for the constructor would be one closure more in every future. */
  protected _subscribe(subscriber: Subscriber<T>): Listener<FutureState<T>> {
    const listener = new Listener<FutureState<T>>(({ status, outcome }) => {
      if (status !== 'fulfilled') return subscriber.error(outcome);
      subscriber.next(outcome as T);
      subscriber.complete();
    });
    this.handledState().onSettled(listener);
    return listener;
  }

  private async awaitUntil(waiter: Context | AbortSignal): Promise<T> {
    const given$ = toContext(waiter).cancelled$.pipe(mergeMap((cause) => throwError(() => cause)));
    return firstValueFrom(merge(given$, this));
  }

  private handledState(): FutureState<T> {
    if (this.state.status === 'rejected') markHandled(this);
    return this.state;
  }
}

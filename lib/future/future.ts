import { firstValueFrom, merge, mergeMap, Observable, throwError, type Subscriber } from 'rxjs';
import { background } from '../context/context.js';
import type { Context } from '../context/types.js';
import type { Listener } from '../util/linked-list.js';
import { SubscriberListener } from '../util/subscriber-listener.js';
import { hasMembers } from '../util/has-members.js';
import { invalid, validateFunction } from '../util/validate.js';
import { CancelContext } from '../context/cancel-context.js';
import { FutureState } from './future-state.js';
import { toContext } from '../context/abort-signal-context.js';
import type { TaskOutput } from '../task/types.js';

/**
 * The result of work that has been started: an Observable and a promise-like in one. The result is kept. Any number of
 * subscriptions and awaits receive it, early or late, and none of them starts the work again. A future composes with
 * `forkJoin`, `firstValueFrom` and `Promise.all`. Only {@link future} creates one.
 */
export interface Future<T> extends Observable<T>, PromiseLike<T> {
  /**
   * Returns the result as a promise. It rejects with the error as the work threw it, or with the cause of a cancel.
   *
   * @param waiter a context or an AbortSignal. When it is cancelled, the promise rejects with its cause and the work
   * goes on. Default: wait for as long as the work takes.
   */
  await(waiter?: Context | AbortSignal): Promise<T>;
  /**
   * Cancels the work. Subscribers and awaits get the cause immediately, and what the work still yields is dropped. Has
   * no effect on work that has ended.
   *
   * @param cause the reason. Default: a `CancelledError`.
   */
  cancel(cause?: unknown): void;
  /** `pending` until the work has ended and has released its resources, or is cancelled. */
  readonly status: 'pending' | 'fulfilled' | 'rejected' | 'cancelled';
}

/**
 * Starts work immediately and synchronously, as an async function does, and keeps its result: the last value, or
 * `undefined` if there is none. The counterpart of Go's `Async(f)`.
 *
 * The future errors with what the work threw, not with a wrapper. If no code subscribes to the future or awaits it, the
 * error is reported. Under the context of a run, it is a `future-failed` event at the end of that run, and in the
 * report of the application. Without a run, it goes to RxJS's handler of unhandled errors when the future is
 * garbage-collected. At the latest it is written at the exit of the process, and the exit code is 1.
 *
 * Cancelling the future or its parent cancels the context of the work. The future errors with the cause immediately. An
 * Observable is unsubscribed, an async iterable has its `return()` called, and the result of a promise is dropped. Once
 * the work has ended, a cancel of the parent reaches its context only while that has children or subscribers: its
 * `signal` alone is then not aborted.
 *
 * @param work the function to call. It gets its own context, a child of `parent`.
 * @param parent a context or an AbortSignal. If it is already cancelled, `work` is not called. Default: `background`,
 * which is never cancelled.
 * @throws TypeError if `work` is not a function, or `parent` is neither a context nor an AbortSignal.
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
  if (hasMembers(work, 'then') || hasMembers(work, 'subscribe'))
    throw new TypeError(`${invalid('work', 'a function', work)}. Return it from a function: future(() => …)`);
  validateFunction('work', work);
  const state = new FutureState<T>(toContext(parent));
  const observable = (state.observable = new FutureObservable(state));
  state.start(work);
  return observable;
}

/** The public face of a {@link FutureState}. */
class FutureObservable<T> extends Observable<T> implements Future<T> {
  private readonly state: FutureState<T>;

  constructor(state: FutureState<T>) {
    super();
    this.state = state;
  }

  get status(): Future<T>['status'] {
    return this.state.status;
  }

  await(waiter?: Context | AbortSignal): Promise<T> {
    const state = this.handledState();
    return waiter ? this.awaitUntil(waiter) : state.promise;
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

  /** Overrides RxJS's method, as a Subject does. A function for the constructor would cost one closure per future. */
  protected _subscribe(subscriber: Subscriber<T>): Listener<FutureState<T>> | undefined {
    const state = this.handledState();
    if (state.settled) return deliver(state, subscriber);
    const listener = new SubscriberListener<FutureState<T>>((settled) => deliver(settled, subscriber));
    state.onSettled(listener);
    return listener;
  }

  private async awaitUntil(waiter: Context | AbortSignal): Promise<T> {
    const waiterCancelled$ = toContext(waiter).cancelled$.pipe(mergeMap((cause) => throwError(() => cause)));
    return firstValueFrom(merge(waiterCancelled$, this));
  }

  /** Returns the state, and marks its result as awaited or subscribed to. */
  private handledState(): FutureState<T> {
    this.state.markHandled();
    return this.state;
  }
}

function deliver<T>({ status, outcome }: FutureState<T>, subscriber: Subscriber<T>): undefined {
  if (status !== 'fulfilled') {
    subscriber.error(outcome);
    return;
  }
  subscriber.next(outcome as T);
  subscriber.complete();
}

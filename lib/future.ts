import { Observable } from 'rxjs';
import { background, type Context } from './context.js';
import { join, leave, Listener, tellAll, type Chain } from './internal/chain.js';
import { expected } from './internal/expect.js';
import { flow, type Flow, type Sink } from './internal/flow.js';
import { Scope } from './internal/scope.js';
import { toScope } from './internal/to-scope.js';
import { reportUnhandled } from './internal/unhandled.js';
import type { TaskOutput } from './task.js';

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
  if (typeof work !== 'function') throw new TypeError(expected('work', 'a function', work));
  const settling = new Settling<T>(toScope(parent));
  const kept = (settling.kept = new KeptResult(settling));
  settling.start(work);
  return kept;
}

type Result<T> = { readonly value: T } | { readonly error: unknown };

/** Errors that nobody had looked at when their future was collected. */
const unseen = new FinalizationRegistry<unknown>(reportUnhandled);

/** What a user holds. */
class KeptResult<T> extends Observable<T> implements Future<T> {
  private readonly settling: Settling<T>;
  private promise: Promise<T> | undefined = undefined;

  constructor(settling: Settling<T>) {
    super((subscriber) =>
      this.look((result) => {
        if ('error' in result) return subscriber.error(result.error);
        subscriber.next(result.value);
        subscriber.complete();
      }),
    );
    this.settling = settling;
  }

  get status(): Future<T>['status'] {
    return this.settling.status;
  }

  await(waiter?: Context | AbortSignal): Promise<T> {
    if (waiter) return this.awaitUntil(waiter);
    return (this.promise ??= new Promise((resolve, reject) => {
      this.look((result) => ('error' in result ? reject(result.error) : resolve(result.value)));
    }));
  }

  then<A = T, B = never>(
    onfulfilled?: ((value: T) => A | PromiseLike<A>) | null,
    onrejected?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    return this.await().then(onfulfilled, onrejected);
  }

  cancel(cause?: unknown): void {
    Scope.cancel(this.settling, cause);
  }

  private awaitUntil(waiter: Context | AbortSignal): Promise<T> {
    return new Promise((resolve, reject) => {
      const scope = toScope(waiter);
      if (scope.cancelled) return reject(scope.cause);
      let waiting: Listener<unknown> | undefined = undefined;
      const looking = this.look((result) => {
        waiting?.unsubscribe();
        if ('error' in result) reject(result.error);
        else resolve(result.value);
      });
      // A settled result has been seen by now.
      waiting =
        looking &&
        scope.whenCancelled((cause) => {
          looking.unsubscribe();
          reject(cause);
        });
    });
  }

  private look(see: (result: Result<T>) => void): Listener<Result<T>> | undefined {
    const { result } = this.settling;
    if (!result) return this.settling.await(see);
    if ('error' in result) unseen.unregister(this);
    see(result);
    return undefined;
  }
}

/** The work's context, the sink of its output, and the result that comes of it. */
class Settling<T> extends Scope implements Sink<T> {
  result: Result<T> | undefined = undefined;
  /** Kept while the work goes on, so that an error still finds the future it belongs to. */
  kept: KeptResult<T> | undefined = undefined;
  private flow: Flow | undefined = undefined;
  /** The work has ended by itself: a cancel changes nothing any more. */
  private isOver = false;
  private value: T | undefined = undefined;
  private failure: { readonly error: unknown } | undefined = undefined;
  private awaiting: Chain | undefined = undefined;

  constructor(parent: Scope) {
    super(parent.scheduler, parent);
  }

  get status(): Future<T>['status'] {
    if (this.result === undefined) return this.cancelled ? 'cancelled' : 'pending';
    if (this.result === this.failure) return 'rejected';
    return 'error' in this.result ? 'cancelled' : 'fulfilled';
  }

  start(work: (ctx: Context) => TaskOutput<T>): void {
    if (this.cancelled) return this.afterCancel(this.cause);
    let output: TaskOutput<T>;
    try {
      output = work(this);
    } catch (error) {
      this.over();
      this.fail(error);
      return this.end();
    }
    flow(output, this);
  }

  await(see: (result: Result<T>) => void): Listener<Result<T>> {
    const listener = new Listener(see);
    join((this.awaiting ??= { first: undefined, last: undefined }), listener);
    return listener;
  }

  begin(flow: Flow): void {
    this.flow = flow;
    if (this.cancelled) flow.cut();
  }

  next(value: T): void {
    this.value = value;
  }

  over(): void {
    if (!this.cancelled) this.isOver = true;
  }

  fail(error: unknown): void {
    if (this.cancelled && !this.isOver) return;
    if (this.failure) reportUnhandled(error);
    else this.failure = { error };
  }

  end(): void {
    this.flow = undefined;
    if (!this.cancelled || this.isOver) this.settle(this.failure ?? { value: this.value as T });
  }

  late(): void {
    // Dropped: the future was cancelled, and whoever awaited it has the cause.
  }

  /** While the work goes on the scope is the parent's to cancel, whoever comes and goes under it. */
  emptied(): void {
    if (this.result) leave(this);
  }

  protected override afterCancel(cause: unknown): void {
    if (this.result || this.isOver) return;
    this.settle({ error: cause });
    this.flow?.cut();
  }

  private settle(result: Result<T>): void {
    const { awaiting, kept } = this;
    this.result = result;
    this.awaiting = this.kept = undefined;
    // What the work started under its context and left behind is still the parent's to cancel.
    if (!this.first) leave(this);
    if (awaiting?.first) tellAll(awaiting, result);
    else if (kept && this.status === 'rejected') unseen.register(kept, this.failure?.error, kept);
  }
}

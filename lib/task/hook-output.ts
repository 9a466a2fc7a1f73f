import {
  from,
  isObservable,
  Observable,
  Subscription,
  type InteropObservable,
  type Observer,
  type SchedulerLike,
  type TeardownLogic,
} from 'rxjs';
import { captureAsyncContext, runInAsyncContext, type AsyncContext } from '../util/async-context.js';
import { settleOn } from '../util/settle-on.js';
import { teardownErrors } from '../util/teardown-errors.js';
import { invalid } from '../util/validate.js';
import { toAsyncIterator, type PullSource } from './async-iterator.js';
import type { TaskOutput, TaskStream } from './types.js';

/** A running asynchronous output. */
export interface OutputSubscription {
  /** The time that it may take after a cancel, in ms, if the task sets no grace. */
  readonly grace: number;
  /** Stops the output; `released` is called at its end. Does nothing if it was interrupted, or has ended, before. */
  interrupt(): void;
}

/** An observer of a hook's output. */
export interface OutputObserver<T> {
  readonly scheduler: SchedulerLike;
  /** Whether a promise is interrupted some time after a cancel. By default it is waited for. */
  readonly interruptsPromises: boolean;
  /**
   * The first call for an asynchronous output. Called again when the value of a promise is a stream. The observer
   * may interrupt the output during this call.
   */
  onSubscribe(subscription: OutputSubscription): void;
  next(value: T): void;
  /** The output has ended by itself; it may still hold resources. For a single value, called before `next`. */
  sourceEnded(): void;
  /** An error of the source, or of an Observable's teardown. May be called more than once. */
  failed(error: unknown): void;
  /** An async iterator's `return` has failed. */
  teardownFailed(error: unknown): void;
  /** The output has ended and released its resources. The last call, except for `lateResult`. */
  released(): void;
  /** An interrupted output has settled nevertheless. */
  lateResult(failure?: { readonly error: unknown }): void;
}

/** Subscribes to the output of a hook, flattened into its values. Synchronous output is delivered synchronously. */
export function subscribeOutput<T>(output: TaskOutput<T>, observer: OutputObserver<T>): void {
  let asynchronous: AsyncOutput | undefined;
  try {
    asynchronous = toAsyncOutput(output, observer);
  } catch (error) {
    // An object that looks like a stream or a promise, but throws when its members are read.
    observer.sourceEnded();
    observer.failed(error);
    return observer.released();
  }
  if (asynchronous) return asynchronous.start(output);
  observer.sourceEnded();
  observer.next(output as T);
  observer.released();
}

interface AsyncOutput {
  start(output: unknown): void;
}

function toAsyncOutput<T>(output: unknown, observer: OutputObserver<T>): AsyncOutput | undefined {
  if (!isObject(output)) return undefined;
  if (isObservable(output) || observableSymbol in output) return new ObservableOutput(observer);
  const source = toAsyncIterator<T>(output);
  if (source) return new IterableOutput(observer, source);
  return typeof (output as { readonly then?: unknown }).then === 'function' ? new PromiseOutput(observer) : undefined;
}

/**
 * A subscription to an Observable. RxJS treats a Subscription with an observer's methods as a Subscriber, and
 * subscribes it without a wrapper.
 */
class ObservableOutput<T> extends Subscription implements OutputSubscription, Observer<T> {
  private readonly observer: OutputObserver<T>;
  private subscribing = true;
  /** Captured once `subscribe` has returned: until then all runs in the caller's own. */
  private asyncContext: AsyncContext = undefined;

  constructor(observer: OutputObserver<T>) {
    super();
    this.observer = observer;
  }

  get grace(): number {
    return 0;
  }

  start(source: Observable<T> | InteropObservable<T>): void {
    this.observer.onSubscribe(this);
    if (!this.closed) this.subscribeTo(source);
    if (!this.closed) this.asyncContext = captureAsyncContext();
    this.subscribing = false;
    if (this.closed) this.observer.released();
  }

  private subscribeTo(source: Observable<T> | InteropObservable<T>): void {
    try {
      // An Observable of another copy of RxJS may not recognize our subscriber, and returns its own teardown.
      const subscription: unknown = (source instanceof Observable ? source : from(source)).subscribe(this);
      // A subclass may override `subscribe`, and return a subscription of its own.
      if (subscription !== this) this.add(subscription as TeardownLogic);
    } catch (error) {
      // A source's errors arrive in `error`. Only the teardown of an ended source, and a closed Subject, throw here.
      if (!this.closed) this.observer.sourceEnded();
      this.observer.failed(error);
      this.closed = true;
    }
  }

  next(value: T): void {
    if (this.closed) return;
    if (this.subscribing) this.observer.next(value);
    else runInAsyncContext(this.asyncContext, emitValue<T>, this.observer, value);
  }

  error(error: unknown): void {
    if (!this.closed) this.run(fail, error);
  }

  complete(): void {
    if (!this.closed) this.run(end);
  }

  interrupt(): void {
    if (!this.closed) this.run(release);
  }

  private run(call: (output: ObservableOutput<T>, error?: unknown) => void, error?: unknown): void {
    if (this.subscribing) call(this, error);
    else runInAsyncContext(this.asyncContext, call, this as ObservableOutput<T>, error);
  }

  fail(error: unknown): void {
    this.observer.sourceEnded();
    this.observer.failed(error);
    this.release();
  }

  end(): void {
    this.observer.sourceEnded();
    this.release();
  }

  release(): void {
    if (this.closed) return;
    try {
      this.unsubscribe();
    } catch (error) {
      for (const each of teardownErrors(error)) this.observer.failed(each);
    }
    // During `subscribe` the teardown is not known yet: it runs when `subscribe` returns.
    if (!this.subscribing) this.observer.released();
  }
}

// Functions, because a closure for each call would cost more.

function emitValue<T>(observer: OutputObserver<T>, value: T): void {
  observer.next(value);
}

function released(observer: OutputObserver<never>): void {
  observer.released();
}

function fail(output: ObservableOutput<never>, error: unknown): void {
  output.fail(error);
}

function end(output: ObservableOutput<never>): void {
  output.end();
}

function release(output: ObservableOutput<never>): void {
  output.release();
}

/** A loop that pulls values from an async iterable. */
class IterableOutput<T> implements OutputSubscription {
  private readonly observer: OutputObserver<T>;
  private readonly source: PullSource<T>;
  private readonly asyncContext = captureAsyncContext();
  private state: 'open' | 'closing' | 'closed' = 'open';

  constructor(observer: OutputObserver<T>, source: PullSource<T>) {
    this.observer = observer;
    this.source = source;
  }

  get grace(): number {
    return 0;
  }

  start(): void {
    this.observer.onSubscribe(this);
    void this.pull();
  }

  interrupt(): void {
    if (!this.isOpen()) return;
    this.state = 'closing';
    runInAsyncContext(this.asyncContext, (output) => void output.close(), this, undefined);
  }

  // A method, because TypeScript would narrow `state` across an `await`.
  private isOpen(): boolean {
    return this.state === 'open';
  }

  private async pull(): Promise<void> {
    try {
      while (this.isOpen()) {
        const result = await settleOn(this.observer.scheduler, this.source.next());
        // As in `for await`: without this, a wrong iterator would go on for ever.
        if (!isObject(result)) throw new TypeError(invalid('next()', 'a promise of an object', result));
        if (result.done) break;
        if (!this.isOpen()) return this.observer.lateResult();
        this.observer.next(result.value);
      }
      if (this.isOpen()) this.observer.sourceEnded();
    } catch (error) {
      if (this.state === 'closed') return this.observer.lateResult({ error });
      if (this.isOpen()) this.observer.sourceEnded();
      this.observer.failed(error);
    }
    if (this.isOpen()) this.observer.released();
  }

  private async close(): Promise<void> {
    try {
      await this.source.return?.();
    } catch (error) {
      this.observer.teardownFailed(error);
    }
    this.state = 'closed';
    this.observer.released();
  }
}

/** A wait for a promise, whose value may be a stream. */
class PromiseOutput<T> implements OutputSubscription {
  // `declare` creates no field, because most promises are never interrupted.
  declare private readonly asyncContext?: AsyncContext;
  private readonly observer: OutputObserver<T>;
  private settled = false;

  constructor(observer: OutputObserver<T>) {
    this.observer = observer;
    if (observer.interruptsPromises) this.asyncContext = captureAsyncContext();
  }

  get grace(): number {
    return Infinity;
  }

  start(promise: PromiseLike<TaskStream<T> | T>): void {
    this.observer.onSubscribe(this);
    try {
      // `resolve` guards against thenables that throw, or settle twice. A promise may have another `then` of its own,
      // which `await` does not call either. Bound functions are smaller than closures.
      const native = Promise.resolve(settleOn(this.observer.scheduler, promise));
      void then.call(native, this.fulfilled.bind(this), this.rejected.bind(this));
    } catch (error) {
      // The `constructor` of a promise may throw when it is read.
      this.rejected(error);
    }
  }

  private fulfilled(value: TaskStream<T> | T): void {
    if (this.settled) return this.observer.lateResult();
    this.settled = true;
    subscribeOutput(value, this.observer);
  }

  private rejected(error: unknown): void {
    const { observer } = this;
    if (this.settled) return observer.lateResult({ error });
    // Set first: a listener of the error may cancel, and the cancel must not interrupt an output that has ended.
    this.settled = true;
    observer.sourceEnded();
    observer.failed(error);
    observer.released();
  }

  interrupt(): void {
    if (this.settled) return;
    this.settled = true;
    const { observer } = this;
    if (observer.interruptsPromises) runInAsyncContext(this.asyncContext, released, observer, undefined);
    else observer.released();
  }
}

// eslint-disable-next-line @typescript-eslint/unbound-method -- only called with a promise as `this`
const { then } = Promise.prototype;

// The same as in RxJS, which will not export it after version 7.
const observableSymbol: symbol | string = (Symbol as { observable?: symbol }).observable ?? '@@observable';

function isObject(x: unknown): x is object {
  return Object(x) === x;
}

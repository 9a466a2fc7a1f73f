import {
  from,
  isObservable,
  Observable,
  Subscription,
  type UnsubscriptionError,
  type InteropObservable,
  type Observer,
  type SchedulerLike,
} from 'rxjs';
import type { TaskOutput, TaskStream } from './types.js';
import { hasMethod, toAsyncIterator, type PullSource } from './async-iterator.js';
import { settleOn } from '../util/settle-on.js';

/** An asynchronous output under way. */
export interface OutputSubscription {
  /** For how many ms it may go on after a cancel, unless the task says otherwise. */
  readonly grace: number;
  /** Ends it; the sink is told when that is done. What has been cut, or has ended, is not cut again. */
  interrupt(): void;
}

/** Whoever takes a hook's output. */
export interface OutputObserver<T> {
  readonly scheduler: SchedulerLike;
  /** Comes before all else of an asynchronous output, and again when a promise turned out to be one of a stream. May cut it. */
  onSubscribe(flow: OutputSubscription): void;
  next(value: T): void;
  /** The output has ended by itself, whatever is still to be let go of; before its value, when it is just one. */
  sourceEnded(): void;
  /** Something went wrong. May come more than once: a source may fail, and then its teardown. */
  failed(error: unknown): void;
  /** The output has ended and let go of all it held. The last call, but for `late`. */
  released(): void;
  /** What was cut off settled all the same. */
  lateResult(failure?: { readonly error: unknown }): void;
}

/** Flattens what a hook gave back into a sink; synchronously, without a promise, for whatever is synchronous. */
export function subscribeOutput<T>(output: TaskOutput<T>, sink: OutputObserver<T>): void {
  let opened: { start(output: unknown): void } | undefined;
  try {
    opened = open(output, sink);
  } catch (error) {
    // What only looks like a stream, or like a promise.
    sink.sourceEnded();
    sink.failed(error);
    return sink.released();
  }
  if (opened) return opened.start(output);
  sink.sourceEnded();
  sink.next(output as T);
  sink.released();
}

function open<T>(output: unknown, sink: OutputObserver<T>): { start(output: unknown): void } | undefined {
  if (!isObject(output)) return undefined;
  if (isObservable(output) || observable in output) return new ObservableOutput(sink);
  const source = toAsyncIterator<T>(output);
  if (source) return new IterableOutput(sink, source);
  return hasMethod(output, 'then') ? new PromiseOutput(sink) : undefined;
}

/** A Subscription that has an observer's methods is what RxJS subscribes as it is, without a wrapper: a Subscriber. */
class ObservableOutput<T> extends Subscription implements OutputSubscription, Observer<T> {
  private readonly sink: OutputObserver<T>;
  private subscribing = true;

  constructor(sink: OutputObserver<T>) {
    super();
    this.sink = sink;
  }

  get grace(): number {
    return 0;
  }

  start(source: Observable<T> | InteropObservable<T>): void {
    this.sink.onSubscribe(this);
    if (!this.closed) {
      try {
        // One of another copy may know no subscriber of ours, and gives what ends it.
        (source instanceof Observable ? source : from(source)).subscribe(this);
      } catch (error) {
        // Most errors of a source come to `error`. What is thrown is a teardown's, of one that has ended, or a closed Subject's.
        this.sink.failed(error);
        this.closed = true;
      }
    }
    this.subscribing = false;
    if (this.closed) this.sink.released();
  }

  next(value: T): void {
    if (!this.closed) this.sink.next(value);
  }

  error(error: unknown): void {
    if (this.closed) return;
    this.sink.sourceEnded();
    this.sink.failed(error);
    this.interrupt();
  }

  complete(): void {
    if (!this.closed) this.sink.sourceEnded();
    this.interrupt();
  }

  interrupt(): void {
    if (this.closed) return;
    try {
      this.unsubscribe();
    } catch (error) {
      for (const one of (error as UnsubscriptionError).errors) this.sink.failed(one);
    }
    // While it is being subscribed its teardown is not known yet: it runs when `subscribe` returns.
    if (!this.subscribing) this.sink.released();
  }
}

class IterableOutput<T> implements OutputSubscription {
  private readonly sink: OutputObserver<T>;
  private readonly source: PullSource<T>;
  private state: 'open' | 'closing' | 'closed' = 'open';

  constructor(sink: OutputObserver<T>, source: PullSource<T>) {
    this.sink = sink;
    this.source = source;
  }

  get grace(): number {
    return 0;
  }

  start(): void {
    this.sink.onSubscribe(this);
    void this.pull();
  }

  interrupt(): void {
    if (!this.isOpen()) return;
    this.state = 'closing';
    void this.close();
  }

  private isOpen(): boolean {
    return this.state === 'open';
  }

  private async pull(): Promise<void> {
    try {
      while (this.isOpen()) {
        const result = await settleOn(this.sink.scheduler, this.source.next());
        if (result.done) break;
        if (!this.isOpen()) return this.sink.lateResult();
        this.sink.next(result.value);
      }
      if (this.isOpen()) this.sink.sourceEnded();
    } catch (error) {
      if (this.state === 'closed') return this.sink.lateResult({ error });
      if (this.isOpen()) this.sink.sourceEnded();
      this.sink.failed(error);
    }
    if (this.isOpen()) this.sink.released();
  }

  private async close(): Promise<void> {
    try {
      await this.source.return?.();
    } catch (error) {
      this.sink.failed(error);
    }
    this.state = 'closed';
    this.sink.released();
  }
}

class PromiseOutput<T> implements OutputSubscription {
  private readonly sink: OutputObserver<T>;
  private settled = false;

  constructor(sink: OutputObserver<T>) {
    this.sink = sink;
  }

  get grace(): number {
    return Infinity;
  }

  start(promise: PromiseLike<TaskStream<T> | T>): void {
    this.sink.onSubscribe(this);
    // `resolve` guards against thenables that throw, or settle twice. Bound functions are smaller than closures.
    void Promise.resolve(settleOn(this.sink.scheduler, promise)).then(
      this.fulfilled.bind(this),
      this.rejected.bind(this),
    );
  }

  private fulfilled(value: TaskStream<T> | T): void {
    if (this.settled) return this.sink.lateResult();
    this.settled = true;
    subscribeOutput(value, this.sink);
  }

  private rejected(error: unknown): void {
    const { sink } = this;
    if (this.settled) return sink.lateResult({ error });
    // Whoever is told of the error may cancel, and the cancel would cut what has ended.
    this.settled = true;
    sink.sourceEnded();
    sink.failed(error);
    sink.released();
  }

  interrupt(): void {
    if (this.settled) return;
    this.settled = true;
    this.sink.released();
  }
}

// As RxJS has it, which exports it no longer than 7.
const observable: symbol | string = (Symbol as { observable?: symbol }).observable ?? '@@observable';

function isObject(x: unknown): x is object {
  return (typeof x === 'object' && x !== null) || typeof x === 'function';
}

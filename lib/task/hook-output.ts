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
import { has, iteratorOf, type Source } from './async-iterator.js';
import { inTurn } from '../util/settle-on.js';

/** An asynchronous output under way. */
export interface Flow {
  /** For how many ms it may go on after a cancel, unless the task says otherwise. */
  readonly grace: number;
  /** Ends it; the sink is told when that is done. What has been cut, or has ended, is not cut again. */
  cut(): void;
}

/** Whoever takes a hook's output. */
export interface Sink<T> {
  readonly scheduler: SchedulerLike;
  /** Comes before all else of an asynchronous output, and again when a promise turned out to be one of a stream. May cut it. */
  begin(flow: Flow): void;
  next(value: T): void;
  /** The output has ended by itself, whatever is still to be let go of; before its value, when it is just one. */
  over(): void;
  /** Something went wrong. May come more than once: a source may fail, and then its teardown. */
  fail(error: unknown): void;
  /** The output has ended and let go of all it held. The last call, but for `late`. */
  end(): void;
  /** What was cut off settled all the same. */
  late(failure?: { readonly error: unknown }): void;
}

/** Flattens what a hook gave back into a sink; synchronously, without a promise, for whatever is synchronous. */
export function flow<T>(output: TaskOutput<T>, sink: Sink<T>): void {
  let opened: { start(output: unknown): void } | undefined;
  try {
    opened = open(output, sink);
  } catch (error) {
    // What only looks like a stream, or like a promise.
    sink.over();
    sink.fail(error);
    return sink.end();
  }
  if (opened) return opened.start(output);
  sink.over();
  sink.next(output as T);
  sink.end();
}

function open<T>(output: unknown, sink: Sink<T>): { start(output: unknown): void } | undefined {
  if (!isObject(output)) return undefined;
  if (isObservable(output) || observable in output) return new ObservableFlow(sink);
  const source = iteratorOf<T>(output);
  if (source) return new IteratorFlow(sink, source);
  return has(output, 'then') ? new PromiseFlow(sink) : undefined;
}

/** A Subscription that has an observer's methods is what RxJS subscribes as it is, without a wrapper: a Subscriber. */
class ObservableFlow<T> extends Subscription implements Flow, Observer<T> {
  private readonly sink: Sink<T>;
  private subscribing = true;

  constructor(sink: Sink<T>) {
    super();
    this.sink = sink;
  }

  get grace(): number {
    return 0;
  }

  start(source: Observable<T> | InteropObservable<T>): void {
    this.sink.begin(this);
    if (!this.closed) {
      try {
        // One of another copy may know no subscriber of ours, and gives what ends it.
        (source instanceof Observable ? source : from(source)).subscribe(this);
      } catch (error) {
        // Most errors of a source come to `error`. What is thrown is a teardown's, of one that has ended, or a closed Subject's.
        this.sink.fail(error);
        this.closed = true;
      }
    }
    this.subscribing = false;
    if (this.closed) this.sink.end();
  }

  next(value: T): void {
    if (!this.closed) this.sink.next(value);
  }

  error(error: unknown): void {
    if (this.closed) return;
    this.sink.over();
    this.sink.fail(error);
    this.cut();
  }

  complete(): void {
    if (!this.closed) this.sink.over();
    this.cut();
  }

  cut(): void {
    if (this.closed) return;
    try {
      this.unsubscribe();
    } catch (error) {
      for (const one of (error as UnsubscriptionError).errors) this.sink.fail(one);
    }
    // While it is being subscribed its teardown is not known yet: it runs when `subscribe` returns.
    if (!this.subscribing) this.sink.end();
  }
}

class IteratorFlow<T> implements Flow {
  private readonly sink: Sink<T>;
  private readonly source: Source<T>;
  private state: 'open' | 'closing' | 'closed' = 'open';

  constructor(sink: Sink<T>, source: Source<T>) {
    this.sink = sink;
    this.source = source;
  }

  get grace(): number {
    return 0;
  }

  start(): void {
    this.sink.begin(this);
    void this.pull();
  }

  cut(): void {
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
        const result = await inTurn(this.sink.scheduler, this.source.next());
        if (result.done) break;
        if (!this.isOpen()) return this.sink.late();
        this.sink.next(result.value);
      }
      if (this.isOpen()) this.sink.over();
    } catch (error) {
      if (this.state === 'closed') return this.sink.late({ error });
      if (this.isOpen()) this.sink.over();
      this.sink.fail(error);
    }
    if (this.isOpen()) this.sink.end();
  }

  private async close(): Promise<void> {
    try {
      await this.source.return?.();
    } catch (error) {
      this.sink.fail(error);
    }
    this.state = 'closed';
    this.sink.end();
  }
}

class PromiseFlow<T> implements Flow {
  private readonly sink: Sink<T>;
  private left = false;

  constructor(sink: Sink<T>) {
    this.sink = sink;
  }

  get grace(): number {
    return Infinity;
  }

  start(promise: PromiseLike<TaskStream<T> | T>): void {
    this.sink.begin(this);
    // `resolve` guards against thenables that throw, or settle twice. Bound functions are smaller than closures.
    void Promise.resolve(inTurn(this.sink.scheduler, promise)).then(
      this.fulfilled.bind(this),
      this.rejected.bind(this),
    );
  }

  private fulfilled(value: TaskStream<T> | T): void {
    if (this.left) return this.sink.late();
    this.left = true;
    flow(value, this.sink);
  }

  private rejected(error: unknown): void {
    const { sink } = this;
    if (this.left) return sink.late({ error });
    // Whoever is told of the error may cancel, and the cancel would cut what has ended.
    this.left = true;
    sink.over();
    sink.fail(error);
    sink.end();
  }

  cut(): void {
    if (this.left) return;
    this.left = true;
    this.sink.end();
  }
}

// As RxJS has it, which exports it no longer than 7.
const observable: symbol | string = (Symbol as { observable?: symbol }).observable ?? '@@observable';

function isObject(x: unknown): x is object {
  return (typeof x === 'object' && x !== null) || typeof x === 'function';
}

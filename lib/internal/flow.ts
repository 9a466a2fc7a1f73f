import {
  from,
  isObservable,
  Subscription,
  UnsubscriptionError,
  type InteropObservable,
  type Observable,
  type Observer,
  type ReadableStreamLike,
} from 'rxjs';
import type { TaskOutput, TaskStream } from '../task.js';

/** An asynchronous output under way. */
export interface Flow {
  /** For how many ms it may go on after a cancel, unless the task says otherwise. */
  readonly grace: number;
  /** Ends it; the sink is told when that is done. What has been cut, or has ended, is not cut again. */
  cut(): void;
}

/** Whoever takes a hook's output. */
export interface Sink<T> {
  /** Comes before all else of an asynchronous output, and again when a promise turned out to be one of a stream. May cut it. */
  begin(flow: Flow): void;
  next(value: T): void;
  /** Something went wrong. May come more than once: a source may fail, and then its teardown. */
  fail(error: unknown): void;
  /** The output has ended and let go of all it held. The last call, but for `late`. */
  end(): void;
  /** What was cut off settled all the same. */
  late(failure?: { readonly error: unknown }): void;
}

/** Flattens what a hook gave back into a sink; synchronously, without a promise, for whatever is synchronous. */
export function flow<T>(output: TaskOutput<T>, sink: Sink<T>): void {
  if (isStream<T>(output)) open(output, sink);
  else if (isPromiseLike<T>(output)) settle(output, sink);
  else {
    sink.next(output);
    sink.end();
  }
}

function open<T>(stream: TaskStream<T>, sink: Sink<T>): void {
  try {
    if (isObservable(stream)) new ObservableFlow(sink).start(stream);
    else if (observable in stream) new ObservableFlow(sink).start(from(stream));
    else new IteratorFlow(sink, iterator(stream as Exclude<typeof stream, InteropObservable<T>>)).start();
  } catch (error) {
    sink.fail(error);
    sink.end();
  }
}

/** A Subscription that has an observer's methods is what RxJS subscribes as it is, without a wrapper: a Subscriber. */
class ObservableFlow<T> extends Subscription implements Flow, Observer<T> {
  private readonly sink: Sink<T>;
  private stopped = false;
  private subscribing = true;

  constructor(sink: Sink<T>) {
    super();
    this.sink = sink;
  }

  get grace(): number {
    return 0;
  }

  start(source: Observable<T>): void {
    this.sink.begin(this);
    if (!this.stopped) {
      try {
        source.subscribe(this);
      } catch (error) {
        // Not the source itself: RxJS gives its errors to `error`. A teardown threw, of a source that has ended already.
        this.sink.fail(error);
        this.stopped = true;
      }
    }
    this.subscribing = false;
    if (this.stopped) this.sink.end();
  }

  next(value: T): void {
    if (!this.stopped) this.sink.next(value);
  }

  error(error: unknown): void {
    if (this.stopped) return;
    this.sink.fail(error);
    this.cut();
  }

  complete(): void {
    this.cut();
  }

  cut(): void {
    if (this.stopped) return;
    this.stopped = true;
    try {
      this.unsubscribe();
    } catch (error) {
      for (const one of error instanceof UnsubscriptionError ? error.errors : [error]) this.sink.fail(one);
    }
    // While it is being subscribed its teardown is not known yet: it runs when `subscribe` returns.
    if (!this.subscribing) this.sink.end();
  }
}

class IteratorFlow<T> implements Flow {
  private readonly sink: Sink<T>;
  private readonly source: AsyncIterator<T>;
  private state: 'open' | 'closing' | 'closed' = 'open';

  constructor(sink: Sink<T>, source: AsyncIterator<T>) {
    this.sink = sink;
    this.source = source;
  }

  get grace(): number {
    return 0;
  }

  start(): void {
    this.sink.begin(this);
    if (this.isOpen()) void this.pull();
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
        const result = await this.source.next();
        if (result.done) break;
        if (!this.isOpen()) return this.sink.late();
        this.sink.next(result.value);
      }
    } catch (error) {
      if (this.state === 'closed') return this.sink.late({ error });
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

function settle<T>(promise: PromiseLike<TaskStream<T> | T>, sink: Sink<T>): void {
  let left = false;
  sink.begin({
    grace: Infinity,
    cut() {
      if (left) return;
      left = true;
      sink.end();
    },
  });
  // `resolve` guards against thenables that throw, or settle twice.
  Promise.resolve(promise).then(
    (value) => {
      if (left) sink.late();
      else if (isStream<T>(value)) open(value, sink);
      else {
        sink.next(value);
        sink.end();
      }
    },
    (error: unknown) => {
      if (left) return sink.late({ error });
      sink.fail(error);
      sink.end();
    },
  );
}

function iterator<T>(stream: AsyncIterable<T> | ReadableStreamLike<T>): AsyncIterator<T> {
  if (!('getReader' in stream)) return stream[Symbol.asyncIterator]();
  // A web stream is iterable too, but the `return` of its iterator waits for the read under way; the reader's `cancel` does not.
  const reader: StreamReader<T> = stream.getReader();
  return {
    async next() {
      const { done, value } = await reader.read();
      if (!done) return { done, value: value };
      reader.releaseLock();
      return { done, value: undefined };
    },
    async return() {
      await reader.cancel?.();
      reader.releaseLock();
      return { done: true, value: undefined };
    },
  };
}

/** RxJS's own type of a reader knows no `cancel`, though every reader of the web's streams has it. */
type StreamReader<T> = ReturnType<ReadableStreamLike<T>['getReader']> & { cancel?(): Promise<void> };

// As RxJS has it, which exports it no longer than 7.
const observable: symbol | string = (Symbol as { observable?: symbol }).observable ?? '@@observable';

function isStream<T>(x: unknown): x is TaskStream<T> {
  return (
    isObject(x) &&
    (isObservable(x) ||
      observable in x ||
      Symbol.asyncIterator in x ||
      ('getReader' in x && typeof x.getReader === 'function'))
  );
}

function isPromiseLike<T>(x: unknown): x is PromiseLike<TaskStream<T> | T> {
  return isObject(x) && 'then' in x && typeof x.then === 'function';
}

function isObject(x: unknown): x is object {
  return (typeof x === 'object' && x !== null) || typeof x === 'function';
}

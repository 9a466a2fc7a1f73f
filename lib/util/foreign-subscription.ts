import { from, Subscription, type ObservableInput, type Observer } from 'rxjs';
import { runInAsyncContext, type AsyncContext } from './async-context.js';
import { teardownErrors } from './teardown-errors.js';

/** The observer of a stream of other code. */
export interface ForeignObserver<T> extends Observer<T> {
  /** The teardown of the stream has thrown. May be called more than once, and at any time. */
  teardownFailed(error: unknown): void;
}

/**
 * A subscription to a stream of other code, and the one place where that code is called. Neither `subscribeTo` nor
 * `unsubscribe` throws. The observer and the teardown run in one async context, which may be neither
 * that of the code that emits nor that of the code that unsubscribes. RxJS subscribes a Subscription with an observer's
 * methods without a wrapper.
 */
export class ForeignSubscription<T> extends Subscription implements Observer<T> {
  private readonly observer: ForeignObserver<T>;
  private readonly asyncContext: AsyncContext;
  private subscribing = true;
  /** Whether the stream has completed or failed. */
  private ended = false;

  constructor(observer: ForeignObserver<T>, asyncContext: AsyncContext) {
    super();
    this.observer = observer;
    this.asyncContext = asyncContext;
  }

  /** Subscribes to the stream that a function returns. */
  subscribeTo(source: () => ObservableInput<T>): void {
    try {
      const stream = from(source());
      // The function may have unsubscribed.
      if (this.closed) return;
      const subscription: Subscription = stream.subscribe(this);
      // A subclass may override `subscribe`, and return a subscription of its own.
      if (subscription !== this) this.add(subscription);
    } catch (error) {
      // The stream has ended before, and its teardown, which is only known now, has thrown.
      if (this.closed) this.observer.teardownFailed(error);
      else this.error(error);
    }
    this.subscribing = false;
  }

  private get isOpen(): boolean {
    return !this.closed && !this.ended;
  }

  next(value: T): void {
    if (this.isOpen) runInAsyncContext(this.asyncContext, emitValue<T>, this.observer, value);
  }

  error(error: unknown): void {
    if (this.isOpen) runInAsyncContext(this.asyncContext, fail, this as ForeignSubscription<T>, error);
    // RxJS passes on here what `finalize` throws in a stream that has ended during `subscribe`.
    else if (this.subscribing) this.observer.teardownFailed(error);
  }

  complete(): void {
    if (this.isOpen) runInAsyncContext(this.asyncContext, end, this as ForeignSubscription<T>, undefined);
  }

  override unsubscribe(): void {
    if (!this.closed) runInAsyncContext(this.asyncContext, release, this as ForeignSubscription<T>, undefined);
  }

  // As in RxJS, the observer is notified before the teardown, which may call back.
  fail(error: unknown): void {
    this.ended = true;
    this.observer.error(error);
    this.release();
  }

  end(): void {
    this.ended = true;
    this.observer.complete();
    this.release();
  }

  release(): void {
    try {
      super.unsubscribe();
    } catch (error) {
      for (const each of teardownErrors(error)) this.observer.teardownFailed(each);
    }
  }
}

// Functions that exist once, because a bound method would be a new object at each call.
function emitValue<T>(observer: ForeignObserver<T>, value: T): void {
  observer.next(value);
}

function fail<T>(subscription: ForeignSubscription<T>, error: unknown): void {
  subscription.fail(error);
}

function end<T>(subscription: ForeignSubscription<T>): void {
  subscription.end();
}

function release<T>(subscription: ForeignSubscription<T>): void {
  subscription.release();
}

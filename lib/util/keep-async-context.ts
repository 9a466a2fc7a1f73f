import { Observable, Subscription, type MonoTypeOperatorFunction, type Observer } from 'rxjs';
import { captureAsyncContext, runInAsyncContext } from './async-context.js';
import { reportUnhandled } from './report-unhandled.js';

/** Delivers the values and the end of a stream in the async context of the subscription. */
export function keepAsyncContext<T>(): MonoTypeOperatorFunction<T> {
  return (source) =>
    new Observable((subscriber) => {
      const asyncContext = captureAsyncContext();
      let subscribing = true;
      // RxJS subscribes a Subscription with an observer's methods without a wrapper, which would report errors.
      const subscription = Object.assign(new Subscription(), {
        next: (value: T) =>
          subscribing ? subscriber.next(value) : runInAsyncContext(asyncContext, next<T>, subscriber, value),
        error: (reason: unknown) => runInAsyncContext(asyncContext, error, subscriber, reason),
        complete: () => runInAsyncContext(asyncContext, complete, subscriber, undefined),
      });
      // Before the source is subscribed: one that emits synchronously stops when the subscriber unsubscribes.
      subscriber.add(subscription);
      source.subscribe(subscription);
      subscribing = false;
    });
}

function next<T>(observer: Observer<T>, value: T): void {
  observer.next(value);
}

function error(observer: Observer<never>, reason: unknown): void {
  try {
    observer.error(reason);
  } catch (teardownError) {
    reportUnhandled(teardownError);
  }
}

function complete(observer: Observer<never>): void {
  try {
    observer.complete();
  } catch (teardownError) {
    reportUnhandled(teardownError);
  }
}

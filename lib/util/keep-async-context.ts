import { Observable, type MonoTypeOperatorFunction, type Observer } from 'rxjs';
import { captureAsyncContext, runInAsyncContext } from './async-context.js';

/** Delivers the values and the end of a stream in the async context of the subscription. */
export function keepAsyncContext<T>(): MonoTypeOperatorFunction<T> {
  return (source) =>
    new Observable((subscriber) => {
      const asyncContext = captureAsyncContext();
      let subscribing = true;
      const subscription = source.subscribe({
        next: (value) =>
          subscribing ? subscriber.next(value) : runInAsyncContext(asyncContext, next<T>, subscriber, value),
        error: (reason: unknown) => runInAsyncContext(asyncContext, error, subscriber, reason),
        complete: () => runInAsyncContext(asyncContext, complete, subscriber, undefined),
      });
      subscribing = false;
      return subscription;
    });
}

function next<T>(observer: Observer<T>, value: T): void {
  observer.next(value);
}

function error(observer: Observer<never>, reason: unknown): void {
  observer.error(reason);
}

function complete(observer: Observer<never>): void {
  observer.complete();
}

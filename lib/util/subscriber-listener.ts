import { captureAsyncContext, runInAsyncContext } from './async-context.js';
import { Listener } from './linked-list.js';
import { logError } from './log-error.js';

/**
 * A listener for a subscriber of a public stream. It runs in the async context of the subscription. What the subscriber
 * itself throws, RxJS reports; an error of one of its teardowns is written with `console.error`.
 */
export class SubscriberListener<T> extends Listener<T> {
  private readonly asyncContext = captureAsyncContext();

  override notify(value: unknown): void {
    runInAsyncContext(this.asyncContext, notifyNow, this as SubscriberListener<unknown>, value);
  }

  notifyNow(value: unknown): void {
    try {
      super.notify(value);
    } catch (error) {
      logError(error);
    }
  }
}

function notifyNow(listener: SubscriberListener<unknown>, value: unknown): void {
  listener.notifyNow(value);
}

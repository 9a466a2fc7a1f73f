import { Subscription, type Observer } from 'rxjs';
import type { CancelContext } from '../context/cancel-context.js';
import { logError } from '../util/log-error.js';
import { Run } from './run.js';

/** The observer of a launched run and its Subscription in one object, where RxJS would need four. */
export class LaunchSubscriber extends Subscription implements Observer<unknown> {
  run: CancelContext | undefined = undefined;
  declare private written?: unknown;

  next(): void {
    // The values of a launched run are ignored.
  }

  /** Writes the error at once: `finalize` may take long, or never end. */
  onFailure(error: unknown): void {
    if (!this.closed) logError(error);
    this.written = error;
  }

  error(error: unknown): void {
    if (!this.closed && error !== this.written) logError(error);
    this.unsubscribe();
  }

  complete(): void {
    this.unsubscribe();
  }

  override unsubscribe(): void {
    super.unsubscribe();
    const { run } = this;
    this.run = undefined;
    if (run) Run.cancelUnsubscribed(run);
  }
}

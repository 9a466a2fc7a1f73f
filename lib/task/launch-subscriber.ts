import { Subscription, type Observer } from 'rxjs';
import type { CancelContext } from '../context/cancel-context.js';
import { logErrorOnce } from '../util/log-error.js';
import { Run } from './run.js';

/** The observer of a launched run and its Subscription in one object, where RxJS would need four. */
export class LaunchSubscriber extends Subscription implements Observer<unknown> {
  run: CancelContext | undefined = undefined;

  next(): void {
    // The values of a launched run are ignored.
  }

  /** Writes the error at once: `finalize` may take long, or never end. */
  onFailure(error: unknown): void {
    if (!this.closed) logErrorOnce(error);
  }

  error(error: unknown): void {
    if (!this.closed) logErrorOnce(error);
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

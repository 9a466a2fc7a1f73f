import { Subscription, type Observer } from 'rxjs';
import { Run } from './run.js';
import type { CancelContext } from '../context/cancel-context.js';

/** The observer of a launched run and its Subscription in one. RxJS would take four objects for them. */
export class LaunchSubscriber extends Subscription implements Observer<unknown> {
  run: CancelContext | undefined = undefined;

  next(): void {
    // Nobody looks.
  }

  error(error: unknown): void {
    if (!this.closed) console.error(error);
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

import { exhaustMap, map, Subscription, takeWhile, timer } from 'rxjs';
import { callWithoutStores } from '../util/call-in-context.js';
import { renewMs } from './lease-times.js';

/** Renews leases at each interval, for as long as there are any. */
export class RenewalTimer {
  private readonly isNeeded: () => boolean;
  private readonly renew: () => Promise<void>;
  private running = Subscription.EMPTY;
  private stopped = false;

  constructor(isNeeded: () => boolean, renew: () => Promise<void>) {
    this.isNeeded = isNeeded;
    this.renew = renew;
  }

  /** Starts the timer, unless it is running. Called with each new lease. */
  start(): void {
    // A claim may be answered after the stop.
    if (this.stopped || !this.running.closed) return;
    this.running = callWithoutStores(() =>
      timer(renewMs, renewMs)
        .pipe(
          exhaustMap(() => (this.isNeeded() ? this.renew() : Promise.resolve())),
          map(() => this.isNeeded()),
          takeWhile((isNeeded) => isNeeded),
        )
        .subscribe(),
    );
  }

  /** Stops the timer for good. */
  stop(): void {
    this.stopped = true;
    this.running.unsubscribe();
  }
}

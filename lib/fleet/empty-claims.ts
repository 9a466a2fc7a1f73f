import { EMPTY, throttle, timer, type MonoTypeOperatorFunction } from 'rxjs';

/** The number of claims without a job within `windowMs` after which messages are ignored for `pauseMs`. */
const [maxEmpty, windowMs, pauseMs] = [8, 100, 50];

/**
 * The claims of a worker that found no job. Any role that may connect can say that there is work, and many workers try
 * to claim the same job: after too many claims in vain, messages have an effect at intervals alone.
 */
export class EmptyClaims {
  /** The times of the last claims in vain, by `performance.now()`. */
  private times: number[] = [];

  /** Records a claim of `count` jobs. */
  record(count: number): void {
    if (count > 0) this.times = [];
    else this.times = [...this.times, performance.now()].slice(-maxEmpty);
  }

  /** Passes messages at once, or after too many claims in vain, one every 50 ms. The last one is never lost. */
  limit<T>(): MonoTypeOperatorFunction<T> {
    return throttle(() => (this.tooMany ? timer(pauseMs) : EMPTY), { leading: true, trailing: true });
  }

  private get tooMany(): boolean {
    const [first = -Infinity] = this.times;
    return this.times.length === maxEmpty && performance.now() - first < windowMs;
  }
}

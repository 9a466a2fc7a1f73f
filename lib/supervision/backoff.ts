import { randomFrom } from '../util/random.js';

/** Validated options of a supervised task. Times are in ms. */
export interface RestartPolicy {
  readonly restart: 'on-failure' | 'always';
  readonly initial: number;
  readonly max: number;
  readonly factor: number;
  readonly jitter: number;
  readonly random: () => number;
  readonly maxRestarts: number;
  readonly window: number;
  readonly healthyFor: number;
  readonly finalizeTimeout: number;
}

/** Counts the restarts of one supervised run and computes their delays. */
export class Backoff {
  private readonly policy: RestartPolicy;
  private readonly onRandomError: (error: unknown) => void;
  /** Times of the restarts within the window. */
  private recentRestarts: number[] = [];
  /** Restarts since the last healthy run. */
  private attempts = 0;

  constructor(policy: RestartPolicy, onRandomError: (error: unknown) => void) {
    this.policy = policy;
    this.onRandomError = onRandomError;
  }

  /**
   * Returns the delay of the restart that is due now, or `undefined` when it exceeds the limit.
   *
   * @param readyFor how long the last run was ready; `undefined` when it never was.
   */
  nextDelay(now: number, readyFor: number | undefined): number | undefined {
    const { maxRestarts, window, healthyFor, initial, factor, max, jitter, random } = this.policy;
    if (maxRestarts < Infinity) {
      // A time in the future is from before the clock was set back, and its age is unknown.
      this.recentRestarts = this.recentRestarts.filter((time) => time <= now && now - time < window);
      if (this.recentRestarts.length >= maxRestarts) return undefined;
      this.recentRestarts.push(now);
    }
    if (readyFor !== undefined && readyFor >= healthyFor) this.attempts = 0;
    // The power, and the delay, may be Infinity, and 0 × Infinity is NaN.
    const delay = Math.min(max, initial && initial * factor ** this.attempts++);
    if (jitter === 0 || delay === Infinity) return delay;
    return Math.min(max, delay * (1 + jitter * (2 * randomFrom(random, this.onRandomError) - 1)));
  }
}

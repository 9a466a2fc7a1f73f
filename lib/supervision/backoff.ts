/** How long to wait before each restart, and how many are too many. Times are in ms. */
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
}

/** The restarts of one supervised run. */
export class Backoff {
  private readonly policy: RestartPolicy;
  /** When there were restarts within the window. */
  private recent: number[] = [];
  /** Restarts since it last was healthy. */
  private attempts = 0;

  constructor(policy: RestartPolicy) {
    this.policy = policy;
  }

  /**
   * How long to wait before the restart that is due now; `undefined` when it would be one too many.
   *
   * @param healthy for how long the last run was ready, if it was.
   */
  next(now: number, healthy: number | undefined): number | undefined {
    const { maxRestarts, window, healthyFor, initial, factor, max, jitter, random } = this.policy;
    if (maxRestarts < Infinity) {
      this.recent = this.recent.filter((time) => now - time < window);
      if (this.recent.length >= maxRestarts) return undefined;
      this.recent.push(now);
    }
    if (healthy !== undefined && healthy >= healthyFor) this.attempts = 0;
    // The power may be Infinity, and nothing times that is no number.
    const delay = Math.min(max, initial && initial * factor ** this.attempts++);
    return Math.min(max, delay * (1 + jitter * (2 * random() - 1)));
  }
}

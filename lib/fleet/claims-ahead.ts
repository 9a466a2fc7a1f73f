/** The maximum time that a claimed job should wait for a free slot, in ms. */
const maxWaitMs = 100;
/** The maximum number of jobs that wait for a free slot. */
const maxAhead = 500;
/** The time without the end of a job after which nothing is claimed ahead, in ms. */
const stalledMs = 1000;
/** The weight of one job in the mean duration. */
const weight = 0.05;

/**
 * Decides how many jobs a worker claims before it has a free slot for them: as many as it ends within
 * {@link maxWaitMs}. So short jobs do not wait for the database, and long ones remain for other workers.
 */
export class ClaimsAhead {
  private readonly concurrency: number;
  /** The mean duration of the last jobs, in ms. Unknown before the first end. */
  private meanMs = Infinity;
  private lastEndAt = -Infinity;

  constructor(concurrency: number) {
    this.concurrency = concurrency;
  }

  /** Records the end of a job that took `ms`. */
  jobEnded(ms: number): void {
    this.meanMs = this.meanMs === Infinity ? ms : this.meanMs + weight * (ms - this.meanMs);
    this.lastEndAt = performance.now();
  }

  /** Whether no job has ended for so long that waiting jobs should be given back. */
  get stalled(): boolean {
    return performance.now() - this.lastEndAt > stalledMs;
  }

  /** The number of jobs to hold in advance. */
  get count(): number {
    if (this.stalled) return 0;
    return Math.floor(Math.min(maxAhead, (this.concurrency * maxWaitMs) / this.meanMs));
  }
}

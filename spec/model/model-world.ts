import { Log } from './log.js';

/** The environment of a model: its time and timers, its log, and its promises. */
export class ModelWorld {
  readonly log: Log = new Log(() => this.now);
  /** In ms. */
  private elapsed = 0;
  /** The sum of all clock adjustments, in ms. */
  private clockOffset = 0;
  private timers: { readonly at: number; readonly callback: () => void }[] = [];
  private readonly runIds = new Map<string, number>();
  private readonly settlements: (() => void)[] = [];

  get now(): number {
    return this.elapsed + this.clockOffset;
  }

  /** Returns the number of the next run of a task: runs of one path are counted together. */
  nextRunId(path: string): number {
    const runId = (this.runIds.get(path) ?? 0) + 1;
    this.runIds.set(path, runId);
    return runId;
  }

  adjustClock(byMs: number): void {
    this.clockOffset += byMs;
  }

  /** Lets time pass without firing timers. */
  advanceSilently(ms: number): void {
    this.elapsed += ms;
  }

  /** Sets a timer and returns a function that cancels it. */
  after(ms: number, callback: () => void): () => void {
    if (ms === Infinity) return () => undefined;
    const timer = { at: this.elapsed + ms, callback };
    this.timers.push(timer);
    return () => (this.timers = this.timers.filter((other) => other !== timer));
  }

  advance(ms: number): void {
    const until = this.elapsed + ms;
    for (;;) {
      // Timers that are due at the same time fire in the order in which they were set.
      const at = Math.min(...this.timers.map((timer) => timer.at));
      if (at > until) break;
      const timer = this.timers.find((other) => other.at === at);
      this.timers = this.timers.filter((other) => other !== timer);
      this.elapsed = Math.max(this.elapsed, at);
      timer?.callback();
    }
    this.elapsed = Math.max(this.elapsed, until);
  }

  /** Queues the settlement of a promise until the current command has been executed. */
  settleLater(callback: () => void): void {
    this.settlements.push(callback);
  }

  settle(): void {
    for (let settle = this.settlements.shift(); settle; settle = this.settlements.shift()) settle();
  }
}

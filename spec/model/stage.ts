import { Log } from './log.js';

/** Where a model plays: its time, what it tells, and what it has promised. */
export class Stage {
  readonly log: Log = new Log(() => this.now);
  /** How much time has passed. */
  private passed = 0;
  /** By how much the clock has been set. */
  private ahead = 0;
  private timers: { readonly at: number; readonly then: () => void }[] = [];
  private readonly promised: (() => void)[] = [];

  get now(): number {
    return this.passed + this.ahead;
  }

  setClock(byMs: number): void {
    this.ahead += byMs;
  }

  /** Time passes, and no timer fires. */
  block(ms: number): void {
    this.passed += ms;
  }

  /** Gives what calls it off. */
  after(ms: number, then: () => void): () => void {
    if (ms === Infinity) return () => undefined;
    const timer = { at: this.passed + ms, then };
    this.timers.push(timer);
    return () => (this.timers = this.timers.filter((other) => other !== timer));
  }

  pass(ms: number): void {
    const until = this.passed + ms;
    for (;;) {
      // Of those that are due at one time the first that was set comes first.
      const at = Math.min(...this.timers.map((timer) => timer.at));
      if (at > until) break;
      const timer = this.timers.find((one) => one.at === at);
      this.timers = this.timers.filter((other) => other !== timer);
      this.passed = Math.max(this.passed, at);
      timer?.then();
    }
    this.passed = Math.max(this.passed, until);
  }

  /** A promise is kept when all that goes on has been done. */
  promise(then: () => void): void {
    this.promised.push(then);
  }

  settle(): void {
    for (let one = this.promised.shift(); one; one = this.promised.shift()) one();
  }
}

import type { Context } from './context.js';
import type { Runner } from './runner.js';
import type { Outcome } from './words.js';
import type { Stage } from './stage.js';

/**
 * «emits each runner's outcome as it comes, then completes: one deadline for all, counted from the cancel (from the subscription
 * if that is later). Past it each runner still going is `timed-out`, by name. A runner never started is `not-started`, judged
 * at the cancel or when all started ones have ended, without waiting.»
 */
export class Join {
  private readonly waiting: Set<Runner>;
  private readonly tell: (outcome: Outcome | 'complete') => void;
  closed = false;
  private readonly releases: (() => void)[] = [];

  constructor(tell: (outcome: Outcome | 'complete') => void, runners: readonly Runner[]) {
    this.tell = tell;
    this.waiting = new Set(runners);
  }

  start(ctx: Context, timeout: number, stage: Stage): void {
    for (const runner of this.waiting)
      if (!this.closed) this.releases.push(runner.whenDone((outcome) => this.hear(runner, outcome)));
    if (this.closed) return this.leave();
    this.judge();
    ctx.onCancel(() => {
      for (const runner of this.waiting) if (runner.status === 'idle') this.hear(runner, notStarted(runner), false);
      if (this.closed) return;
      if (timeout === 0) this.expire();
      else this.releases.push(stage.after(timeout, () => this.expire()));
    });
  }

  /** «Unsubscribing stops the waiting and cancels nothing.» */
  leave(): void {
    this.closed = true;
    for (const release of this.releases) release();
  }

  private hear(runner: Runner, outcome: Outcome, mayBeTheLast = true): void {
    if (this.closed || !this.waiting.delete(runner)) return;
    this.tell(outcome);
    if (mayBeTheLast) this.judge();
  }

  private judge(): void {
    if (this.closed || [...this.waiting].some(({ status }) => status !== 'idle')) return;
    for (const runner of this.waiting) this.hear(runner, notStarted(runner), false);
    this.end();
  }

  private expire(): void {
    for (const runner of this.waiting) this.hear(runner, runner.giveUp(), false);
    this.end();
  }

  private end(): void {
    if (this.closed) return;
    this.leave();
    this.tell('complete');
  }
}

function notStarted({ work }: Runner): Outcome {
  return { task: work.name, status: 'not-started' };
}

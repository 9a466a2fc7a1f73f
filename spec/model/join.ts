import type { Context } from './context.js';
import type { Runner } from './runner.js';
import type { Outcome } from './types.js';
import type { ModelWorld } from './model-world.js';

/**
 * «emits each runner's outcome as it comes, then completes: one deadline for all, counted from the cancel (from the
 * subscription if that is later). Past it each runner still going is `timed-out`, by name. A runner never started is
 * `not-started`, judged at the cancel or when all started ones have ended, without waiting.»
 */
export class Join {
  private readonly pending: Set<Runner>;
  private readonly listener: (outcome: Outcome | 'complete') => void;
  closed = false;
  /** Functions that stop waiting for a runner, and for the deadline. */
  private readonly teardowns = new Map<Runner | 'deadline', () => void>();

  constructor(listener: (outcome: Outcome | 'complete') => void, runners: readonly Runner[]) {
    this.listener = listener;
    this.pending = new Set(runners);
  }

  start(ctx: Context, timeout: number, world: ModelWorld): void {
    for (const runner of this.pending) {
      if (this.closed) break;
      const stop = runner.onDone((outcome) => this.settle(runner, outcome));
      this.teardowns.set(runner, stop);
    }
    if (this.closed) return this.unsubscribe();
    this.completeIfDone();
    ctx.onCancel(() => {
      for (const runner of this.pending) if (runner.status === 'idle') this.settle(runner, notStarted(runner), false);
      if (this.closed) return;
      if (timeout === 0) return this.onDeadline();
      const stop = world.after(timeout, () => this.onDeadline());
      this.teardowns.set('deadline', stop);
    });
  }

  /** «Unsubscribing stops the waiting and cancels nothing.» */
  unsubscribe(): void {
    this.closed = true;
    for (const teardown of this.teardowns.values()) teardown();
  }

  private settle(runner: Runner, outcome: Outcome, mayComplete = true): void {
    if (this.closed || !this.pending.delete(runner)) return;
    this.teardowns.get(runner)?.();
    this.listener(outcome);
    if (mayComplete) this.completeIfDone();
  }

  private completeIfDone(): void {
    if (this.closed || [...this.pending].some(({ status }) => status !== 'idle')) return;
    for (const runner of this.pending) this.settle(runner, notStarted(runner), false);
    this.complete();
  }

  private onDeadline(): void {
    for (const runner of this.pending) {
      if (this.closed) return;
      const outcome = runner.abandon();
      runner.run?.leaveParent(outcome);
      this.settle(runner, outcome, false);
    }
    this.complete();
  }

  private complete(): void {
    if (this.closed) return;
    this.unsubscribe();
    this.listener('complete');
  }
}

function notStarted({ hooks }: Runner): Outcome {
  return { task: hooks.name, status: 'not-started' };
}

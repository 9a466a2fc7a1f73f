import { Context } from './context.js';
import type { Run } from './run.js';
import type { Runner } from './runner.js';
import { Failure, type Parent, type HookOutput, type Outcome, type Status } from './types.js';

/** supervise and critical add nothing to a path. A supervised runner emits one `done`, at the end. */
abstract class DelegatingRun implements HookOutput, Parent {
  readonly grace: number = Infinity;
  readonly reportsEnd: boolean = true;
  readonly path: string;
  protected readonly run: Run;
  protected readonly runner: Runner;
  /** The context of the wrapped runner's current run. */
  protected ctx: Context;
  private isReady = false;
  /** Whether it no longer waits for the wrapped runner. */
  protected gaveUp = false;
  /** The failure that the current run of the wrapped runner has reported. */
  protected failure: Failure | undefined = undefined;
  protected lastOutcome: Outcome | undefined = undefined;
  protected hasEnded = false;

  constructor(run: Run, runner: Runner) {
    this.run = run;
    this.runner = runner;
    this.path = run.path;
    this.ctx = run.ctx;
    run.memberParts = () => this.lastOutcome ?? {};
    run.abandonMembers = () => (this.lastOutcome ??= runner.abandon());
  }

  start(): void {
    const { run, runner } = this;
    this.lastOutcome = undefined;
    this.failure = undefined;
    this.isReady = false;
    this.ctx = new Context(run.ctx);
    runner.start(this.ctx, this, run.cancel);
  }

  interrupt(): void {
    // It ends by itself after a cancel.
  }

  get hasGivenUp(): boolean | undefined {
    return this.gaveUp || this.run.hasGivenUp;
  }
  onRunId(runId: number): void {
    this.run.runId = runId;
    this.run.parent.onRunId?.(runId);
  }
  onValue(value: string): void {
    this.run.next(value);
  }
  onReadyChange(ready: boolean): void {
    if (this.gaveUp) return;
    this.isReady = ready;
    this.run.setReady(ready);
  }
  setStatus(status: Status): void {
    if (!this.gaveUp) this.run.setStatus(status);
  }
  onFailure(error: Failure): void {
    if (this.gaveUp) return;
    this.failure = error;
    this.onRunFailed(error);
  }
  onStopping(): void {
    if (!this.gaveUp) this.run.parent.onStopping?.();
  }
  onEnd(outcome: Outcome): void {
    if (this.gaveUp) return;
    this.ctx.cancel();
    if (outcome.status === 'completed' && !this.isReady) this.onReadyChange(true);
    this.lastOutcome = outcome;
    // Only an error of `finalize` is new.
    if (outcome.error && outcome.error !== this.failure) this.onFailure(outcome.error);
    this.onRunEnded(outcome);
  }
  onStartFailed(error: string): void {
    this.onEnd({ task: this.path, status: 'failed', error: new Failure(this.path, 'execute', error) });
  }

  protected giveUp(): void {
    this.lastOutcome = this.runner.abandon();
    this.gaveUp = true;
  }

  protected abstract onRunFailed(error: Failure): void;
  protected abstract onRunEnded(outcome: Outcome): void;

  protected endWith({ status, error }: Pick<Outcome, 'status' | 'error'>, before?: () => void): void {
    this.hasEnded = true;
    if (status === 'completed') this.run.markCompleted();
    this.run.sourceEnded();
    if (error) this.run.fail(error);
    before?.();
    this.run.released();
  }
}

/** Its failure or end cancels the master. The cause is its error, or a CancelledError with its name. */
export class CriticalRun extends DelegatingRun {
  protected override onRunFailed(error: Failure): void {
    this.run.failAtOnce(error);
    this.run.cancel(error);
  }

  protected override onRunEnded(outcome: Outcome): void {
    this.endWith(outcome, () => {
      if (!outcome.error) this.run.cancel(`${this.path} has ended`);
    });
  }
}

export interface Policy {
  readonly restart: 'on-failure' | 'always';
  readonly initial: number;
  readonly max: number;
  readonly factor: number;
  readonly maxRestarts: number;
  readonly window: number;
  readonly healthyFor: number;
  readonly finalizeTimeout: number;
}

/** «more than `maxRestarts` restarts within `window` ms fails with `RestartLimitError` (last error as its cause)» */
class RestartLimit extends Failure {
  override readonly name: string = 'RestartLimitError';
}

/** Receives the outcome of the run that a restart has ended. */
export type RestartListener = (outcome: Outcome | 'NotRunningError') => void;

/**
 * «A restart repeats the whole lifecycle; a deliberate cancel never restarts.» «The backoff counts from the failure. A
 * failure beyond maxRestarts fails the task at that moment.»
 */
export class SupervisedRun extends DelegatingRun {
  private readonly policy: Policy;
  /** The times of the restarts after failures and ends. */
  private readonly restarts: number[] = [];
  private restartCount = 0;
  /** Restarts since the last healthy run. */
  private attempts = 0;
  private readyAt: number | undefined = undefined;
  private stoppingAt: number | undefined = undefined;
  private longestReadyMs = -1;
  /** The restart that follows the current run. */
  private planned: { readonly delay: number; readonly at: number } | undefined = undefined;
  /** The error that the supervised task ends with. */
  private finalError: Failure | undefined = undefined;
  private stopFinalizeTimer: (() => void) | undefined = undefined;
  /** Ends the delay before a restart; `undefined` if there is no delay. */
  private endDelay: (() => void) | undefined = undefined;
  /** The calls of `restart` that wait for the end of the current run. */
  private requests: RestartListener[] = [];

  constructor(run: Run, runner: Runner, policy: Policy) {
    super(run, runner);
    this.policy = policy;
  }

  /** «ends the run … and starts the next, without using the restart budget» */
  restart(listener: RestartListener): void {
    if (!this.mayRestart()) return listener('NotRunningError');
    this.run.emit('restart-requested');
    // A listener may have stopped the run.
    if (!this.mayRestart()) return listener('NotRunningError');
    const { run, lastOutcome } = this;
    if (this.endDelay && lastOutcome) {
      this.endDelay();
      return listener(lastOutcome);
    }
    this.requests.push(listener);
    this.stoppingAt ??= run.world.now;
    this.ctx.cancel();
  }

  private mayRestart(): boolean {
    const { run, finalError, gaveUp, hasEnded } = this;
    return !run.ctx.cancelled && !finalError && !gaveUp && !hasEnded;
  }

  override onReadyChange(ready: boolean): void {
    if (ready) this.readyAt = this.run.world.now;
    else this.trackReady(this.run.world.now);
    super.onReadyChange(ready);
  }

  override setStatus(status: Status): void {
    if (!this.ctx.cancelled) this.stoppingAt = status === 'finalizing' ? this.run.world.now : undefined;
    super.setStatus(status);
  }

  override onStopping(): void {
    const { planned, policy, requests } = this;
    const isRestarted = planned !== undefined || policy.restart === 'always' || requests.length > 0;
    if (isRestarted && !this.finalError && !this.run.ctx.cancelled) this.limitFinalize();
    else super.onStopping();
  }

  /** The runner is used elsewhere: a restart does not help. */
  override onStartFailed(error: string): void {
    this.finalError = new Failure(this.path, 'execute', error);
    this.run.failAtOnce(this.finalError);
    this.endWith({ status: 'failed', error: this.finalError });
  }

  protected override onRunFailed(error: Failure): void {
    if (this.run.ctx.cancelled) return this.run.failAtOnce(error);
    if (this.requests.length === 0) {
      this.planRestart(error);
      if (!this.planned) return;
    }
    this.run.setReady(false);
    this.limitFinalize();
  }

  protected override onRunEnded(outcome: Outcome): void {
    const { run, policy, finalError } = this;
    const { status, error } = outcome;
    this.stopFinalizeTimer?.();
    this.stopFinalizeTimer = undefined;
    const isRequested = this.answerRequests(outcome);
    if (finalError) return this.endWith({ status: 'failed', error: finalError });
    const isRestarted = status === 'failed' || (status === 'completed' && policy.restart === 'always');
    if (isRequested && !run.ctx.cancelled) {
      this.trackReady(this.stoppingAt ?? run.world.now);
      return this.waitForRestart({ delay: 0, at: run.world.now }, error);
    }
    if (!isRestarted) return this.endWith(outcome);
    if (run.ctx.cancelled) return this.endWith(error ? outcome : { status: 'cancelled' });
    if (!this.planned) this.planRestart();
    if (this.planned) this.waitForRestart(this.planned, error);
    else this.endWith({ status: 'failed', error: this.finalError });
  }

  /** Returns whether there were any. */
  private answerRequests(outcome: Outcome): boolean {
    const requests = this.requests.splice(0);
    for (const listener of requests) listener(outcome);
    return requests.length > 0;
  }

  /** Plans the restart after a failure, or after the end of a run without one. */
  private planRestart(error?: Failure): void {
    const { run, policy, restarts } = this;
    const { now } = run.world;
    const recent = restarts.filter((time) => now - time < policy.window);
    if (recent.length >= policy.maxRestarts) {
      this.finalError = new RestartLimit(run.path, error?.phase ?? 'execute', error);
      return run.failAtOnce(this.finalError);
    }
    restarts.push(now);
    this.trackReady(this.stoppingAt ?? now);
    // A healthy run resets the backoff.
    if (this.longestReadyMs >= policy.healthyFor) this.attempts = 0;
    this.longestReadyMs = -1;
    const delay = Math.min(policy.max, policy.initial * policy.factor ** this.attempts++);
    this.planned = { delay, at: now + delay };
  }

  private waitForRestart({ delay, at }: { delay: number; at: number }, error?: Failure): void {
    const { run } = this;
    this.planned = undefined;
    run.setStatus('initializing');
    run.setReady(false);
    const wait: { active: boolean; stopTimer?: () => void } = { active: true };
    const endWait = () => {
      wait.active = false;
      this.endDelay = undefined;
      wait.stopTimer?.();
    };
    const startAfter = (ms: number) => {
      wait.stopTimer?.();
      wait.stopTimer = run.world.after(ms, () => {
        endWait();
        this.start();
      });
    };
    this.endDelay = () => startAfter(0);
    run.ctx.onCancel(() => {
      if (!wait.active) return;
      endWait();
      run.sourceEnded();
      run.released();
    });
    run.emit(`restarting ${++this.restartCount} in ${delay}`, error);
    // A listener may have cancelled the run, or ended the delay.
    if (wait.active && !wait.stopTimer) startAfter(Math.max(0, at - run.world.now));
  }

  /**
   * «a failed run whose finalize takes longer is not restarted: the supervised task fails with the first error, and a
   * TaskError { phase: 'finalize', cause: DeadlineError } is suppressed on it.» «after a cancel from outside, the
   * application's deadline alone bounds finalize.»
   */
  private limitFinalize(): void {
    const { run, policy } = this;
    if (this.stopFinalizeTimer || run.ctx.cancelled) return;
    this.stopFinalizeTimer = run.world.after(policy.finalizeTimeout, () => {
      const tooLong = new Failure(run.path, 'finalize', 'DeadlineError');
      const error = this.failure ?? tooLong;
      if (error !== tooLong) error.suppressed.push(tooLong);
      this.giveUp();
      if (this.lastOutcome) this.answerRequests(this.lastOutcome);
      run.failAtOnce(error);
      this.endWith({ status: 'failed', error });
    });
    run.ctx.onCancel(() => {
      if (!this.stopFinalizeTimer) return;
      this.stopFinalizeTimer();
      // Now no restart follows.
      if (this.failure && !this.finalError) run.failAtOnce(this.failure);
    });
  }

  private trackReady(time: number): void {
    if (this.readyAt !== undefined) this.longestReadyMs = Math.max(this.longestReadyMs, time - this.readyAt);
    this.readyAt = undefined;
  }
}

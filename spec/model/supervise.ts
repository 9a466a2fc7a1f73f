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
  private ctx: Context;
  private isReady = false;
  private lastOutcome: Outcome | undefined = undefined;

  constructor(run: Run, runner: Runner) {
    this.run = run;
    this.runner = runner;
    this.path = run.path;
    this.ctx = run.ctx;
    run.members = () => this.lastOutcome?.members;
    run.abandonMembers = () => (this.lastOutcome ??= runner.abandon());
    run.memberPhase = () => this.lastOutcome?.phase;
  }

  start(): void {
    const { run, runner } = this;
    this.lastOutcome = undefined;
    this.isReady = false;
    this.ctx = new Context(run.ctx);
    // Events carry the run id of the wrapped runner.
    run.runId = runner.runs + 1;
    runner.start(this.ctx, this, run.cancel);
  }

  interrupt(): void {
    // It ends by itself after a cancel.
  }

  onValue(value: string): void {
    this.run.next(value);
  }
  onReadyChange(ready: boolean): void {
    this.isReady = ready;
    this.run.setReady(ready);
  }
  setStatus(status: Status): void {
    this.run.setStatus(status);
  }
  onEnd(outcome: Outcome): void {
    this.ctx.cancel();
    if (outcome.status === 'completed' && !this.isReady) this.onReadyChange(true);
    this.lastOutcome = outcome;
    this.onRunEnded(outcome);
  }
  onStartFailed(error: string): void {
    this.endWith({ status: 'failed', error: new Failure(this.path, 'execute', error) });
  }

  protected abstract onRunEnded(outcome: Outcome): void;

  protected endWith({ status, error }: Pick<Outcome, 'status' | 'error'>, before?: () => void): void {
    if (status === 'completed') this.run.markCompleted();
    this.run.sourceEnded();
    if (error) this.run.fail(error);
    before?.();
    this.run.released();
  }
}

/** Its end cancels the master. The cause is its error, or a CancelledError with its name. */
export class CriticalRun extends DelegatingRun {
  protected override onRunEnded(outcome: Outcome): void {
    this.endWith(outcome);
  }

  protected override endWith(outcome: Pick<Outcome, 'status' | 'error'>): void {
    super.endWith(outcome, () => this.run.cancel(outcome.error ?? `${this.path} has ended`));
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
}

/** «more than `maxRestarts` restarts within `window` ms fails with `RestartLimitError` (last error as its cause)» */
class RestartLimit extends Failure {
  override readonly name: string = 'RestartLimitError';
}

/** «A restart repeats the whole lifecycle; a deliberate cancel never restarts» */
export class SupervisedRun extends DelegatingRun {
  private readonly policy: Policy;
  private readonly restarts: number[] = [];
  /** Restarts since the last healthy run. */
  private attempts = 0;
  private readyAt: number | undefined = undefined;
  private stoppingAt: number | undefined = undefined;
  private longestReadyMs = -1;

  constructor(run: Run, runner: Runner, policy: Policy) {
    super(run, runner);
    this.policy = policy;
  }

  override onReadyChange(ready: boolean): void {
    if (ready) this.readyAt = this.run.world.now;
    else this.trackReady(this.run.world.now);
    super.onReadyChange(ready);
  }

  override setStatus(status: Status): void {
    this.stoppingAt = status === 'finalizing' ? this.run.world.now : undefined;
    super.setStatus(status);
  }

  protected override onRunEnded(outcome: Outcome): void {
    const { run, policy, restarts } = this;
    const { status, error } = outcome;
    const isDue = status === 'failed' || (status === 'completed' && policy.restart === 'always');
    if (!isDue) return this.endWith(outcome);
    if (run.ctx.cancelled) return this.endWith(error ? outcome : { status: 'cancelled' });
    const { now } = run.world;
    const recent = restarts.filter((time) => now - time < policy.window);
    if (recent.length >= policy.maxRestarts)
      return this.endWith({ status: 'failed', error: new RestartLimit(run.path, error?.phase ?? 'execute', error) });
    restarts.push(now);
    this.trackReady(this.stoppingAt ?? now);
    // A healthy run resets the backoff.
    if (this.longestReadyMs >= policy.healthyFor) this.attempts = 0;
    this.longestReadyMs = -1;
    const delay = Math.min(policy.max, policy.initial * policy.factor ** this.attempts++);
    run.setStatus('initializing');
    run.setReady(false);
    const wait = { active: true, stop: () => undefined as void };
    run.ctx.onCancel(() => {
      if (!wait.active) return;
      wait.active = false;
      wait.stop();
      run.sourceEnded();
      run.released();
    });
    run.emit(`restarting ${restarts.length} in ${delay}`, error);
    if (!wait.active) return;
    wait.stop = run.world.after(delay, () => {
      wait.active = false;
      this.start();
    });
  }

  private trackReady(time: number): void {
    if (this.readyAt !== undefined) this.longestReadyMs = Math.max(this.longestReadyMs, time - this.readyAt);
    this.readyAt = undefined;
  }
}

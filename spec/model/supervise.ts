import { Context } from './context.js';
import type { Run } from './run.js';
import type { Runner } from './runner.js';
import { Failure, type Above, type Flow, type Outcome, type Status } from './words.js';

/** «supervise and critical add nothing to a path … a supervised runner tells one `done`, at the very end» */
abstract class Guard implements Flow, Above {
  readonly grace: number = Infinity;
  readonly hidesEnd: boolean = true;
  readonly path: string;
  protected readonly run: Run;
  protected readonly runner: Runner;
  private ctx: Context;
  private isReady = false;
  private last: Outcome | undefined = undefined;

  constructor(run: Run, runner: Runner) {
    this.run = run;
    this.runner = runner;
    this.path = run.path;
    this.ctx = run.ctx;
    run.members = () => this.last?.members;
    run.giveUpMembers = () => (this.last ??= runner.giveUp());
    run.phaseOfMember = () => this.last?.phase;
  }

  begin(): void {
    const { run, runner } = this;
    this.last = undefined;
    this.isReady = false;
    this.ctx = new Context(run.ctx);
    // It is told by the number of what it stands for.
    run.id = runner.runs + 1;
    runner.start(this.ctx, this, run.cancel);
  }

  cut(): void {
    // It ends by itself when it is cancelled.
  }

  value(value: string): void {
    this.run.value(value);
  }
  ready(is: boolean): void {
    this.isReady = is;
    this.run.ready(is);
  }
  enter(status: Status): void {
    this.run.enter(status);
  }
  ended(outcome: Outcome): void {
    this.ctx.cancel();
    if (outcome.status === 'completed' && !this.isReady) this.ready(true);
    this.last = outcome;
    this.after(outcome);
  }
  refused(why: string): void {
    this.end({ status: 'failed', error: new Failure(this.path, 'execute', why) });
  }

  protected abstract after(outcome: Outcome): void;

  protected end({ status, error }: Pick<Outcome, 'status' | 'error'>, before?: () => void): void {
    if (status === 'completed') this.run.countsAsEnded();
    this.run.over();
    if (error) this.run.fail(error);
    before?.();
    this.run.ended();
  }
}

/** «when it ends, whichever way, the master is cancelled: the cause is its error, or a CancelledError that names it» */
export class Critical extends Guard {
  protected override after(outcome: Outcome): void {
    this.end(outcome);
  }

  protected override end(outcome: Pick<Outcome, 'status' | 'error'>): void {
    super.end(outcome, () => this.run.cancel(outcome.error ?? `${this.path} has ended`));
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
export class Supervised extends Guard {
  private readonly policy: Policy;
  private readonly restarts: number[] = [];
  /** Since it was healthy. */
  private attempts = 0;
  private readyAt: number | undefined = undefined;
  private stoppingAt: number | undefined = undefined;
  private healthy = -1;

  constructor(run: Run, runner: Runner, policy: Policy) {
    super(run, runner);
    this.policy = policy;
  }

  override ready(is: boolean): void {
    if (is) this.readyAt = this.run.stage.now;
    else this.wasReadyUntil(this.run.stage.now);
    super.ready(is);
  }

  override enter(status: Status): void {
    this.stoppingAt = status === 'finalizing' ? this.run.stage.now : undefined;
    super.enter(status);
  }

  protected override after(outcome: Outcome): void {
    const { run, policy, restarts } = this;
    const { status, error } = outcome;
    const isDue = status === 'failed' || (status === 'completed' && policy.restart === 'always');
    if (!isDue) return this.end(outcome);
    if (run.ctx.cancelled) return this.end(error ? outcome : { status: 'cancelled' });
    const { now } = run.stage;
    const recent = restarts.filter((time) => now - time < policy.window);
    if (recent.length >= policy.maxRestarts)
      return this.end({ status: 'failed', error: new RestartLimit(run.path, error?.phase ?? 'execute', error) });
    restarts.push(now);
    this.wasReadyUntil(this.stoppingAt ?? now);
    // «backoff forgotten after 30 s of good running»
    if (this.healthy >= policy.healthyFor) this.attempts = 0;
    this.healthy = -1;
    const delay = Math.min(policy.max, policy.initial * policy.factor ** this.attempts++);
    run.enter('initializing');
    run.ready(false);
    const wait = { goesOn: true, stop: () => undefined as void };
    run.ctx.onCancel(() => {
      if (!wait.goesOn) return;
      wait.goesOn = false;
      wait.stop();
      run.over();
      run.ended();
    });
    run.event(`restarting ${restarts.length} in ${delay}`, error);
    if (!wait.goesOn) return;
    wait.stop = run.stage.after(delay, () => {
      wait.goesOn = false;
      this.begin();
    });
  }

  private wasReadyUntil(time: number): void {
    if (this.readyAt !== undefined) this.healthy = Math.max(this.healthy, time - this.readyAt);
    this.readyAt = undefined;
  }
}

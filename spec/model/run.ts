import { Context } from './context.js';
import { shown } from './log.js';
import type { Runner } from './runner.js';
import type { Stage } from './stage.js';
import { Failure, type Above, type Flow, type Outcome, type Phase, type Status } from './words.js';

/** «initialize → execute → (child context cancelled) → finalize → outcome» */
export class Run {
  readonly stage: Stage;
  readonly runner: Runner;
  readonly ctx: Context;
  readonly path: string;
  readonly startedAt: number;
  /** What cancels the application. */
  readonly cancel: (cause: unknown) => void;
  phase: Phase = 'initialize';
  error: Failure | undefined = undefined;
  wasReady = false;
  id: number;
  lost = false;
  giveUpMembers: (() => void) | undefined = undefined;
  phaseOfMember: (() => Phase | undefined) | undefined = undefined;
  members: (() => readonly Outcome[] | undefined) | undefined = undefined;
  readonly above: Above;
  private flow: Flow | undefined = undefined;
  private begun = false;
  private beginning = false;
  private endedAtOnce = false;
  private interrupted = false;
  private endedByItself = false;
  private endedMeanwhile = false;
  private graceIsOver = false;
  private stopGrace: () => void = () => undefined;

  constructor(runner: Runner, parent: Context, above: Above, cancelAll?: (cause: unknown) => void) {
    this.runner = runner;
    this.stage = runner.stage;
    this.ctx = new Context(parent);
    this.above = above;
    // «`start()` … without a `cancel`, hooks get one that cancels this run alone.»
    this.cancel = cancelAll ?? ((cause) => this.ctx.cancel(cause));
    this.path = above.path ?? runner.work.name;
    this.startedAt = this.stage.now;
    this.id = runner.runs;
  }

  start(): void {
    const { work } = this.runner;
    // «Context already cancelled: no hook runs, the outcome is `cancelled`.»
    if (this.ctx.cancelled) {
      this.interrupted = true;
      return this.finish();
    }
    this.ctx.afterCancel = () => this.interrupt();
    if (!work.initialize && !work.saysReady) return this.becomeReady();
    this.enter('initializing');
    if (!work.seenThrough) this.event('initializing');
    this.call(work.initialize ? 'initialize' : 'execute');
  }

  event(what: string, error?: unknown): void {
    const told = error ? `${what} ${shown(error)}` : what;
    if (this.runner.hears) this.runner.hears(what, error);
    else if (this.runner.observed) this.tell(`events ${this.path}`, `${told} #${this.id}`);
    else if (error) this.tell('console', shown(error));
  }

  tell(stream: string, what: string): void {
    this.stage.log.tell(stream, what);
  }

  enter(status: Status): void {
    this.runner.status = status;
    this.above.enter?.(status);
  }

  ready(is: boolean): void {
    if (is) this.tellReady();
    else this.runner.ready = false;
    if (this.isGoing) this.above.ready?.(is);
  }

  value(value: string): void {
    if (this.phase !== 'execute') return;
    if (this.lost) return this.event('dropped execute');
    this.above.value(value);
    this.runner.results?.(value);
  }

  over(): void {
    if (this.phase === 'execute' && !this.ctx.cancelled) this.endedByItself = true;
  }

  /** @param excused whether all that the error says is that the run was cancelled. */
  fail(cause: unknown, excused = false): void {
    const failure = this.failure(cause, this.phase, excused);
    if (!failure) return;
    if (this.error) this.error.suppressed.push(failure);
    else this.error = failure;
    if (this.lost && failure !== cause) this.event(`dropped ${this.phase}`, failure);
  }

  /** «past its grace … its late value is dropped, its late error is reported as an event» */
  late(phase: Phase, cause?: { readonly cause: unknown; readonly excused: boolean }): void {
    this.event(`dropped ${phase}`, cause && this.failure(cause.cause, phase, cause.excused));
  }

  /** The hook under way has ended. */
  ended(): void {
    // What ends while it is being subscribed has ended when that is done.
    this.endedAtOnce = this.beginning;
    if (this.beginning) return;
    this.flow = undefined;
    if (this.phase === 'finalize') this.finish();
    else if (this.phase === 'initialize' && !this.error && !this.ctx.cancelled) this.becomeReady();
    else this.close();
  }

  /** «A run whose context was cancelled before `execute` had ended by itself is `cancelled`»: this one, when it was a whole's. */
  countsAsEnded(): void {
    this.endedByItself = true;
    this.interrupted = false;
  }

  /** «Past it each runner still going is `timed-out`, by name»: nothing that it does from now on is delivered. */
  giveUp(): void {
    this.lost = true;
    this.giveUpMembers?.();
  }

  timedOut(): Outcome {
    const { path: task, startedAt } = this;
    return {
      task,
      status: 'timed-out',
      startedAt,
      phase: this.phaseOfMember?.() ?? this.phase,
      members: this.members?.(),
    };
  }

  private failure(cause: unknown, phase: Phase, excused: boolean): Failure | undefined {
    // What one of its parts has failed with has been judged there.
    if (this.runner.work.ofParts && cause instanceof Failure && phase === 'execute') return cause;
    if (excused && phase !== 'finalize' && this.ctx.cancelled && !this.endedByItself) return undefined;
    return new Failure(this.path, phase, cause);
  }

  private get isGoing(): boolean {
    return this.runner.run === this;
  }

  private tellReady(): void {
    this.wasReady = true;
    if (!this.runner.work.seenThrough) {
      this.enter('running');
      this.event('ready');
    }
    // Whoever was told may have ended it.
    if (this.isGoing) this.runner.becomeReady();
  }

  private becomeReady(): void {
    this.tellReady();
    if (this.ctx.cancelled) return this.close();
    this.call('execute');
    if (this.isGoing && !this.error) this.above.ready?.(true);
  }

  private call(phase: Phase): void {
    this.phase = phase;
    this.begun = true;
    const flow = this.runner.work[phase]?.(this);
    this.flow = flow;
    if (!flow || this.cutIfDue()) return;
    this.beginning = true;
    flow.begin();
    this.beginning = false;
    if (this.endedAtOnce) this.ended();
  }

  /** «On cancel the run's context is cancelled at once: the task is told. `grace` is how long the hook under way may go on.» */
  private interrupt(): void {
    if (this.phase === 'finalize' || this.endedByItself) return;
    this.interrupted = true;
    const { grace = 0, seenThrough } = this.runner.work;
    if (!seenThrough) this.event(`cancelling ${shown(this.ctx.cause)}`);
    if (this.endedMeanwhile) return this.close();
    if (grace > 0) {
      this.stopGrace = this.stage.after(grace, () => {
        this.graceIsOver = true;
        this.cutIfDue();
      });
    }
    this.cutIfDue();
  }

  private cutIfDue(): boolean {
    const { flow, phase, ctx } = this;
    if (!flow || !ctx.cancelled || phase === 'finalize') return false;
    const { grace = flow.grace } = this.runner.work;
    if (grace > 0 && !this.graceIsOver) return false;
    flow.cut();
    return true;
  }

  /** «The child context's cause is the cancel's; after a normal end a `CancelledError`, after a failure the `TaskError`.» */
  private close(): void {
    this.stopGrace();
    // Those that hang on the context are still being told.
    if (this.ctx.cancelled && !this.interrupted && !this.endedByItself) {
      this.endedMeanwhile = true;
      return;
    }
    this.phase = 'finalize';
    this.ctx.cancel(this.error ?? 'CancelledError');
    if (!this.runner.work.finalize || !this.begun) return this.finish();
    this.enter('finalizing');
    this.event('finalizing');
    this.call('finalize');
  }

  private finish(): void {
    const { path, error, startedAt } = this;
    const status = error ? 'failed' : this.interrupted ? 'cancelled' : 'completed';
    const outcome = {
      task: path,
      status,
      error,
      startedAt,
      endedAt: this.stage.now,
      members: this.members?.(),
    } as const;
    this.runner.end(this, outcome);
    this.above.ended(outcome);
  }
}

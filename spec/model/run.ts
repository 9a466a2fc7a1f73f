import { Context } from './context.js';
import { formatError } from './log.js';
import type { Runner } from './runner.js';
import type { ModelWorld } from './model-world.js';
import { Failure, type Parent, type HookOutput, type Outcome, type Phase, type Status } from './types.js';

/** «initialize → execute → (child context cancelled) → finalize → outcome» */
export class Run {
  readonly world: ModelWorld;
  readonly runner: Runner;
  readonly ctx: Context;
  readonly path: string;
  readonly startedAt: number;
  /** Cancels the application. */
  readonly cancel: (cause: unknown) => void;
  phase: Phase = 'initialize';
  error: Failure | undefined = undefined;
  wasReady = false;
  runId: number;
  abandoned = false;
  abandonMembers: (() => void) | undefined = undefined;
  memberPhase: (() => Phase | undefined) | undefined = undefined;
  members: (() => readonly Outcome[] | undefined) | undefined = undefined;
  readonly parent: Parent;
  private output: HookOutput | undefined = undefined;
  private hookCalled = false;
  private starting = false;
  private releasedAtOnce = false;
  private interrupted = false;
  private completed = false;
  private endedDuringCancel = false;
  private graceElapsed = false;
  private stopGrace: () => void = () => undefined;

  constructor(runner: Runner, parentCtx: Context, parent: Parent, cancelApp?: (cause: unknown) => void) {
    this.runner = runner;
    this.world = runner.world;
    this.ctx = new Context(parentCtx);
    this.parent = parent;
    // «`start()` … without a `cancel`, hooks get one that cancels this run alone.»
    this.cancel = cancelApp ?? ((cause) => this.ctx.cancel(cause));
    this.path = parent.path ?? runner.hooks.name;
    this.startedAt = this.world.now;
    this.runId = runner.runs;
  }

  start(): void {
    const { hooks } = this.runner;
    // «Context already cancelled: no hook runs, the outcome is `cancelled`.»
    if (this.ctx.cancelled) {
      this.interrupted = true;
      return this.end();
    }
    this.ctx.didCancel = () => this.onCancel();
    if (!hooks.initialize && !hooks.reportsReady) return this.becomeReady();
    this.setStatus('initializing');
    if (!hooks.transparent) this.emit('initializing');
    this.callHook(hooks.initialize ? 'initialize' : 'execute');
  }

  emit(event: string, error?: unknown): void {
    const line = error ? `${event} ${formatError(error)}` : event;
    if (this.runner.onEvent) this.runner.onEvent(event, error);
    else if (this.runner.observed) this.record(`events ${this.path}`, `${line} #${this.runId}`);
    else if (error) this.record('console', formatError(error));
  }

  record(stream: string, text: string): void {
    this.world.log.record(stream, text);
  }

  setStatus(status: Status): void {
    this.runner.status = status;
    this.parent.setStatus?.(status);
  }

  setReady(ready: boolean): void {
    if (ready) this.emitReady();
    else this.runner.ready = false;
    if (this.isCurrent) this.parent.onReadyChange?.(ready);
  }

  next(value: string): void {
    if (this.phase !== 'execute') return;
    if (this.abandoned) return this.emit('dropped execute');
    this.parent.onValue(value);
    this.runner.onResult?.(value);
  }

  sourceEnded(): void {
    if (this.phase === 'execute' && !this.ctx.cancelled) this.completed = true;
  }

  /** @param excused whether the error only reports that the run was cancelled. */
  fail(cause: unknown, excused = false): void {
    const failure = this.toFailure(cause, this.phase, excused);
    if (!failure) return;
    if (this.error) this.error.suppressed.push(failure);
    else this.error = failure;
    if (this.abandoned && failure !== cause) this.emit(`dropped ${this.phase}`, failure);
  }

  /** «past its grace … its late value is dropped, its late error is reported as an event» */
  lateResult(phase: Phase, cause?: { readonly cause: unknown; readonly excused: boolean }): void {
    this.emit(`dropped ${phase}`, cause && this.toFailure(cause.cause, phase, cause.excused));
  }

  /** Called when the current hook has ended and released its resources. */
  released(): void {
    // A hook that ends during its start is handled after it.
    this.releasedAtOnce = this.starting;
    if (this.starting) return;
    this.output = undefined;
    if (this.phase === 'finalize') this.end();
    else if (this.phase === 'initialize' && !this.error && !this.ctx.cancelled) this.becomeReady();
    else this.finalize();
  }

  /** Marks the run as completed even if it was cancelled later, because the run it wraps had completed first. */
  markCompleted(): void {
    this.completed = true;
    this.interrupted = false;
  }

  /** «Past it each runner still going is `timed-out`, by name»: values and errors after this are dropped. */
  abandon(): void {
    this.abandoned = true;
    this.abandonMembers?.();
  }

  timedOutOutcome(): Outcome {
    const { path: task, startedAt } = this;
    return {
      task,
      status: 'timed-out',
      startedAt,
      phase: this.memberPhase?.() ?? this.phase,
      members: this.members?.(),
    };
  }

  private toFailure(cause: unknown, phase: Phase, excused: boolean): Failure | undefined {
    // The failure of a member was created by the member's run.
    if (this.runner.hooks.composite && cause instanceof Failure && phase === 'execute') return cause;
    if (excused && phase !== 'finalize' && this.ctx.cancelled && !this.completed) return undefined;
    return new Failure(this.path, phase, cause);
  }

  private get isCurrent(): boolean {
    return this.runner.run === this;
  }

  private emitReady(): void {
    this.wasReady = true;
    if (!this.runner.hooks.transparent) {
      this.setStatus('running');
      this.emit('ready');
    }
    // A listener may have ended the run.
    if (this.isCurrent) this.runner.becomeReady();
  }

  private becomeReady(): void {
    this.emitReady();
    if (this.ctx.cancelled) return this.finalize();
    this.callHook('execute');
    if (this.isCurrent && !this.error) this.parent.onReadyChange?.(true);
  }

  private callHook(phase: Phase): void {
    this.phase = phase;
    this.hookCalled = true;
    const flow = this.runner.hooks[phase]?.(this);
    this.output = flow;
    if (!flow || this.interruptIfDue()) return;
    this.starting = true;
    flow.start();
    this.starting = false;
    if (this.releasedAtOnce) this.released();
  }

  /** «On cancel the run's context is cancelled at once …»: the current hook may continue for its `grace`. */
  private onCancel(): void {
    if (this.phase === 'finalize' || this.completed) return;
    this.interrupted = true;
    const { grace = 0, transparent } = this.runner.hooks;
    if (!transparent) this.emit(`cancelling ${formatError(this.ctx.cause)}`);
    if (this.endedDuringCancel) return this.finalize();
    if (grace > 0) {
      this.stopGrace = this.world.after(grace, () => {
        this.graceElapsed = true;
        this.interruptIfDue();
      });
    }
    this.interruptIfDue();
  }

  private interruptIfDue(): boolean {
    const { output, phase, ctx } = this;
    if (!output || !ctx.cancelled || phase === 'finalize') return false;
    const { grace = output.grace } = this.runner.hooks;
    if (grace > 0 && !this.graceElapsed) return false;
    output.interrupt();
    return true;
  }

  /**
   * «The child context's cause is the cancel's; after a normal end a `CancelledError`, after a failure the
   * `TaskError`.»
   */
  private finalize(): void {
    this.stopGrace();
    // The listeners of the context are still being notified.
    if (this.ctx.cancelled && !this.interrupted && !this.completed) {
      this.endedDuringCancel = true;
      return;
    }
    this.phase = 'finalize';
    this.ctx.cancel(this.error ?? 'CancelledError');
    if (!this.runner.hooks.finalize || !this.hookCalled) return this.end();
    this.setStatus('finalizing');
    this.emit('finalizing');
    this.callHook('finalize');
  }

  private end(): void {
    const { path, error, startedAt } = this;
    const status = error ? 'failed' : this.interrupted ? 'cancelled' : 'completed';
    const outcome = {
      task: path,
      status,
      error,
      startedAt,
      endedAt: this.world.now,
      members: this.members?.(),
    } as const;
    this.runner.end(this, outcome);
    this.parent.onEnd(outcome);
  }
}

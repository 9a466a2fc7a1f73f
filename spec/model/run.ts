import { ChildCounts } from './children.js';
import { Context } from './context.js';
import { formatError } from './log.js';
import type { Runner } from './runner.js';
import type { ModelWorld } from './model-world.js';
import { Failure, type Parent, type HookOutput, type Outcome, type Phase, type Status } from './types.js';

/** «initialize → execute → (child context cancelled) → the children end → finalize → outcome» */
export class Run {
  readonly world: ModelWorld;
  readonly runner: Runner;
  readonly ctx: Context;
  readonly path: string;
  readonly startedAt: number;
  readonly childCounts: ChildCounts;
  /** Cancels the application. */
  readonly cancel: (cause: unknown) => void;
  phase: Phase = 'initialize';
  error: Failure | undefined = undefined;
  /** Whether the run is or was ready, and has not failed since. */
  wasReady = false;
  runId = 0;
  /** Stops the wait for the members; set by a composite run. */
  abandonMembers: (() => void) | undefined = undefined;
  /** Returns the parts of the outcome that come from the members; set by a composite run. */
  memberParts: (() => Pick<Outcome, 'members' | 'phase' | 'error' | 'children'>) | undefined = undefined;
  readonly parent: Parent;
  /** The run that has started this one, if this is a child. */
  private readonly parentRun: Run | undefined;
  /** The children that have not ended. */
  private readonly children = new Set<Run>();
  private output: HookOutput | undefined = undefined;
  private hookCalled = false;
  private starting = false;
  private releasedAtOnce = false;
  /** Whether a cancel ended the run before it failed or `execute` ended. */
  private interrupted = false;
  /** Whether the run failed or `execute` ended before a cancel. */
  private decided = false;
  private failureReported = false;
  /** Whether the hooks `initialize` and `execute` are over. */
  private stopped = false;
  /** Whether the run then waits for its children. */
  private waiting = false;
  private endedDuringCancel = false;
  private graceElapsed = false;
  private abandonedOutcome: Outcome | undefined = undefined;
  private endedOutcome: Outcome | undefined = undefined;
  private stopTimer: () => void = () => undefined;

  constructor(runner: Runner, parentCtx: Context, parent: Parent, cancelApp?: (cause: unknown) => void) {
    const { world, hooks } = runner;
    this.runner = runner;
    this.world = world;
    this.parentRun = parent.path === undefined ? (parent.parentRun ?? parentCtx.enclosingRun) : undefined;
    this.ctx = new Context(parentCtx, this);
    this.parent = parent;
    // «`start()` … without a `cancel`, hooks get one that cancels this run alone.»
    this.cancel = cancelApp ?? ((cause) => this.ctx.cancel(cause));
    // «it is called `parent/child`»
    this.path = parent.path ?? (this.parentRun ? `${this.parentRun.path}/${hooks.name}` : hooks.name);
    this.startedAt = world.now;
    this.childCounts = parent.childCounts ?? new ChildCounts(this.ctx);
    // The number of a transparent run whose member never runs is that of its own start.
    if (hooks.transparent) this.runId = runner.starts;
    else if (!runner.onEvent) {
      const isOnItsOwn = parent.path === undefined && !this.parentRun;
      this.runId = isOnItsOwn ? ++runner.ownRuns : world.nextRunId(this.path);
      parent.onRunId?.(this.runId);
    }
  }

  get observed(): boolean {
    const { runner, parent, parentRun } = this;
    if (parent.app?.closed === false) return true;
    return runner.observed && (runner.isRoot || parentRun !== undefined);
  }

  get hasGivenUp(): boolean | undefined {
    return this.parent.hasGivenUp ?? this.parentRun?.hasGivenUp;
  }

  start(): void {
    const { hooks } = this.runner;
    this.parentRun?.childStarted(this);
    // «Context already cancelled: no hook runs, the outcome is `cancelled`.»
    if (this.ctx.cancelled) {
      this.interrupted = true;
      return this.end();
    }
    this.ctx.didCancel = () => this.onCancel();
    if (!hooks.initialize && !hooks.hasMembers) return this.becomeReady();
    if (hooks.hasMembers) this.phase = 'execute';
    this.setStatus('initializing');
    if (!hooks.transparent) this.emit('initializing');
    if (hooks.initialize) this.limitInitialize();
    this.callHook(hooks.initialize ? 'initialize' : 'execute');
  }

  /** @param cause that of a cancel, which is formatted when the event is recorded. */
  emit(event: string, error?: unknown, cause?: unknown): void {
    if (this.runner.onEvent) this.runner.onEvent(event, error);
    else if (this.hasGivenUp && error === undefined) return;
    else if (this.observed) this.recordEvent(event, error ?? cause);
    else if (error !== undefined) this.writeError(error);
  }

  private recordEvent(event: string, error: unknown): void {
    const { runner, parent, parentRun, runId } = this;
    // Formatted for each listener: the first may end a run, and a later error is suppressed on this one.
    const line = () => `${error === undefined ? event : `${event} ${formatError(error)}`} #${runId}`;
    parent.app?.onEvent(this, line());
    if (runner.observed && (runner.isRoot || parentRun)) this.record(`events ${this.path}`, line());
  }

  /** «The default writer prints an error object once.» */
  writeError(error: unknown): void {
    if (error instanceof Failure && error.isWritten) return;
    if (error instanceof Failure) error.isWritten = true;
    this.record('console', formatError(error));
  }

  record(stream: string, text: string): void {
    this.world.log.record(stream, text);
  }

  setStatus(status: Status): void {
    this.runner.status = status;
    this.parent.setStatus?.(status);
  }

  setReady(ready: boolean): void {
    if (this.failureReported) return;
    if (ready) this.emitReady();
    else {
      this.wasReady = false;
      this.runner.ready = undefined;
    }
    this.reportReady(ready);
  }

  next(value: string): void {
    if (this.phase !== 'execute') return;
    if (this.abandonedOutcome) return this.emit('dropped execute');
    this.parent.onValue(value);
    this.runner.onResult?.(value);
  }

  sourceEnded(): void {
    if (this.phase === 'execute' && !this.ctx.cancelled) this.decided = true;
  }

  /** @param excused whether the error only reports that the run was cancelled. */
  fail(cause: unknown, excused = false): void {
    const failure = this.toFailure(cause, this.phase, excused);
    if (!failure || failure === this.error) return;
    if (this.error) this.error.suppressed.push(failure);
    else this.error = failure;
    if (!this.ctx.cancelled) this.decided = true;
    if (this.abandonedOutcome && failure !== cause) this.emit(`dropped ${this.phase}`, failure);
  }

  /** Fails the run before its hook has ended. */
  failAtOnce(cause: unknown): void {
    this.fail(cause);
    this.reportFailure();
  }

  /** «An error thrown by a teardown that is not the run's own (…, an iterator's `return`, …) is a `teardown-failed`» */
  teardownFailed(error: unknown): void {
    this.emit('teardown-failed', error);
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
    else this.stopWork();
  }

  /** Marks the run as completed even if it was cancelled later, because the run it wraps had completed first. */
  markCompleted(): void {
    this.decided = true;
    this.interrupted = false;
  }

  /**
   * «Past it each runner still going is `timed-out`, by name»: values and errors after this are dropped. «A `timed-out`
   * outcome keeps the error that came before.»
   */
  abandon(): Outcome {
    // The parent of a child that has just ended may not have been notified.
    const known = this.endedOutcome ?? this.abandonedOutcome;
    if (known) return known;
    const outcome = this.dropResults();
    this.abandonMembers?.();
    return (this.abandonedOutcome = this.withParts(outcome, this.abandonChildren()));
  }

  /** Drops the values and errors that come after this. Returns the outcome at this time. */
  dropResults(): Outcome {
    const { path: task, startedAt, error } = this;
    const phase = this.waiting ? undefined : this.phase;
    return (this.abandonedOutcome = { task, status: 'timed-out', startedAt, phase, error });
  }

  abandonChildren(): Outcome[] {
    return [...this.children].map((child) => child.abandon());
  }

  /** «A child that an inner `joinAll` has reported `timed-out` is no longer waited for.» */
  childEnded(child: Run, outcome: Outcome): void {
    if (!this.children.delete(child)) return;
    this.childCounts.countEnd(outcome);
    if (this.waiting && this.children.size === 0) this.finalize();
  }

  /** Stops waiting for this run in its parent. */
  leaveParent(outcome: Outcome): void {
    this.parentRun?.childEnded(this, outcome);
  }

  private childStarted(child: Run): void {
    this.childCounts.started++;
    this.children.add(child);
  }

  /** Adds to an outcome what members and children do. */
  private withParts(outcome: Outcome, unfinished: readonly Outcome[] = []): Outcome {
    const { started, failed, members: ended } = this.childCounts;
    const ofMembers = this.memberParts?.() ?? {};
    const members = [...(ofMembers.members ?? []), ...ended, ...unfinished];
    const { children = started > 0 ? { started, failed } : undefined } = ofMembers;
    // A task with members has no hook that could hang beside its children.
    const ownPhase = children && this.runner.hooks.hasMembers ? undefined : outcome.phase;
    const { phase = ownPhase } = ofMembers;
    return {
      ...outcome,
      phase,
      error: outcome.error ?? ofMembers.error,
      members: ofMembers.members || members.length > 0 ? members : undefined,
      children,
    };
  }

  private toFailure(cause: unknown, phase: Phase, excused: boolean): Failure | undefined {
    // The failure of a member was created by the member's run.
    if (this.runner.hooks.composite && cause instanceof Failure && phase === 'execute') return cause;
    // After a first failure, the cancel comes from that failure.
    const wasCancelled = this.ctx.cancelled && (!this.decided || this.error);
    if (excused && phase !== 'finalize' && wasCancelled) return undefined;
    return new Failure(this.path, phase, cause);
  }

  /**
   * «A failure acts at once, not after `finalize`. When `initialize` or `execute` fails, the run emits `failed` and is
   * no longer ready. Its owner acts at that moment.»
   */
  private reportFailure(): void {
    const { error, runner } = this;
    if (!error || this.failureReported) return;
    this.failureReported = true;
    this.wasReady = false;
    runner.setReady(false);
    // «Only leaf runs emit `failed`», and without a listener the error is reported at the end.
    if (!runner.hooks.hasMembers && (runner.onEvent || this.observed)) this.emit(`failed ${error.phase}`, error);
    // A listener may have ended the run, and the parent has its outcome.
    if (!this.hasEnded) this.parent.onFailure?.(error);
  }

  private get hasEnded(): boolean {
    return this.runner.run !== this;
  }

  private reportReady(ready: boolean): void {
    if (!this.hasEnded && !this.failureReported) this.parent.onReadyChange?.(ready);
  }

  private emitReady(): void {
    this.wasReady = true;
    if (!this.runner.hooks.transparent) {
      this.setStatus('running');
      this.emit('ready');
    }
    // A listener may have ended the run, or made it fail.
    if (!this.hasEnded && !this.failureReported) this.runner.setReady(true);
  }

  private becomeReady(): void {
    this.stopTimer();
    this.phase = 'execute';
    this.emitReady();
    if (this.ctx.cancelled) return this.stopWork();
    this.callHook('execute');
    if (!this.error) this.reportReady(true);
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

  /**
   * «A `startTimeout` … fails a task whose `initialize` takes longer.» The hook then has the task's grace; default: 0.
   */
  private limitInitialize(): void {
    const { startTimeout = Infinity } = this.runner.hooks;
    // After a cancel the hook has its grace.
    if (!this.ctx.cancelled) this.stopTimer = this.world.after(startTimeout, () => this.timeOut());
  }

  /**
   * Fails the run before its hook has ended, and cancels it. The hook then has the task's grace, 0 by default.
   *
   * @param ctx the context to cancel: that of the run or of its slot.
   */
  timeOut(ctx: Context = this.ctx): void {
    const { grace } = this.runner.hooks;
    const graceHasBegun = this.ctx.cancelled && grace !== undefined;
    this.failAtOnce('DeadlineError');
    ctx.cancel(this.error);
    if (!graceHasBegun) this.interruptAfter(grace ?? 0);
  }

  /** «On cancel the run's context is cancelled at once …»: the current hook may continue for its `grace`. */
  private onCancel(): void {
    // After a failure its owner decides when the hook is interrupted.
    if (this.stopped || this.decided) return;
    this.interrupted = true;
    const { grace, transparent } = this.runner.hooks;
    this.stopTimer();
    if (!transparent) this.emit('cancelling', undefined, this.ctx.cause);
    if (this.endedDuringCancel) return this.stopWork();
    this.interruptAfter(grace);
  }

  /** Gives the current hook some time, by default that of its kind. */
  private interruptAfter(grace: number | undefined): void {
    if (grace === undefined) this.interruptIfDue();
    else if (grace === 0) this.interruptNow();
    else if (!this.stopped) this.stopTimer = this.world.after(grace, () => this.interruptNow());
  }

  private interruptNow(): void {
    this.graceElapsed = true;
    this.interruptIfDue();
  }

  private interruptIfDue(): boolean {
    const { output, ctx } = this;
    if (!output || !ctx.cancelled || this.stopped) return false;
    const { grace = output.grace } = this.runner.hooks;
    if (grace > 0 && !this.graceElapsed) return false;
    output.interrupt();
    return true;
  }

  /**
   * «The child context's cause is the cancel's; after a normal end a `CancelledError`, after a failure the
   * `TaskError`.» «It is cancelled with the parent's context, also when the parent's `execute` has ended by itself; the
   * parent's status stays `running` while its children end, and `finalize` and the outcome come after them.»
   */
  private stopWork(): void {
    this.stopTimer();
    // The listeners of the context are still being notified.
    if (this.ctx.cancelled && !this.interrupted && !this.decided) {
      this.endedDuringCancel = true;
      return;
    }
    this.reportFailure();
    this.stopped = true;
    this.ctx.cancel(this.error ?? 'CancelledError');
    this.waiting = true;
    this.parent.onStopping?.();
    if (this.children.size === 0) this.finalize();
  }

  private finalize(): void {
    // An application may still start children under the cancelled context.
    this.waiting = false;
    if (!this.runner.hooks.finalize || !this.hookCalled) return this.end();
    this.phase = 'finalize';
    this.setStatus('finalizing');
    this.emit('finalizing');
    this.callHook('finalize');
  }

  private end(): void {
    const { path, error, startedAt } = this;
    const status = error ? 'failed' : this.interrupted ? 'cancelled' : 'completed';
    const outcome = this.withParts({ task: path, status, startedAt, endedAt: this.world.now });
    // The phase, and an error of the members, are those of a run that has timed out.
    const ended: Outcome = { ...outcome, phase: undefined, error };
    this.endedOutcome = ended;
    this.runner.end(this, ended);
    this.parent.onEnd(ended);
    this.leaveParent(ended);
  }
}

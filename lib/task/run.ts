import type { Observer, Subscription } from 'rxjs';
import { CancelContext, endedNormally, unsubscribed } from '../context/cancel-context.js';
import { isCancellation } from '../context/is-cancellation.js';
import type { CancelFunc, RunContext, RunEnd, RunHooks, RunJob } from '../context/types.js';
import { DeadlineError, suppress, TaskError, type Phase } from '../errors/errors.js';
import { captureAsyncContext, runInAsyncContext, type AsyncContext } from '../util/async-context.js';
import { notifyAll, type LinkedList } from '../util/linked-list.js';
import { callNested } from '../util/nested-calls.js';
import { after } from '../util/timer.js';
import { ChildTotals } from './child-totals.js';
import { ChildContext } from './child.js';
import {
  isComposite,
  runComposite,
  type CompositeRun,
  type CompositeTask,
  type RunParts,
  type Status,
  type TaskHistory,
} from './composite.js';
import { hasAppListener, hasEventSubscriber, isUsedByApp } from './event-listeners.js';
import { subscribeOutput, type OutputObserver, type OutputSubscription } from './hook-output.js';
import { RunChildren } from './run-children.js';
import type { RunIds } from './run-ids.js';
import {
  abandoned,
  cancelTookEffect,
  composite,
  created,
  ended,
  endedByItself,
  endedDuringCancel,
  endReported,
  eventOf,
  executeCalled,
  executing,
  failureReported,
  finalizing,
  graceElapsed,
  hookCalled,
  initializing,
  phaseOf,
  statusOf,
  transparent,
  waiting,
  wasReady,
  type RunState,
} from './run-state.js';
import type { TaskHooks } from './task-hooks.js';
import type { Outcome, TaskEvent, TaskEventDetail, TaskOutput } from './types.js';

/** The subscriber of a run. */
export type RunObserver<T> = Observer<T> & {
  readonly closed: boolean;
  /** Called when the run fails. `error` follows when it has ended. */
  onFailure?(error: TaskError): void;
};

/** The status of a run that has ended. */
type RunStatus = Exclude<Outcome['status'], 'timed-out' | 'not-started'>;

/** The owner of a run: a runner, or a cron for the run of one slot. */
export interface RunOwner<T> {
  readonly name: string;
  readonly hooks: TaskHooks<T>;
  /** For the run of a slot: the run of its cron. */
  readonly ctx?: CompositeRun;
  /** Numbers the runs of the children that are started under a run's context. */
  readonly childRunIds: RunIds;
  /** Whether there is an event listener. */
  readonly observed: boolean;
  emit(run: Run<T>, detail: TaskEventDetail): void;
  forward?(event: TaskEvent): void;
  setStatus?(status: Status): void;
  ready?(): void;
  /** Revokes `ready`, because a child must become ready again. */
  notReady?(): void;
  /** The run has failed: it is no longer ready, and it ends later. */
  onFailure?(): void;
  forwardValue?(value: T): void;
  /** Called before the subscriber completes or errors, because the subscriber may start the next run. */
  onEnd?(run: Run<T>, status: RunStatus, endedAt: number): Outcome;
}

/**
 * One run of a task, and the context that its hooks get: initialize → execute → the context is cancelled → its children
 * end → finalize → ended. `run-state.ts` has the table of what follows what.
 */
export class Run<T> extends CancelContext implements CompositeRun, OutputObserver<T> {
  readonly runId: number;
  // `declare` creates no field, which keeps a run small: there may be very many.
  declare readonly slot?: number;
  /** For a child's run: the context that reports to its parent. */
  declare readonly child?: ChildContext<T>;
  declare parts?: RunParts;
  /** The runs that were started under this context. */
  declare children?: RunChildren;
  declare totals?: ChildTotals;
  /** Notified when the run has ended, or is abandoned. */
  declare endListeners?: LinkedList;
  /** The outcome at the time when a join abandoned this run. */
  declare abandonedOutcome?: Outcome;
  /** The async context to go on in when the cancel, or the last child, has let the run wait. */
  declare private asyncContext?: AsyncContext;
  /** The timer of the `startTimeout` or, after a cancel, of the grace. */
  declare private timer?: Subscription;
  readonly startedAt: number;
  /** The first failure. Its `suppressed` has the later ones. */
  error: TaskError | undefined = undefined;
  private readonly owner: RunOwner<T>;
  private readonly subscriber: RunObserver<T>;
  private readonly cancelApp: CancelFunc | undefined;
  private state: RunState = created;
  private flags = 0;
  private output: OutputSubscription | undefined = undefined;

  constructor(
    owner: RunOwner<T>,
    runId: number,
    subscriber: RunObserver<T>,
    parent: CancelContext,
    cancelApp: CancelFunc | undefined,
    startedAt: number = parent.scheduler.now(),
    slot?: number,
  ) {
    super(parent.scheduler, parent);
    this.owner = owner;
    this.runId = runId;
    this.subscriber = subscriber;
    this.cancelApp = cancelApp;
    this.startedAt = startedAt;
    if (isComposite(owner.hooks)) this.flags = owner.hooks.transparent ? composite | transparent : composite;
    if (slot !== undefined) this.slot = slot;
    if (parent instanceof ChildContext) this.becomeChild(parent as ChildContext<T>);
  }

  private becomeChild(child: ChildContext<T>): void {
    (this as { child: ChildContext<T> }).child = child;
    // A transparent run has the number of its child's run.
    if (!(this.flags & transparent)) for (let run = this.setRunId(this.runId); run;) run = run.setRunId(this.runId);
  }

  override get ownRun(): RunContext {
    return this;
  }

  get task(): string {
    return this.child ? this.child.path : this.owner.name;
  }

  get job(): RunJob | undefined {
    return this.owner.hooks.job;
  }

  get parent(): CompositeRun | undefined {
    return this.owner.ctx ?? this.child?.parent;
  }

  /** Whether this run, or one that it is part of, has an event listener. */
  get observed(): boolean {
    // The run of a slot has no runner of its own.
    if (this.owner.ctx) return this.owner.ctx.observed;
    return this.child ? hasAppListener(this.runHooks) || hasEventSubscriber(this) : this.owner.observed;
  }

  get hasSubscriber(): boolean {
    return this.slot === undefined && this.owner.observed;
  }

  /** Whether a listener has a use for an event of this run, or of the run of a slot, which has no error. */
  uses(event: TaskEventDetail, source: CompositeRun = this): boolean {
    if (this.owner.ctx) return this.owner.ctx.uses(event, source);
    return this.child ? isUsedByApp(event, source) || hasEventSubscriber(this) : this.owner.observed;
  }

  get history(): TaskHistory {
    return this.compositeTask?.history ?? {};
  }

  /** Whether the run is ready, or was until it ended. A failed run is not. */
  get wasReady(): boolean {
    return (this.flags & wasReady) !== 0;
  }

  /** The status with which the run ends. */
  get endStatus(): RunStatus {
    return this.error ? 'failed' : this.flags & cancelTookEffect ? 'cancelled' : 'completed';
  }

  /** Whether the subscriber has unsubscribed. */
  get unsubscribed(): boolean {
    return this.subscriber.closed;
  }

  /** The hook of the run's state. */
  get phase(): Phase {
    return phaseOf(this.state);
  }

  /** Whether a hook is running, rather than the run's children alone. */
  get isInHook(): boolean {
    return this.state !== waiting;
  }

  get interruptsPromises(): boolean {
    const { grace, startTimeout } = this.owner.hooks;
    return grace !== undefined || startTimeout !== undefined || this.runHooks?.startTimeout !== undefined;
  }

  get childTotals(): ChildTotals {
    return this.owner.ctx?.childTotals ?? (this.totals ??= new ChildTotals(this));
  }

  get startedByRun(): boolean {
    return this.child?.parentRun instanceof RunChildren;
  }

  get runIds(): RunIds | undefined {
    return this.child?.runIds;
  }

  get childRunIds(): RunIds {
    return this.child?.runIds ?? this.owner.childRunIds;
  }

  /** The runs that were started under this context, to add another. */
  get startedChildren(): RunChildren {
    return this.children ?? this.firstChildren();
  }

  private firstChildren(): RunChildren {
    const { childTotals, childRunIds } = this;
    return (this.children = new RunChildren(this, childTotals, childRunIds, () => this.childrenEnded()));
  }

  emit(detail: TaskEventDetail): void {
    this.owner.emit(this, detail);
  }

  /** Cancels a run whose subscriber has unsubscribed. */
  static cancelUnsubscribed(run: CancelContext): void {
    CancelContext.cancel(run, unsubscribed);
  }

  /** Starts the run, when the call stack is not too deep. */
  start(): void {
    // Only children can be nested deep.
    if (this.child) callNested(startRun, this as Run<unknown>, undefined);
    else this.startNow();
  }

  startNow(): void {
    if (this.cancelled) {
      this.flags |= cancelTookEffect;
      this.end();
    } else if (this.owner.hooks.initialize) {
      this.enter(initializing, this.startedAt);
      this.startTimeout();
      this.callHook('initialize');
    } else if (this.compositeTask?.members) {
      // It executes from here on, but reports itself when its members are ready.
      this.state = executing;
      this.announce(initializing, this.startedAt);
      this.callHook('execute');
    } else this.becomeReady(this.startedAt);
  }

  /** Passes an event to the listeners of this run, and of all runs that it is part of. */
  forward(event: TaskEvent, source?: RunContext): void {
    for (let run = this.forwardOne(event, source); run;) run = run.forwardOne(event, source);
  }

  /** Passes an event to the listeners of this run. Returns the run above that receives it next. */
  forwardOne(event: TaskEvent, source?: RunContext): CompositeRun | undefined {
    this.owner.forward?.(event);
    return this.owner.ctx ?? this.child?.forward(event, source);
  }

  /** Stores the number of the child's run in a transparent run. Returns the run above that takes it on, too. */
  setRunId(runId: number): CompositeRun | undefined {
    return this.child?.setRunId(runId);
  }

  setStatus(status: Status, at?: number): void {
    for (let run = this.setOneStatus(status, at); run;) run = run.setOneStatus(status, at);
  }

  /** Sets the status of this run. Returns the run above that takes on this status. */
  setOneStatus(status: Status, at?: number): CompositeRun | undefined {
    this.owner.setStatus?.(status);
    return this.child?.setStatus(status, at);
  }

  ready(): void {
    if (!this.mayBeReady) return;
    this.reportReady();
    this.childReady(true);
  }

  notReady(): void {
    if (!this.mayBeReady) return;
    this.flags &= ~wasReady;
    this.owner.notReady?.();
    this.childReady(false);
  }

  fail(error: unknown): void {
    this.failed(error);
    this.reportFailure();
  }

  /** Fails the run, cancels its context, and interrupts the hook after the task's `grace`, 0 unless it is given. */
  timeOut(ms: number): void {
    const graceHasBegun = this.cancelled && this.owner.hooks.grace !== undefined;
    this.fail(new DeadlineError(ms));
    CancelContext.cancel(this, this.error);
    // A listener may have ended the hook.
    if (this.state >= waiting || !this.output) return;
    if (!graceHasBegun && !this.startGrace()) this.flags |= graceElapsed;
    this.interruptHook();
  }

  ending(): void {
    if (this.child?.parentRun.onEnding)
      callNested<ChildContext<unknown>, undefined>(reportChildEnding, this.child, undefined);
  }

  markEndedByItself(): void {
    this.flags = (this.flags | endedByItself) & ~cancelTookEffect;
  }

  /** Stops the delivery of values, because a join or a cron no longer waits for this run. */
  abandon(): void {
    this.flags |= abandoned;
    this.parts?.abandon();
    this.notifyEnd();
    this.reportEnd('timed-out');
  }

  private notifyEnd(): void {
    if (this.endListeners) notifyAll(this.endListeners, undefined);
  }

  /** Reports the end to the instrumentation, once: an abandoned run may still end by itself. */
  reportEnd(status: RunEnd['status'], at: number = this.scheduler.now()): void {
    const onRunEnd = this.runHooks?.onRunEnd;
    if (onRunEnd && (this.flags & (hookCalled | endReported | transparent)) === hookCalled)
      this.reportEndTo(onRunEnd, status, at);
  }

  private reportEndTo(onRunEnd: NonNullable<RunHooks['onRunEnd']>, status: RunEnd['status'], at: number): void {
    const { error, startedAt } = this;
    this.flags |= endReported;
    onRunEnd(this, error ? { status, startedAt, at, error } : { status, startedAt, at });
  }

  onSubscribe(subscription: OutputSubscription): void {
    this.output = subscription;
    if (this.cancelled) this.interruptHook();
  }

  next(value: T): void {
    if (this.state !== executing) return;
    if (this.flags & abandoned) return this.reportDropped('execute');
    try {
      this.subscriber.next(value);
    } catch (error) {
      this.teardownFailed(error);
    }
    this.owner.forwardValue?.(value);
  }

  sourceEnded(): void {
    if (this.state === executing && !this.cancelled) this.flags |= endedByItself;
  }

  failed(error: unknown): void {
    const failure = this.toTaskError(error, this.phase);
    if (!failure) return;
    // A task made of tasks has failed before its stream errors with the same error.
    if (this.error) suppress(this.error, failure);
    else this.error = failure;
    if (!this.cancelled) this.flags |= endedByItself;
    // Must come last, because a listener may end the run. A child has already reported its own TaskError.
    if (this.flags & abandoned && failure !== error) this.reportDropped(this.phase, failure);
  }

  teardownFailed(error: unknown): void {
    this.emit({ type: 'teardown-failed', error });
  }

  released(): void {
    this.output = undefined;
    switch (this.state) {
      case initializing:
        return this.error || this.cancelled ? this.stopWork() : this.becomeReady();
      case executing:
        return this.stopWork();
      case finalizing:
        return this.end();
    }
  }

  /** Reports a result that came after the interrupt. The state may have changed since its hook was called. */
  lateResult(failure?: { readonly error: unknown }): void {
    const phase = this.flags & executeCalled ? 'execute' : 'initialize';
    this.reportDropped(phase, failure && this.toTaskError(failure.error, phase));
  }

  /** Reports what the work of a cancelled future under this context has still yielded or thrown. */
  resultDropped(failure?: { readonly error: unknown }): void {
    this.reportDropped('execute', failure && new TaskError(this.task, 'execute', failure.error));
  }

  protected override didCancel(): void {
    if (this.state === created || this.state >= waiting || this.flags & endedByItself) return;
    this.flags |= cancelTookEffect;
    // Starts the timer before the event: a listener may end the hook, which must stop the timer.
    if (!(this.flags & endedDuringCancel)) this.startGrace();
    if (!(this.flags & transparent) && this.observed) this.emit({ type: 'cancelling', cause: this.cause });
    if (!(this.flags & endedDuringCancel)) return this.interruptHook();
    runInAsyncContext(this.asyncContext, (run) => run.stopWork(), this as Run<T>, undefined);
  }

  private get compositeTask(): CompositeTask<T> | undefined {
    return this.flags & composite ? (this.owner.hooks as CompositeTask<T>) : undefined;
  }

  /** The only place that changes the state. With it go the public status and the event. */
  private enter(state: RunState, at?: number): void {
    this.state = state;
    this.announce(state, at);
  }

  private announce(state: RunState, at?: number): void {
    if (this.flags & transparent) return this.announceTransparent(state);
    const status = statusOf[state];
    const event = eventOf[state];
    if (status) this.setStatus(status, at);
    // Not a spread: V8 makes a hidden class for each copy that gets further properties, which takes a µs and more.
    if (event && this.uses(event)) this.emit({ type: event.type });
  }

  private announceTransparent(state: RunState): void {
    // Its child has the status, and emits the events. The transparent runs above it are initializing already.
    if (state === initializing) this.setOneStatus('initializing', this.startedAt);
  }

  private get mayBeReady(): boolean {
    return this.state !== ended && !(this.flags & failureReported);
  }

  private reportReady(at?: number): void {
    this.flags |= wasReady;
    this.announce(executing, at);
    // A listener may have made the run fail, or ended it and started the next.
    if (this.mayBeReady) this.owner.ready?.();
  }

  private becomeReady(at?: number): void {
    this.timer?.unsubscribe();
    this.state = executing;
    this.reportReady(at);
    if (this.cancelled) return this.stopWork();
    this.callHook('execute');
    // The report starts the next member of a group, and this member's `execute` must be called first.
    if (!this.error) this.childReady(true);
  }

  private childReady(ready: boolean): void {
    if (!this.child?.parentRun.readyChanged || !this.mayBeReady) return;
    callNested<ChildContext<unknown>, boolean>(reportReadyChanged, this.child, ready);
  }

  /**
   * Ends what a cancel can interrupt: reports a failure, and cancels the run's context, so that everything that was
   * started under it ends. If the hook ends while a cancel is still being propagated, this method only sets
   * `endedDuringCancel`; `didCancel` then calls it again.
   */
  private stopWork(): void {
    this.timer?.unsubscribe();
    if (this.cancelled && !(this.flags & (cancelTookEffect | endedByItself))) {
      this.flags |= endedDuringCancel;
      this.asyncContext = captureAsyncContext();
      return;
    }
    if (this.error) this.reportFailure();
    CancelContext.cancel(this, this.error ?? endedNormally);
    this.enter(waiting);
    // A task with members ends at once.
    if (this.child && !this.compositeTask?.members) this.ending();
    if (!this.children || this.children.allEnded) this.finalize();
    else this.asyncContext = captureAsyncContext();
  }

  private childrenEnded(): void {
    if (this.state === waiting)
      runInAsyncContext(this.asyncContext, (run) => run.finalize(), this as Run<T>, undefined);
  }

  private finalize(): void {
    if (!this.owner.hooks.finalize || !(this.flags & hookCalled)) return this.end();
    this.enter(finalizing);
    this.callHook('finalize');
  }

  private end(): void {
    this.state = ended;
    if (this.child) callNested(endRun, this as Run<unknown>, undefined);
    else this.endNow();
  }

  /** Reports the end, when the call stack is not too deep. */
  endNow(): void {
    const { error, subscriber, endStatus: status } = this;
    this.notifyEnd();
    const outcome = this.reportOutcome(status);
    try {
      if (error) subscriber.error(error);
      else subscriber.complete();
    } catch (teardownError) {
      this.teardownFailed(teardownError);
    }
    // Last: a parent that waits for its children finalizes now.
    if (outcome) this.child?.onEnd(outcome);
  }

  private reportOutcome(status: RunStatus): Outcome | undefined {
    const { owner, runHooks } = this;
    // The run of a slot has no outcome. To read the clock takes a tenth of the time of a run.
    if (!owner.onEnd && !runHooks?.onRunEnd) return undefined;
    const endedAt = this.scheduler.now();
    this.reportEnd(status, endedAt);
    return owner.onEnd?.(this, status, endedAt);
  }

  private callHook(phase: Phase): void {
    const wrapHook = this.flags & transparent ? undefined : this.runHooks?.wrapHook;
    if (wrapHook) this.callWrapped(wrapHook, phase);
    else this.callHookDirectly(phase);
  }

  // A method, as below, because a function with a closure allocates the closure's scope whenever it is called.
  private callWrapped(wrapHook: NonNullable<RunHooks['wrapHook']>, phase: Phase): void {
    wrapHook(this, phase, () => this.callHookDirectly(phase));
  }

  private callHookDirectly(phase: Phase): void {
    this.flags |= phase === 'execute' ? hookCalled | executeCalled : hookCalled;
    let output: TaskOutput<unknown>;
    try {
      output = this.invokeHook(phase);
    } catch (error) {
      this.sourceEnded();
      this.failed(error);
      return this.released();
    }
    subscribeOutput(output as TaskOutput<T>, this);
  }

  private invokeHook(phase: Phase): TaskOutput<unknown> {
    const { hooks } = this.owner;
    if (phase === 'initialize') return hooks.initialize?.(this);
    if (phase === 'finalize') return hooks.finalize?.();
    const cancel = this.cancelApp ?? this.cancelAlone();
    return this.compositeTask ? this.compositeTask[runComposite](this, cancel) : hooks.execute(this, cancel);
  }

  private cancelAlone(): CancelFunc {
    return (cause) => CancelContext.cancel(this, cause);
  }

  /** Fails the run if `initialize` takes too long. The hook then has the task's `grace`, 0 unless it is given. */
  private startTimeout(): void {
    const ms = this.owner.hooks.startTimeout ?? this.runHooks?.startTimeout;
    // A listener may have cancelled the run: the hook then has its grace.
    if (ms !== undefined && ms !== Infinity && !this.cancelled) this.timeOutAfter(ms);
  }

  private timeOutAfter(ms: number): void {
    this.timer = after(this.scheduler, ms, () => this.timeOut(ms));
  }

  /** Starts the timer of the grace, unless the task has none of its own. */
  private startGrace(): boolean {
    const { grace = 0 } = this.owner.hooks;
    this.timer?.unsubscribe();
    if (grace === 0) return false;
    this.timer = after(this.scheduler, grace, () => {
      this.flags |= graceElapsed;
      this.interruptHook();
    });
    return true;
  }

  /** Interrupts the current hook, unless it still has grace. */
  private interruptHook(): void {
    const { output, state } = this;
    if (!output || state >= waiting || (state === executing && this.compositeTask)) return;
    const { grace = output.grace } = this.owner.hooks;
    if (grace > 0 && !(this.flags & graceElapsed)) return;
    output.interrupt();
  }

  /** Converts a hook's error into the run's failure; `undefined` if the error is only the run's own cancel. */
  private toTaskError(error: unknown, phase: Phase): TaskError | undefined {
    // The failure of a child, already converted by the child's run.
    if (phase === 'execute' && this.compositeTask && error instanceof TaskError) return error;
    // After a first failure, the cancel comes from that failure.
    const mayBeCancellation = this.cancelled && (!(this.flags & endedByItself) || this.error);
    if (phase !== 'finalize' && mayBeCancellation && isCancellation(error, this.cause)) return undefined;
    return new TaskError(this.task, phase, error);
  }

  /** Reports the failure at once, once: to listeners of events, to the subscriber, and to the owner. */
  private reportFailure(): void {
    const { error, subscriber, flags } = this;
    if (!error || flags & failureReported) return;
    this.flags = (flags | failureReported) & ~wasReady;
    this.owner.onFailure?.();
    if (!this.compositeTask?.members && this.observed) this.emit({ type: 'failed', phase: error.phase, error });
    // A listener may have ended the run, and the subscriber has its outcome.
    if (subscriber.onFailure && this.state !== ended)
      callNested(reportFailureTo, subscriber as RunObserver<unknown>, error);
  }

  private reportDropped(phase: Phase, error?: TaskError): void {
    if (error || this.observed)
      this.emit(error ? { type: 'result-dropped', phase, error } : { type: 'result-dropped', phase });
  }
}

function startRun(run: Run<unknown>): void {
  run.startNow();
}

function endRun(run: Run<unknown>): void {
  run.endNow();
}

function reportReadyChanged(child: ChildContext<unknown>, ready: boolean): void {
  child.readyChanged(ready);
}

function reportChildEnding(child: ChildContext<unknown>): void {
  child.onEnding();
}

function reportFailureTo(subscriber: RunObserver<unknown>, error: TaskError): void {
  subscriber.onFailure?.(error);
}

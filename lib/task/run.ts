import type { Observer, Subscription } from 'rxjs';
import { CancelContext, endedNormally, unsubscribed } from '../context/cancel-context.js';
import { isCancellation } from '../context/is-cancellation.js';
import type { CancelFunc, RunContext, RunEnd } from '../context/types.js';
import { TaskError, type Phase } from '../errors/errors.js';
import { after } from '../util/timer.js';
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
import { subscribeOutput, type OutputObserver, type OutputSubscription } from './hook-output.js';
import type { TaskHooks } from './task-hooks.js';
import type { Outcome, TaskEvent, TaskEventDetail, TaskOutput } from './types.js';

/** The subscriber of a run. */
export type RunObserver<T> = Observer<T> & { readonly closed: boolean };

/** The owner of a run: a runner, or a cron for the run of one slot. */
export interface RunOwner<T> {
  readonly name: string;
  readonly hooks: TaskHooks<T>;
  /** For the run of a slot: the run of its cron. */
  readonly ctx?: RunContext;
  /** Whether there is an event listener. */
  readonly observed: boolean;
  emit(run: Run<T>, detail: TaskEventDetail): void;
  forward?(event: TaskEvent): void;
  setStatus?(status: Status): void;
  ready?(): void;
  /** Revokes `ready`, because a child must become ready again. */
  notReady?(): void;
  forwardValue?(value: T): void;
  /** Called before the subscriber completes or errors, because the subscriber may start the next run. */
  onEnd?(run: Run<T>, status: Exclude<Outcome['status'], 'timed-out' | 'not-started'>): void;
}

// Flags of a run, packed into one field to keep runs small: there may be very many.
/** A hook was called, so there may be something to release. */
const hookCalled = 1 << 0;
/** `execute` was called. */
const executeCalled = 1 << 1;
/** The context was cancelled before `execute` ended, and everything under it was notified. */
const cancelTookEffect = 1 << 2;
/** The current hook ended while the cancel was being propagated. */
const endedDuringCancel = 1 << 3;
/** `execute` ended before a cancel, with or without an error. A later cancel has no effect. */
const executeEnded = 1 << 4;
/** The grace has elapsed. */
const graceElapsed = 1 << 5;
/** A join or a cron has stopped waiting for this run. */
const abandoned = 1 << 6;
/** The run has been ready. */
const wasReady = 1 << 7;
/** The run has ended. */
const ended = 1 << 8;
/** The end has been reported to the instrumentation. */
const endReported = 1 << 9;

/**
 * One run of a task, and the context that its hooks get: initialize → execute → the context is cancelled → finalize →
 * ended.
 */
export class Run<T> extends CancelContext implements CompositeRun, OutputObserver<T> {
  readonly runId: number;
  // `declare` creates no field, which keeps a run small: there may be very many.
  declare readonly slot?: number;
  /** For a child's run: the context that reports to its parent. */
  declare readonly child?: ChildContext<T>;
  declare parts?: RunParts;
  readonly startedAt: number;
  /** The first failure. Its `suppressed` has the later ones. */
  error: TaskError | undefined = undefined;
  private readonly owner: RunOwner<T>;
  private readonly subscriber: RunObserver<T>;
  private readonly cancelApp: CancelFunc | undefined;
  private phase: Phase = 'initialize';
  private flags = 0;
  private output: OutputSubscription | undefined = undefined;
  private graceTimer: Subscription | undefined = undefined;

  constructor(
    owner: RunOwner<T>,
    runId: number,
    subscriber: RunObserver<T>,
    parent: CancelContext,
    cancelApp: CancelFunc | undefined,
    slot?: number,
  ) {
    super(parent.scheduler, parent);
    this.owner = owner;
    this.runId = runId;
    this.subscriber = subscriber;
    this.cancelApp = cancelApp;
    this.startedAt = this.scheduler.now();
    if (slot !== undefined) this.slot = slot;
    if (parent instanceof ChildContext) {
      this.child = parent as ChildContext<T>;
      parent.runId = runId;
    }
  }

  get task(): string {
    return this.child ? this.child.path : this.owner.name;
  }

  get parent(): RunContext | undefined {
    return this.owner.ctx ?? this.child?.parent;
  }

  get observed(): boolean {
    return this.owner.observed || this.child?.observed === true;
  }

  get history(): TaskHistory {
    return this.compositeTask?.history ?? {};
  }

  /** Whether the run has been ready. */
  get wasReady(): boolean {
    return (this.flags & wasReady) !== 0;
  }

  /** Whether the subscriber has unsubscribed. */
  get unsubscribed(): boolean {
    return this.subscriber.closed;
  }

  emit(detail: TaskEventDetail): void {
    this.owner.emit(this, detail);
  }

  /** Cancels a run whose subscriber has unsubscribed. */
  static cancelUnsubscribed(run: CancelContext): void {
    CancelContext.cancel(run, unsubscribed);
  }

  start(): void {
    if (this.cancelled) {
      this.flags |= cancelTookEffect;
      this.end();
    } else if (this.owner.hooks.initialize) {
      this.setStatus('initializing');
      if (this.observed) this.emit({ type: 'initializing' });
      this.callHook('initialize');
    } else if (this.compositeTask?.members) {
      this.setStatus('initializing');
      if (this.observed && !this.compositeTask.transparent) this.emit({ type: 'initializing' });
      this.callHook('execute');
    } else this.becomeReady();
  }

  forward(event: TaskEvent, run?: RunContext): void {
    this.owner.forward?.(event);
    this.child?.forward(event, run);
  }

  setStatus(status: Status): void {
    this.owner.setStatus?.(status);
    this.child?.setStatus(status);
  }

  ready(): void {
    this.reportReady();
    if (!(this.flags & ended)) this.child?.readyChanged(true);
  }

  notReady(): void {
    this.owner.notReady?.();
    this.child?.readyChanged(false);
  }

  markExecuteEnded(): void {
    this.flags = (this.flags | executeEnded) & ~cancelTookEffect;
  }

  /** Stops the delivery of values, because a join or a cron no longer waits for this run. Returns the current hook. */
  abandon(): Phase {
    this.flags |= abandoned;
    this.parts?.abandon();
    this.reportEnd('timed-out');
    return this.phase;
  }

  /** Reports the end to the instrumentation, once: an abandoned run may still end by itself. */
  reportEnd(status: RunEnd['status']): void {
    const { runHooks, error, scheduler, flags } = this;
    if (!runHooks?.onRunEnd || !(flags & hookCalled) || flags & endReported || this.compositeTask?.transparent) return;
    this.flags |= endReported;
    runHooks.onRunEnd(this, { status, at: scheduler.now(), ...(error && { error }) });
  }

  onSubscribe(subscription: OutputSubscription): void {
    this.output = subscription;
    if (this.cancelled) this.interruptHook();
  }

  next(value: T): void {
    if (this.phase !== 'execute') return;
    if (this.flags & abandoned) this.reportLate('execute');
    else {
      this.subscriber.next(value);
      this.owner.forwardValue?.(value);
    }
  }

  sourceEnded(): void {
    if (this.phase === 'execute' && !this.cancelled) this.flags |= executeEnded;
  }

  failed(error: unknown): void {
    const failure = this.toTaskError(error, this.phase);
    if (!failure) return;
    if (this.error) this.error.suppressed.push(failure);
    else this.error = failure;
    // Must come last, because a listener may end the run. A child has already reported its own TaskError.
    if (this.flags & abandoned && failure !== error) this.reportLate(this.phase, failure);
  }

  released(): void {
    this.output = undefined;
    if (this.phase === 'finalize') this.end();
    else if (this.phase === 'initialize' && !this.error && !this.cancelled) this.becomeReady();
    else this.finalize();
  }

  /** Reports a result that came after the interrupt. The phase may have changed since its hook was called. */
  lateResult(failure?: { readonly error: unknown }): void {
    const phase = this.flags & executeCalled ? 'execute' : 'initialize';
    this.reportLate(phase, failure && this.toTaskError(failure.error, phase));
  }

  protected override didCancel(): void {
    if (this.phase === 'finalize' || this.flags & executeEnded) return;
    this.flags |= cancelTookEffect;
    const { grace = 0 } = this.owner.hooks;
    // Starts the timer before the event: a listener may end the hook, which must stop the timer.
    if (grace > 0 && !(this.flags & endedDuringCancel)) {
      this.graceTimer = after(this.scheduler, grace, () => {
        this.flags |= graceElapsed;
        this.interruptHook();
      });
    }
    if (this.observed && !this.compositeTask?.transparent) this.emit({ type: 'cancelling', cause: this.cause });
    if (this.flags & endedDuringCancel) return this.finalize();
    this.interruptHook();
  }

  private get compositeTask(): CompositeTask<T> | undefined {
    const { hooks } = this.owner;
    return isComposite(hooks) ? hooks : undefined;
  }

  private reportReady(): void {
    this.flags |= wasReady;
    if (!this.compositeTask?.transparent) {
      this.setStatus('running');
      if (this.observed) this.emit({ type: 'ready' });
    }
    // A listener may have ended the run, and started the next.
    if (!(this.flags & ended)) this.owner.ready?.();
  }

  private becomeReady(): void {
    this.reportReady();
    if (this.cancelled) return this.finalize();
    this.callHook('execute');
    // The report starts the next member of a group, and this member's `execute` must be called first.
    if (!(this.flags & ended) && !this.error) this.child?.readyChanged(true);
  }

  /**
   * Cancels the run's context, so that everything that was started under it ends, and then calls the hook `finalize`.
   * If the hook ends while a cancel is still being propagated, this method only sets `endedDuringCancel`; `didCancel`
   * then calls it again.
   */
  private finalize(): void {
    this.graceTimer?.unsubscribe();
    if (this.cancelled && !(this.flags & (cancelTookEffect | executeEnded))) {
      this.flags |= endedDuringCancel;
      return;
    }
    this.phase = 'finalize';
    CancelContext.cancel(this, this.error ?? endedNormally);
    if (!this.owner.hooks.finalize || !(this.flags & hookCalled)) return this.end();
    this.setStatus('finalizing');
    if (this.observed) this.emit({ type: 'finalizing' });
    this.callHook('finalize');
  }

  private end(): void {
    this.flags |= ended;
    const status = this.error ? 'failed' : this.flags & cancelTookEffect ? 'cancelled' : 'completed';
    this.reportEnd(status);
    this.owner.onEnd?.(this, status);
    if (this.error) this.subscriber.error(this.error);
    else this.subscriber.complete();
  }

  private callHook(phase: Phase): void {
    const { runHooks } = this;
    if (runHooks?.wrapHook && !this.compositeTask?.transparent)
      runHooks.wrapHook(this, phase, () => this.callHookDirectly(phase));
    else this.callHookDirectly(phase);
  }

  private callHookDirectly(phase: Phase): void {
    this.phase = phase;
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
    const cancel: CancelFunc = this.cancelApp ?? ((cause) => CancelContext.cancel(this, cause));
    return isComposite(hooks) ? hooks[runComposite](this, cancel) : hooks.execute(this, cancel);
  }

  /** Interrupts the current hook, unless it still has grace. */
  private interruptHook(): void {
    const { output, phase } = this;
    if (!output || phase === 'finalize' || (phase === 'execute' && this.compositeTask)) return;
    const { grace = output.grace } = this.owner.hooks;
    if (grace > 0 && !(this.flags & graceElapsed)) return;
    output.interrupt();
  }

  /** Converts a hook's error into the run's failure; `undefined` if the error is only the run's own cancel. */
  private toTaskError(error: unknown, phase: Phase): TaskError | undefined {
    // The failure of a child, already converted by the child's run.
    if (error instanceof TaskError && phase === 'execute' && this.compositeTask) return error;
    if (phase !== 'finalize' && this.cancelled && !(this.flags & executeEnded) && isCancellation(error, this.cause))
      return undefined;
    return new TaskError(this.task, phase, error);
  }

  private reportLate(phase: Phase, error?: TaskError): void {
    if (error || this.observed)
      this.emit(error ? { type: 'result-dropped', phase, error } : { type: 'result-dropped', phase });
  }
}

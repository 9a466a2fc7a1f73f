import type { Observer, Subscription } from 'rxjs';
import type { CancelFunc, RunEnd, RunContext } from '../context/types.js';
import { TaskError, type Phase } from '../errors/errors.js';
import type { Outcome, TaskEvent, TaskEventDetail, TaskOutput } from './types.js';
import { after } from '../util/timer.js';
import {
  runComposite,
  isComposite,
  type RunParts,
  type CompositeTask,
  type CompositeRun,
  type TaskHistory,
  type Status,
} from './composite.js';
import { subscribeOutput, type OutputSubscription, type OutputObserver } from './hook-output.js';
import { isCancellation } from '../context/is-cancellation.js';
import { ChildContext } from './child.js';
import { endedNormally, CancelContext, unsubscribed } from '../context/cancel-context.js';
import type { TaskHooks } from './task-hooks.js';

/** Whoever subscribed to a run. */
export type RunObserver<T> = Observer<T> & { readonly closed: boolean };

/** Whoever owns a run: a runner, or a cron for one slot. */
export interface RunOwner<T> {
  readonly name: string;
  readonly hooks: TaskHooks<T>;
  /** The run whose slots are run. */
  readonly ctx?: RunContext;
  /** Whether someone listens to events. */
  readonly observed: boolean;
  emit(run: Run<T>, detail: TaskEventDetail): void;
  forward?(event: TaskEvent): void;
  setStatus?(status: Status): void;
  ready?(): void;
  /** It has to become ready once more. */
  notReady?(): void;
  forwardValue?(value: T): void;
  /** Comes before the subscriber is told, who may start the next run. */
  onEnd?(run: Run<T>, status: Exclude<Outcome['status'], 'timed-out' | 'not-started'>): void;
}

// What has come to pass in a run, as bits of one field: there may be very many runs.
/** A hook has been called, so that there may be something to release. */
const hookCalled = 1 << 0;
const executeCalled = 1 << 1;
/** The context was cancelled before `execute` had ended by itself, and all that hang on it have been told. */
const interrupted = 1 << 2;
/** The hook under way has ended while they were being told. */
const endedDuringCancel = 1 << 3;
/** `execute` has ended by itself: a cancel changes nothing any more. */
const completed = 1 << 4;
const graceElapsed = 1 << 5;
/** A join holds it for lost. */
const abandoned = 1 << 6;
const wasReady = 1 << 7;
const ended = 1 << 8;
/** Whoever looks on has been told of the end. */
const endReported = 1 << 9;

/**
 * One run of a task, and the context its hooks get:
 * initialize → execute → the context is cancelled → finalize → ended.
 */
export class Run<T> extends CancelContext implements CompositeRun, OutputObserver<T> {
  readonly runId: number;
  // These are not even fields of the runs that have none, of which there may be very many.
  declare readonly slot?: number;
  /** What it tells of itself when it is part of something. */
  declare readonly child?: ChildContext<T>;
  declare parts?: RunParts;
  readonly startedAt: number;
  /** The first failure; later ones are on its `suppressed`. */
  error: TaskError | undefined = undefined;
  private readonly owner: RunOwner<T>;
  private readonly subscriber: RunObserver<T>;
  private readonly cancelApp: CancelFunc | undefined;
  private phase: Phase = 'initialize';
  private flags = 0;
  private output: OutputSubscription | undefined = undefined;
  private graceTimer: Subscription | undefined = undefined;

  constructor(
    host: RunOwner<T>,
    runId: number,
    subscriber: RunObserver<T>,
    parent: CancelContext,
    cancel: CancelFunc | undefined,
    slot?: number,
  ) {
    super(parent.scheduler, parent);
    this.owner = host;
    this.runId = runId;
    this.subscriber = subscriber;
    this.cancelApp = cancel;
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

  /** Whether it has ever been ready. */
  get wasReady(): boolean {
    return (this.flags & wasReady) !== 0;
  }

  /** Whether the subscriber has left. */
  get unsubscribed(): boolean {
    return this.subscriber.closed;
  }

  emit(detail: TaskEventDetail): void {
    this.owner.emit(this, detail);
  }

  /** Cancels a run whose subscriber has left. */
  static cancelUnsubscribed(run: CancelContext): void {
    CancelContext.cancel(run, unsubscribed);
  }

  start(): void {
    if (this.cancelled) {
      this.flags |= interrupted;
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

  markCompleted(): void {
    this.flags = (this.flags | completed) & ~interrupted;
  }

  /** From now on a join holds this run for lost: nothing is delivered any more. It is told which hook that was in. */
  abandon(): Phase {
    this.flags |= abandoned;
    this.parts?.abandon();
    this.reportEnd('timed-out');
    return this.phase;
  }

  /** Tells whoever looks on, once: one that nobody waits for any longer may still end by itself. */
  reportEnd(status: RunEnd['status']): void {
    const { runHooks, error, scheduler, flags } = this;
    if (!runHooks?.onRunEnd || !(flags & hookCalled) || flags & endReported || this.compositeTask?.transparent) return;
    this.flags |= endReported;
    runHooks.onRunEnd(this, { status, at: scheduler.now(), ...(error && { error }) });
  }

  onSubscribe(flow: OutputSubscription): void {
    this.output = flow;
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
    if (this.phase === 'execute' && !this.cancelled) this.flags |= completed;
  }

  failed(error: unknown): void {
    const failure = this.toTaskError(error, this.phase);
    if (!failure) return;
    if (this.error) this.error.suppressed.push(failure);
    else this.error = failure;
    // A member has told its own failure. Last, because of re-entrant code: whoever is told may end the run.
    if (this.flags & abandoned && failure !== error) this.reportLate(this.phase, failure);
  }

  released(): void {
    this.output = undefined;
    if (this.phase === 'finalize') this.end();
    else if (this.phase === 'initialize' && !this.error && !this.cancelled) this.becomeReady();
    else this.finalize();
  }

  lateResult(failure?: { readonly error: unknown }): void {
    const phase = this.flags & executeCalled ? 'execute' : 'initialize';
    this.reportLate(phase, failure && this.toTaskError(failure.error, phase));
  }

  protected override didCancel(): void {
    if (this.phase === 'finalize' || this.flags & completed) return;
    this.flags |= interrupted;
    const { grace = 0 } = this.owner.hooks;
    // Before anyone is told, because whoever is told may end the hook, and with it the grace.
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
    // Whoever was told may have ended it, and started the next.
    if (!(this.flags & ended)) this.owner.ready?.();
  }

  private becomeReady(): void {
    this.reportReady();
    if (this.cancelled) return this.finalize();
    this.callHook('execute');
    // What comes next starts when this has been called.
    if (!(this.flags & ended) && !this.error) this.child?.readyChanged(true);
  }

  /** Everything that was started under the run's context ends before `finalize` is called. */
  private finalize(): void {
    this.graceTimer?.unsubscribe();
    if (this.cancelled && !(this.flags & (interrupted | completed))) {
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
    const status = this.error ? 'failed' : this.flags & interrupted ? 'cancelled' : 'completed';
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
      output = this.hook(phase);
    } catch (error) {
      this.sourceEnded();
      this.failed(error);
      return this.released();
    }
    subscribeOutput(output as TaskOutput<T>, this);
  }

  private hook(phase: Phase): TaskOutput<unknown> {
    const { hooks } = this.owner;
    if (phase === 'initialize') return hooks.initialize?.(this);
    if (phase === 'finalize') return hooks.finalize?.();
    const cancel: CancelFunc = this.cancelApp ?? ((cause) => CancelContext.cancel(this, cause));
    return isComposite(hooks) ? hooks[runComposite](this, cancel) : hooks.execute(this, cancel);
  }

  /** Cuts the hook under way if its grace is over. */
  private interruptHook(): void {
    const { output, phase } = this;
    if (!output || phase === 'finalize' || (phase === 'execute' && this.compositeTask)) return;
    const { grace = output.grace } = this.owner.hooks;
    if (grace > 0 && !(this.flags & graceElapsed)) return;
    output.interrupt();
  }

  /** What an error means for the run: nothing, when all it says is that the run was cancelled. */
  private toTaskError(error: unknown, phase: Phase): TaskError | undefined {
    // The run that has failed with it has judged it.
    if (error instanceof TaskError && phase === 'execute' && this.compositeTask) return error;
    if (phase !== 'finalize' && this.cancelled && !(this.flags & completed) && isCancellation(error, this.cause))
      return undefined;
    return new TaskError(this.task, phase, error);
  }

  private reportLate(phase: Phase, error?: TaskError): void {
    if (error || this.observed)
      this.emit(error ? { type: 'result-dropped', phase, error } : { type: 'result-dropped', phase });
  }
}

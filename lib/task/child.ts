import type { SchedulerLike } from 'rxjs';
import { CancelContext, endedNormally } from '../context/cancel-context.js';
import type { RunContext, RunHooks } from '../context/types.js';
import { TaskError } from '../errors/errors.js';
import type { ListNode } from '../util/linked-list.js';
import { callNested } from '../util/nested-calls.js';
import type { CompositeRun, Status } from './composite.js';
import type { RunIds } from './run-ids.js';
import type { Outcome, TaskEvent } from './types.js';

/** The owner of children: the run of a group or of a supervised task, an application, or any run with children. */
export interface ParentRun<T, C extends ChildContext<T> = ChildContext<T>> {
  /** The run that the children are part of. An application has none, unless it was started under a run's context. */
  readonly run?: CompositeRun | undefined;
  /** Whether the run stands for its only child, whose status it has. */
  readonly transparent?: boolean;
  /** Receives an event of a child. Returns whether the run that the children are part of receives it, too. */
  forward?(event: TaskEvent, run?: RunContext): boolean;
  next(value: T): void;
  /** The child has become ready and its `execute` was called; or, with `false`, it must become ready again. */
  readyChanged?(child: C, ready: boolean): void;
  /** The child has failed. It is no longer ready, and it finalizes before it ends. */
  onFailure(child: C, error: TaskError): void;
  /** The work of the child is over: its children end, it finalizes, and then it ends. */
  onEnding?(child: C): void;
  /** The child's run has ended. The last call for this child. */
  onEnd(child: C, outcome: Outcome): void;
  /** The child's runner could not start. The last call for this child. */
  startFailed(child: C, error: unknown): void;
  /** A join no longer waits for the child. */
  onAbandoned?(child: C, outcome: Outcome): void;
  /** Whether its subscriber has unsubscribed, so that no listener receives errors. */
  readonly closed?: boolean;
}

/** The context for one run of a child, and the observer of that run. */
export class ChildContext<T> extends CancelContext {
  /** The child's name in events, errors and outcomes. */
  readonly path: string;
  /** The time of the last change of the run's status, in ms. */
  since: number | undefined = undefined;
  /** The time at which the child was cancelled, or at which `execute` had ended and `finalize` was called. */
  stoppingAt: number | undefined = undefined;
  /** The number of the child's run. Unknown for a custom runner. */
  runId: number | undefined = undefined;
  /** The outcome of the child's run, set before any listener is notified of its end. */
  ended: Outcome | undefined = undefined;
  // `declare` creates no field, because most children are members.
  /** Numbers the child's runs, if it is or is below a run that another run has started. */
  declare runIds?: RunIds;
  /** The child in the list of the run that has started it, until it ends. */
  declare entry?: ListNode;
  readonly parentRun: ParentRun<T>;

  constructor(
    parentRun: ParentRun<T>,
    path: string,
    scheduler: SchedulerLike,
    parent?: CancelContext,
    runHooks?: RunHooks,
  ) {
    super(scheduler, parent, runHooks ?? parent?.runHooks);
    this.parentRun = parentRun;
    this.path = path;
    const runIds = parentRun.run?.runIds;
    if (runIds) this.runIds = runIds;
  }

  override get ownRun(): null {
    return null;
  }

  get closed(): boolean {
    return this.parentRun.closed ?? false;
  }

  get parent(): CompositeRun | undefined {
    return this.parentRun.run;
  }

  /** Passes an event on to the parent. Returns the run above that receives it next, if any. */
  forward(event: TaskEvent, run?: RunContext): CompositeRun | undefined {
    return this.parentRun.forward?.(event, run) === false ? undefined : this.parentRun.run;
  }

  /** Stores the number of the child's run. Returns the run above that takes on this number, if any. */
  setRunId(runId: number): CompositeRun | undefined {
    this.runId = runId;
    return this.parentRun.transparent ? this.parentRun.run : undefined;
  }

  /** Stores the time of a new status, now by default. Returns the run above that takes on this status, if any. */
  setStatus(status: Status, at: number = this.scheduler.now()): CompositeRun | undefined {
    this.since = at;
    // A supervised run may restart after it has finalized.
    if (!this.cancelled) this.stoppingAt = status === 'finalizing' ? at : undefined;
    return this.parentRun.transparent ? this.parentRun.run : undefined;
  }

  readyChanged(ready: boolean): void {
    this.parentRun.readyChanged?.(this, ready);
  }

  onFailure(error: TaskError): void {
    this.parentRun.onFailure(this, error);
  }

  onEnding(): void {
    this.parentRun.onEnding?.(this);
  }

  onEnd(outcome: Outcome): void {
    this.end();
    this.parentRun.onEnd(this, outcome);
  }

  onAbandoned(outcome: Outcome): void {
    this.parentRun.onAbandoned?.(this, outcome);
  }

  startFailed(error: unknown): void {
    this.end();
    this.parentRun.startFailed(this, error);
  }

  next(value: T): void {
    callNested(emitValue<T>, this.parentRun, value);
  }

  error(error: unknown): void {
    // `onEnd` reports a failed run.
    if (!(error instanceof TaskError)) this.startFailed(error);
  }

  complete(): void {
    // `onEnd` reports the outcome.
  }

  protected override didCancel(): void {
    // The cancel at its end does not count.
    if (!this.ended) this.stoppingAt ??= this.scheduler.now();
  }

  /** Removes the context from its parent. */
  private end(): void {
    CancelContext.cancel(this, endedNormally);
  }
}

function emitValue<T>(parentRun: ParentRun<T>, value: T): void {
  parentRun.next(value);
}

import type { SchedulerLike } from 'rxjs';
import { CancelContext, endedNormally } from '../context/cancel-context.js';
import type { RunContext, RunHooks } from '../context/types.js';
import { TaskError } from '../errors/errors.js';
import type { Status } from './composite.js';
import type { Outcome, TaskEvent } from './types.js';

/** The owner of children: the run of a group or of a supervised task, or an application. */
export interface ParentRun<T, C extends ChildContext<T> = ChildContext<T>> {
  /** Whether there is an event listener. */
  readonly observed: boolean;
  /** The run that the children are part of. An application has none. */
  readonly run?: RunContext;
  forward(event: TaskEvent, run?: RunContext): void;
  next(value: T): void;
  /** The child has become ready and its `execute` was called; or, with `false`, it must become ready again. */
  readyChanged(child: C, ready: boolean): void;
  /** The child's run has ended. The last call for this child. */
  onEnd(child: C, outcome: Outcome): void;
  /** The child's runner could not start. The last call for this child. */
  startFailed(child: C, error: unknown): void;
  setStatus?(status: Status): void;
  /** Whether its subscriber has unsubscribed, so that no listener receives errors. */
  readonly closed?: boolean;
}

/** The context for one run of a child, and the observer of that run. */
export class ChildContext<T> extends CancelContext {
  /** The child's name in events, errors and outcomes. */
  readonly path: string;
  /** The time of the last change of the run's status, in ms. */
  since: number;
  /** The time at which the child was cancelled, or at which `execute` had ended and `finalize` was called. */
  stoppingAt: number | undefined = undefined;
  /** The number of the child's run. Unknown for a custom runner. */
  runId: number | undefined = undefined;
  private readonly parentRun: ParentRun<T>;

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
    this.since = scheduler.now();
  }

  get closed(): boolean {
    return this.parentRun.closed ?? false;
  }

  get observed(): boolean {
    return this.parentRun.observed;
  }

  get parent(): RunContext | undefined {
    return this.parentRun.run;
  }

  forward(event: TaskEvent, run?: RunContext): void {
    this.parentRun.forward(event, run);
  }

  setStatus(status: Status): void {
    this.since = this.scheduler.now();
    // A supervised run may restart after it has finalized.
    if (!this.cancelled) this.stoppingAt = status === 'finalizing' ? this.since : undefined;
    this.parentRun.setStatus?.(status);
  }

  readyChanged(ready: boolean): void {
    this.parentRun.readyChanged(this, ready);
  }

  onEnd(outcome: Outcome): void {
    this.end();
    this.parentRun.onEnd(this, outcome);
  }

  startFailed(error: unknown): void {
    this.end();
    this.parentRun.startFailed(this, error);
  }

  next(value: T): void {
    this.parentRun.next(value);
  }

  error(error: unknown): void {
    // `onEnd` reports a failed run.
    if (!(error instanceof TaskError)) this.startFailed(error);
  }

  complete(): void {
    // `onEnd` reports the outcome.
  }

  protected override didCancel(): void {
    this.stoppingAt ??= this.scheduler.now();
  }

  /** Removes the context from its parent. */
  private end(): void {
    CancelContext.cancel(this, endedNormally);
  }
}

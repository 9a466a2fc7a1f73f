import type { SchedulerLike } from 'rxjs';
import { TaskError } from '../errors/errors.js';
import type { Outcome, TaskEvent } from './types.js';
import type { RunContext, RunHooks } from '../context/types.js';
import type { Status } from './composite.js';
import { endedNormally, CancelContext } from '../context/cancel-context.js';

/** Whoever runs tasks as parts of something: of a group, of a supervised run, of an application. */
export interface ParentRun<T, M extends ChildContext<T> = ChildContext<T>> {
  /** Whether someone listens to events. */
  readonly observed: boolean;
  /** The run that its members are part of. */
  readonly run?: RunContext;
  forward(event: TaskEvent, run?: RunContext): void;
  next(value: T): void;
  /** It has become ready, and `execute` has been called; or it has to become so once more. */
  readyChanged(member: M, is: boolean): void;
  /** The member's run is over. The last call. */
  onEnd(member: M, outcome: Outcome): void;
  /** It could not be run at all. The last call. */
  startFailed(member: M, error: unknown): void;
  setStatus?(status: Status): void;
  /** Whether nobody is left who would hear of errors. */
  readonly closed?: boolean;
}

/** The context under which one run of a member goes, and the observer of that run. */
export class ChildContext<T> extends CancelContext {
  /** What the member is called in events, errors and outcomes. */
  readonly path: string;
  /** Since when its run has the status it has, in ms. */
  since: number;
  /** When it was cancelled, or `execute` had ended and `finalize` was called. */
  stoppingAt: number | undefined = undefined;
  /** Of its run; of one that someone else's runner has started it is not known. */
  runId: number | undefined = undefined;
  private readonly parentRun: ParentRun<T>;

  constructor(owner: ParentRun<T>, path: string, scheduler: SchedulerLike, parent?: CancelContext, hooks?: RunHooks) {
    super(scheduler, parent, hooks ?? parent?.runHooks);
    this.parentRun = owner;
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
    // A supervised run may begin anew after it has finalized.
    if (!this.cancelled) this.stoppingAt = status === 'finalizing' ? this.since : undefined;
    this.parentRun.setStatus?.(status);
  }

  readyChanged(is: boolean): void {
    this.parentRun.readyChanged(this, is);
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
    // A run that has failed has told its outcome.
    if (!(error instanceof TaskError)) this.startFailed(error);
  }

  complete(): void {
    // It has told its outcome.
  }

  protected override didCancel(): void {
    this.stoppingAt ??= this.scheduler.now();
  }

  /** It leaves nothing behind in its parent. */
  private end(): void {
    CancelContext.cancel(this, endedNormally);
  }
}

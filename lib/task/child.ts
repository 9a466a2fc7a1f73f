import type { SchedulerLike } from 'rxjs';
import { TaskError } from '../errors/errors.js';
import type { Outcome, TaskEvent } from './types.js';
import type { RunContext, RunHooks } from '../context/types.js';
import type { Status } from './composite.js';
import { ended, Scope } from '../context/cancel-context.js';

/** Whoever runs tasks as parts of something: of a group, of a supervised run, of an application. */
export interface Owner<T, M extends Member<T> = Member<T>> {
  /** Whether someone listens to events. */
  readonly observed: boolean;
  /** The run that its members are part of. */
  readonly run?: RunContext;
  relay(event: TaskEvent, run?: RunContext): void;
  next(value: T): void;
  /** It has become ready, and `execute` has been called; or it has to become so once more. */
  ready(member: M, is: boolean): void;
  /** The member's run is over. The last call. */
  ended(member: M, outcome: Outcome): void;
  /** It could not be run at all. The last call. */
  refused(member: M, error: unknown): void;
  enter?(status: Status): void;
  /** Whether nobody is left who would hear of errors. */
  readonly closed?: boolean;
}

/** The context under which one run of a member goes, and the observer of that run. */
export class Member<T> extends Scope {
  /** What the member is called in events, errors and outcomes. */
  readonly path: string;
  /** Since when its run has the status it has, in ms. */
  since: number;
  /** When it was cancelled, or `execute` had ended and `finalize` was called. */
  stoppingAt: number | undefined = undefined;
  /** Of its run; of one that someone else's runner has started it is not known. */
  runId: number | undefined = undefined;
  private readonly owner: Owner<T>;

  constructor(owner: Owner<T>, path: string, scheduler: SchedulerLike, parent?: Scope, hooks?: RunHooks) {
    super(scheduler, parent, hooks ?? parent?.hooks);
    this.owner = owner;
    this.path = path;
    this.since = scheduler.now();
  }

  get closed(): boolean {
    return this.owner.closed ?? false;
  }

  get observed(): boolean {
    return this.owner.observed;
  }

  get within(): RunContext | undefined {
    return this.owner.run;
  }

  relay(event: TaskEvent, run?: RunContext): void {
    this.owner.relay(event, run);
  }

  enter(status: Status): void {
    this.since = this.scheduler.now();
    // A supervised run may begin anew after it has finalized.
    if (!this.cancelled) this.stoppingAt = status === 'finalizing' ? this.since : undefined;
    this.owner.enter?.(status);
  }

  ready(is: boolean): void {
    this.owner.ready(this, is);
  }

  ended(outcome: Outcome): void {
    this.over();
    this.owner.ended(this, outcome);
  }

  refused(error: unknown): void {
    this.over();
    this.owner.refused(this, error);
  }

  next(value: T): void {
    this.owner.next(value);
  }

  error(error: unknown): void {
    // A run that has failed has told its outcome.
    if (!(error instanceof TaskError)) this.refused(error);
  }

  complete(): void {
    // It has told its outcome.
  }

  protected override afterCancel(): void {
    this.stoppingAt ??= this.scheduler.now();
  }

  /** It leaves nothing behind in its parent. */
  private over(): void {
    Scope.cancel(this, ended);
  }
}

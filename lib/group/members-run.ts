import type { Subscriber } from 'rxjs';
import { CancelContext } from '../context/cancel-context.js';
import type { CancelFunc } from '../context/types.js';
import { CancelledError, TaskError } from '../errors/errors.js';
import { ChildContext, type ParentRun } from '../task/child.js';
import type { CompositeRun, MemberRole, RunParts } from '../task/composite.js';
import { roleOf, startChild } from '../task/runner-access.js';
import { abandonedOutcome } from '../task/runner.js';
import type { Outcome, TaskRunner } from '../task/types.js';
import { logError } from '../util/log-error.js';

/** One run of a group. Subclasses decide which members it has, when they start, and in which order they stop. */
export abstract class MembersRun<T, M extends MemberContext<T>> implements ParentRun<T, M>, RunParts {
  readonly run: CompositeRun;
  protected readonly cancelApp: CancelFunc;
  protected readonly subscriber: Subscriber<T>;
  private isReady = false;
  private stopping: { readonly cause: unknown } | undefined = undefined;

  constructor(run: CompositeRun, cancelApp: CancelFunc, subscriber: Subscriber<T>) {
    this.run = run;
    this.cancelApp = cancelApp;
    this.subscriber = subscriber;
    run.parts = this;
  }

  begin(): void {
    this.subscriber.add(this.run.onCancel((cause) => this.stop(cause)));
    this.advance();
  }

  /** The runners of the members that have not ended. */
  abstract get runners(): readonly TaskRunner[];

  abstract outcome(): Pick<Outcome, 'members'>;

  abstract abandon(): void;

  get stopped(): boolean {
    return this.stopping !== undefined || this.run.cancelled;
  }

  next(value: T): void {
    this.subscriber.next(value);
  }

  abstract readyChanged(member: M, ready: boolean): void;

  onFailure(member: M, error: TaskError): void {
    member.failure = error;
    if (this.stops(member)) this.fail(error);
    // Nobody else gets the error of a member that stops nothing.
    else if (!this.run.observed) logError(error);
  }

  abstract onEnd(member: M, outcome: Outcome): void;

  startFailed(member: M, reason: unknown): void {
    this.onEnd(member, member.startFailure(reason));
  }

  /** Whether all members that the group waits for are ready. */
  protected abstract get allReady(): boolean;

  /** Whether the group has nothing left to wait for. */
  protected abstract get allEnded(): boolean;

  /** Whether the failure of a member stops the group. */
  protected abstract stops(member: M): boolean;

  /** Starts the members that can start now. Called again when one of them is ready, or has ended. */
  protected startMembers?(): void;

  /** Cancels the members that have to end now. Called again when one of them has ended. */
  protected abstract cancelMembers(cause: unknown): void;

  /** Goes on after a change of a member. */
  protected advance(): void {
    if (this.stopping) this.cancelMembers(this.stopping.cause);
    else this.startMembers?.();
    this.updateReady();
    this.completeIfDone();
  }

  protected updateReady(): void {
    const { run, allReady } = this;
    if (this.stopped || allReady === this.isReady) return;
    this.isReady = allReady;
    if (allReady) return run.ready();
    run.setStatus('initializing');
    run.notReady();
  }

  /** Stops the group if a member that has ended is essential, or has an error that it did not report before. */
  protected applyEnd(member: M, { status, error }: Outcome): void {
    // Only an error of `finalize` was not reported before, or that of a custom runner.
    if (error && error !== member.failure) this.onFailure(member, error);
    if (member.role !== 'essential' || !this.stops(member) || this.stopped) return;
    const cause = new CancelledError(`${member.path} has ended`);
    if (status === 'cancelled') CancelContext.cancel(this.run, cause);
    else this.stop(cause);
  }

  private fail(error: TaskError): void {
    this.run.fail(error);
    this.stop(error);
  }

  private stop(cause: unknown): void {
    if (!this.stopping) this.run.ending();
    this.stopping ??= { cause };
    this.advance();
  }

  private completeIfDone(): void {
    // A failure was reported before.
    if (this.allEnded) this.subscriber.complete();
  }
}

/** Starts a member. A function, to be called in an async context. */
export function startMember<T>(member: MemberContext<T>, cancelApp: CancelFunc): void {
  startChild(member.runner, member, cancelApp);
}

/** The context of one run of a member. */
export class MemberContext<T> extends ChildContext<T> {
  readonly runner: TaskRunner<T>;
  readonly role: MemberRole | undefined;
  /** The failure that it has reported. */
  failure: TaskError | undefined = undefined;

  constructor(
    parentRun: ParentRun<T>,
    runner: TaskRunner<T>,
    name: string,
    run: CompositeRun,
    parent: CancelContext | undefined,
  ) {
    super(parentRun, `${run.task}/${name}`, run.scheduler, parent, run.runHooks);
    this.runner = runner;
    this.role = roleOf(runner);
  }

  /** Returns the outcome of a member whose runner could not start. */
  startFailure(reason: unknown): Outcome {
    const { path: task, runner } = this;
    return { task, runner, status: 'failed', error: new TaskError(task, 'execute', reason) };
  }

  /** Stops waiting for the member, and returns its outcome at this time. */
  abandon(): Outcome {
    const { path: task, runner, stoppingAt } = this;
    return { ...abandonedOutcome(runner), task, ...(stoppingAt !== undefined && { stoppingAt }) };
  }
}

import type { Subscriber } from 'rxjs';
import { CancelContext } from '../context/cancel-context.js';
import type { CancelFunc } from '../context/types.js';
import { CancelledError, suppress, TaskError } from '../errors/errors.js';
import { ChildContext, type ParentRun } from '../task/child.js';
import type { CompositeRun, MemberRole, RunParts } from '../task/composite.js';
import { notStartedOutcome, roleOf, startChild } from '../task/runner-access.js';
import { abandonedOutcome } from '../task/runner.js';
import type { Outcome, TaskRunner } from '../task/types.js';
import { logError } from '../util/log-error.js';

/** One run of a group. Subclasses decide when a member can start, and in which order the members are cancelled. */
export abstract class GroupRun<T> implements ParentRun<T>, RunParts {
  readonly run: CompositeRun;
  protected readonly members: readonly GroupMember<T>[];
  protected startedCount = 0;
  private readonly cancelApp: CancelFunc;
  private readonly subscriber: Subscriber<T>;
  private endedCount = 0;
  private notReadyCount: number;
  private isReady = false;
  private starting = false;
  private stopping: { readonly cause: unknown } | undefined = undefined;
  private failure: TaskError | undefined = undefined;

  /** @param parent the parent of the members' contexts, if they have one. */
  constructor(
    run: CompositeRun,
    cancelApp: CancelFunc,
    runners: readonly TaskRunner<T>[],
    subscriber: Subscriber<T>,
    parent?: CancelContext,
  ) {
    this.run = run;
    this.cancelApp = cancelApp;
    this.subscriber = subscriber;
    this.members = runners.map((runner) => new GroupMember(this, runner, run, parent));
    this.notReadyCount = this.members.filter(({ isReady }) => !isReady).length;
    run.parts = this;
  }

  start(): void {
    this.subscriber.add(this.run.onCancel((cause) => this.stop(cause)));
    this.advance();
  }

  next(value: T): void {
    this.subscriber.next(value);
  }

  readyChanged(member: GroupMember<T>, ready: boolean): void {
    if (member.role !== 'optional') this.setReady(member, ready);
    this.advance();
  }

  onFailure(member: GroupMember<T>, error: TaskError): void {
    member.failure = error;
    if (member.role === 'optional') {
      // Nobody else gets the error of a member that stops nothing.
      if (!this.run.observed) logError(error);
      return;
    }
    if (this.failure) suppress(this.failure, error);
    else {
      this.failure = error;
      this.run.fail(error);
    }
    this.stop(error);
  }

  onEnd(member: GroupMember<T>, outcome: Outcome): void {
    const { error } = outcome;
    member.running = false;
    member.outcome = outcome;
    this.endedCount++;
    // Only an error of `finalize` was not reported before, or that of a custom runner.
    if (error && error !== member.failure) {
      this.onFailure(member, error);
      if (member.role !== 'optional') return;
    }
    // A member that ended without an error counts as ready, even if it never was.
    if (!error) this.setReady(member, true);
    if (member.role === 'essential' && !this.stopped) return this.endAs(member, outcome);
    this.advance();
  }

  /** Stops the group, because an essential member has ended without an error. */
  private endAs({ path }: GroupMember<T>, { status }: Outcome): void {
    const cause = new CancelledError(`${path} has ended`);
    if (status === 'cancelled') CancelContext.cancel(this.run, cause);
    else this.stop(cause);
  }

  startFailed(member: GroupMember<T>, reason: unknown): void {
    const error = new TaskError(member.path, 'execute', reason);
    this.onEnd(member, { task: member.path, runner: member.runner, status: 'failed', error });
  }

  outcome(): Pick<Outcome, 'members'> {
    return {
      members: this.members.map(
        ({ outcome, abandonedOutcome, runner, path }) => outcome ?? abandonedOutcome ?? notStartedOutcome(runner, path),
      ),
    };
  }

  get runners(): readonly TaskRunner[] {
    return this.members.filter(({ running }) => running).map(({ runner }) => runner);
  }

  abandon(): void {
    for (const member of this.members) {
      if (!member.running) continue;
      const { path: task, stoppingAt, runner } = member;
      member.abandonedOutcome = { ...abandonedOutcome(runner), task, ...(stoppingAt !== undefined && { stoppingAt }) };
    }
  }

  /** Whether the next member can start after this one. */
  protected abstract canStartAfter(member: GroupMember<T>): boolean;

  /** Cancels the members that have to end now. Called again when one of them has ended. */
  protected abstract cancelMembers(cause: unknown): void;

  private get stopped(): boolean {
    return this.stopping !== undefined || this.run.cancelled;
  }

  private setReady(member: GroupMember<T>, ready: boolean): void {
    if (member.isReady === ready) return;
    member.isReady = ready;
    this.notReadyCount += ready ? -1 : 1;
  }

  private stop(cause: unknown): void {
    if (!this.stopping) this.run.ending();
    this.stopping ??= { cause };
    this.advance();
  }

  private advance(): void {
    if (this.stopping) this.cancelMembers(this.stopping.cause);
    else this.startMembers();
    this.updateReady();
    this.completeIfDone();
  }

  /** Starts the members that can start. A loop, because a member may be ready before its start returns. */
  private startMembers(): void {
    if (this.starting) return;
    this.starting = true;
    for (;;) {
      const previous = this.members[this.startedCount - 1];
      const member = this.members[this.startedCount];
      if (!member || this.stopped || (previous && !this.canStartAfter(previous))) break;
      this.startedCount++;
      member.running = true;
      startChild(member.runner, member, this.cancelApp);
    }
    this.starting = false;
  }

  private updateReady(): void {
    const { run } = this;
    const ready = this.notReadyCount === 0;
    if (this.stopped || ready === this.isReady) return;
    this.isReady = ready;
    if (ready) return run.ready();
    run.setStatus('initializing');
    run.notReady();
  }

  private completeIfDone(): void {
    const { startedCount, endedCount, members, subscriber } = this;
    if (endedCount < startedCount || (startedCount < members.length && !this.stopped)) return;
    if (this.failure) subscriber.error(this.failure);
    else subscriber.complete();
  }
}

/** A member of a group, and the context of its run. */
export class GroupMember<T> extends ChildContext<T> {
  readonly runner: TaskRunner<T>;
  readonly role: MemberRole | undefined;
  running = false;
  /** Whether nobody waits for it: it is ready, or optional. */
  isReady: boolean;
  /** The failure that it has reported. */
  failure: TaskError | undefined = undefined;
  outcome: Outcome | undefined = undefined;
  /** The outcome to report if the member was abandoned before its end. */
  abandonedOutcome: Outcome | undefined = undefined;

  constructor(parentRun: ParentRun<T>, runner: TaskRunner<T>, run: CompositeRun, parent?: CancelContext) {
    super(parentRun, `${run.task}/${runner.toString()}`, run.scheduler, parent, run.runHooks);
    this.runner = runner;
    this.role = roleOf(runner);
    this.isReady = this.role === 'optional';
  }
}

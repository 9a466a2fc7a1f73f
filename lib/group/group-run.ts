import type { Subscriber } from 'rxjs';
import type { CancelContext } from '../context/cancel-context.js';
import type { CancelFunc } from '../context/types.js';
import type { ParentRun } from '../task/child.js';
import type { CompositeRun } from '../task/composite.js';
import { notStartedOutcome } from '../task/runner-access.js';
import type { Outcome, TaskRunner } from '../task/types.js';
import { captureAsyncContext, startInAsyncContext } from '../util/async-context.js';
import { MemberContext, MembersRun, startMember } from './members-run.js';

/** One run of a group whose members are fixed. Subclasses decide when a member can start. */
export abstract class GroupRun<T> extends MembersRun<T, GroupMember<T>> {
  protected readonly members: readonly GroupMember<T>[];
  protected startedCount = 0;
  private endedCount = 0;
  private notReadyCount: number;
  private starting = false;
  private readonly asyncContext = captureAsyncContext();

  /** @param parent the parent of the members' contexts, if they have one. */
  constructor(
    run: CompositeRun,
    cancelApp: CancelFunc,
    runners: readonly TaskRunner<T>[],
    subscriber: Subscriber<T>,
    parent?: CancelContext,
  ) {
    super(run, cancelApp, subscriber);
    this.members = runners.map((runner) => new GroupMember(this, runner, run, parent));
    this.notReadyCount = this.members.filter(({ isReady }) => !isReady).length;
  }

  override get runners(): readonly TaskRunner[] {
    return this.members.filter(({ running }) => running).map(({ runner }) => runner);
  }

  override readyChanged(member: GroupMember<T>, ready: boolean): void {
    if (member.role !== 'optional') this.setReady(member, ready);
    this.advance();
  }

  override onEnd(member: GroupMember<T>, outcome: Outcome): void {
    member.running = false;
    member.outcome = outcome;
    this.endedCount++;
    // A member that ended without an error counts as ready, even if it never was.
    if (!outcome.error) this.setReady(member, true);
    this.applyEnd(member, outcome);
    this.advance();
  }

  override outcome(): Pick<Outcome, 'members'> {
    return {
      members: this.members.map(
        ({ outcome, abandonedOutcome, runner, path }) => outcome ?? abandonedOutcome ?? notStartedOutcome(runner, path),
      ),
    };
  }

  override abandon(): void {
    for (const member of this.members) if (member.running) member.abandonedOutcome = member.abandon();
  }

  /** Whether the next member can start after this one. */
  protected abstract canStartAfter(member: GroupMember<T>): boolean;

  protected override get allReady(): boolean {
    return this.notReadyCount === 0;
  }

  protected override get allEnded(): boolean {
    const { startedCount, endedCount, members, stopped } = this;
    return endedCount === startedCount && (startedCount === members.length || stopped);
  }

  protected override stops({ role }: GroupMember<T>): boolean {
    return role !== 'optional';
  }

  /** Starts the members that can start. A loop, because a member may be ready before its start returns. */
  protected override startMembers(): void {
    if (this.starting) return;
    this.starting = true;
    for (;;) {
      const previous = this.members[this.startedCount - 1];
      const member = this.members[this.startedCount];
      if (!member || this.stopped || (previous && !this.canStartAfter(previous))) break;
      this.startedCount++;
      member.running = true;
      // The hooks of the members before it may have entered a store.
      startInAsyncContext(this.asyncContext, startMember<T>, member, this.cancelApp);
    }
    this.starting = false;
  }

  private setReady(member: GroupMember<T>, ready: boolean): void {
    if (member.isReady === ready) return;
    member.isReady = ready;
    this.notReadyCount += ready ? -1 : 1;
  }
}

/** A member of a group, and the context of its run. */
export class GroupMember<T> extends MemberContext<T> {
  running = false;
  /** Whether the group does not wait for it: it is ready, or optional. */
  isReady: boolean;
  outcome: Outcome | undefined = undefined;
  /** The outcome to report if the member was abandoned before its end. */
  abandonedOutcome: Outcome | undefined = undefined;

  constructor(parentRun: ParentRun<T>, runner: TaskRunner<T>, run: CompositeRun, parent?: CancelContext) {
    super(parentRun, runner, runner.toString(), run, parent);
    this.isReady = this.role === 'optional';
  }
}

import type { Subscriber } from 'rxjs';
import { CancelContext } from '../context/cancel-context.js';
import type { CancelFunc } from '../context/types.js';
import type { AskedBy } from '../task/by-whom.js';
import type { CompositeRun } from '../task/composite.js';
import { removalError } from '../task/removal.js';
import type { Outcome, TaskRunner } from '../task/types.js';
import { runInAsyncContext } from '../util/async-context.js';
import { prepend, type ListNode } from '../util/linked-list.js';
import type { CurrentRun, DynamicMember, DynamicMembers } from './dynamic-members.js';
import { MemberContext, MembersRun, startMember } from './members-run.js';

/** The options of a dynamic group, with their defaults. */
export interface DynamicPolicy {
  readonly onFailure: 'continue' | 'stop';
  readonly readiness: 'members' | 'self';
}

/** One run of a dynamic group. */
export class DynamicRun<T> extends MembersRun<T, DynamicContext<T>> implements CurrentRun<T> {
  private readonly members: DynamicMembers<T>;
  private readonly policy: DynamicPolicy;
  /** The parent of the members' contexts. */
  private readonly membersContext: NewestFirst;
  private readonly running = new Set<DynamicContext<T>>();
  /** The members that the group waits for to be ready. */
  private readonly notReady = new Set<DynamicContext<T>>();
  /** The number of current calls that start members. During them, the group waits before it updates its readiness. */
  private starting = 0;
  /** The outcomes of the members that a join no longer waits for, or that ended after the group's own stop. */
  private readonly outcomes: Outcome[] = [];

  constructor(
    run: CompositeRun,
    cancelApp: CancelFunc,
    members: DynamicMembers<T>,
    policy: DynamicPolicy,
    subscriber: Subscriber<T>,
  ) {
    super(run, cancelApp, subscriber);
    this.members = members;
    this.policy = policy;
    this.membersContext = new NewestFirst(run.scheduler, run);
    members.current = this;
    subscriber.add(() => (members.current = undefined));
  }

  override begin(): void {
    this.starting++;
    super.begin();
    // Removed members are not in the Map any more, and replacements are in the place of those that they replace.
    for (const member of this.members.byKey.values()) if (!member.context && !this.stopped) this.start(member);
    this.starting--;
    this.advance();
  }

  start(member: DynamicMember<T>): void {
    const { run, running, notReady, membersContext, cancelApp } = this;
    const context = new DynamicContext(this, member, run, membersContext);
    member.context = context;
    running.add(context);
    if (context.role !== 'optional') notReady.add(context);
    run.childTotals.countStart();
    run.emit({ type: 'added', key: member.key, ...member.by });
    this.starting++;
    // A context that a listener has cancelled lets the member end at once.
    runInAsyncContext(member.asyncContext, startMember<T>, context, cancelApp);
    this.starting--;
    this.advance();
  }

  cancel({ key, context, next }: DynamicMember<T>, by: AskedBy): void {
    if (!context) return;
    this.run.emit({ type: 'removed', key, ...by });
    CancelContext.cancel(context, removalError(`${context.path} was ${next ? 'replaced' : 'removed'}`));
  }

  override get runners(): readonly TaskRunner[] {
    return Array.from(this.running, ({ runner }) => runner);
  }

  override readyChanged(context: DynamicContext<T>, ready: boolean): void {
    if (context.role === 'optional') return;
    if (ready) this.notReady.delete(context);
    else this.notReady.add(context);
    this.updateReady();
  }

  override onEnd(context: DynamicContext<T>, outcome: Outcome): void {
    const { run, members, outcomes } = this;
    const { member } = context;
    run.childTotals.countEnd(outcome);
    if (this.stopped && !run.cancelled) outcomes.push(outcome);
    this.applyEnd(context, outcome);
    this.running.delete(context);
    this.notReady.delete(context);
    members.memberEnded(member);
    member.ended(outcome);
    this.advance();
  }

  override startFailed(context: DynamicContext<T>, reason: unknown): void {
    const { run } = this;
    const { path: task, scheduler, runIds } = context;
    const outcome = context.startFailure(reason);
    // Its runner has no run that emits the event.
    if (run.observed) run.forward({ type: 'done', task, runId: runIds?.next(task) ?? 1, at: scheduler.now(), outcome });
    this.onEnd(context, outcome);
  }

  override outcome(): Pick<Outcome, 'members'> {
    const members = [...this.outcomes, ...this.members.notStarted(this.run.task)];
    return members.length > 0 ? { members } : {};
  }

  override abandon(): void {
    for (const context of this.running) {
      const outcome = context.abandon();
      this.outcomes.push(outcome);
      context.member.ended(outcome);
    }
  }

  protected override get allReady(): boolean {
    return this.policy.readiness === 'self' || this.notReady.size === 0;
  }

  protected override get allEnded(): boolean {
    return this.stopped && this.running.size === 0;
  }

  protected override stops({ role, member }: DynamicContext<T>): boolean {
    if (role === 'optional' || member.removed) return false;
    return role === 'essential' || this.policy.onFailure === 'stop';
  }

  protected override cancelMembers(cause: unknown): void {
    CancelContext.cancel(this.membersContext, cause);
  }

  protected override updateReady(): void {
    // A member that is ready as soon as it has started leaves the group, and all groups above, ready.
    if (this.starting === 0 || this.policy.readiness === 'self') super.updateReady();
  }
}

/** The context of one run of a member. */
class DynamicContext<T> extends MemberContext<T> {
  readonly member: DynamicMember<T>;

  constructor(parentRun: DynamicRun<T>, member: DynamicMember<T>, run: CompositeRun, parent: CancelContext) {
    // The parent run gets its own kind of context back.
    super(parentRun, member.runner, member.key, run, parent);
    this.member = member;
    // Several members may have had the key.
    this.runIds = run.childRunIds;
  }
}

/** A context that notifies the child first that was attached last. */
class NewestFirst extends CancelContext {
  protected override attach(node: ListNode): void {
    prepend(this, node);
  }
}

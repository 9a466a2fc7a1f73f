import type { Subscriber } from 'rxjs';
import { CancelContext } from '../context/cancel-context.js';
import type { CancelFunc } from '../context/types.js';
import { CancelledError, suppress, TaskError } from '../errors/errors.js';
import type { AskedBy } from '../task/by-whom.js';
import { ChildContext, type ParentRun } from '../task/child.js';
import type { CompositeRun, MemberRole, RunParts } from '../task/composite.js';
import { removalError } from '../task/removal.js';
import { roleOf, startChild } from '../task/runner-access.js';
import { abandonedOutcome } from '../task/runner.js';
import type { Outcome, TaskRunner } from '../task/types.js';
import { runInAsyncContext } from '../util/async-context.js';
import { prepend, type ListNode } from '../util/linked-list.js';
import { logError } from '../util/log-error.js';
import type { CurrentRun, DynamicMember, DynamicMembers } from './dynamic-members.js';

/** The options of a dynamic group, with their defaults. */
export interface DynamicPolicy {
  readonly onFailure: 'continue' | 'stop';
  readonly readiness: 'members' | 'self';
}

/** One run of a dynamic group. */
export class DynamicRun<T> implements ParentRun<T, MemberContext<T>>, RunParts, CurrentRun<T> {
  readonly run: CompositeRun;
  private readonly members: DynamicMembers<T>;
  private readonly policy: DynamicPolicy;
  private readonly cancelApp: CancelFunc;
  private readonly subscriber: Subscriber<T>;
  /** The parent of the members' contexts. */
  private readonly membersContext: NewestFirst;
  private readonly contexts = new Map<DynamicMember<T>, MemberContext<T>>();
  /** The members that the group waits for to be ready. */
  private readonly notReady = new Set<MemberContext<T>>();
  private isReady = false;
  private stopRequested = false;
  private failure: TaskError | undefined = undefined;
  /** The outcomes of the members that a join no longer waits for, or that ended after the group's own stop. */
  private readonly outcomes: Outcome[] = [];

  constructor(
    run: CompositeRun,
    cancelApp: CancelFunc,
    members: DynamicMembers<T>,
    policy: DynamicPolicy,
    subscriber: Subscriber<T>,
  ) {
    this.run = run;
    this.cancelApp = cancelApp;
    this.members = members;
    this.policy = policy;
    this.subscriber = subscriber;
    this.membersContext = new NewestFirst(run.scheduler, run);
    run.parts = this;
    members.current = this;
  }

  begin(): void {
    this.subscriber.add(this.run.onCancel((cause) => this.stop(cause)));
    for (const member of [...this.members.byKey.values()]) if (!this.stopping) this.start(member);
    this.updateReady();
    this.completeIfDone();
  }

  get stopping(): boolean {
    return this.stopRequested || this.run.cancelled;
  }

  start(member: DynamicMember<T>): void {
    const { run, contexts, notReady, cancelApp } = this;
    const context = new MemberContext(this, member, run, this.membersContext);
    contexts.set(member, context);
    if (context.role !== 'optional') notReady.add(context);
    run.childTotals.countStart();
    this.updateReady();
    run.emit({ type: 'added', key: member.key, ...member.by });
    // A context that a listener has cancelled lets the member end at once.
    runInAsyncContext(member.asyncContext, startMember<T>, context, cancelApp);
  }

  cancel(member: DynamicMember<T>, by: AskedBy): void {
    const context = this.contexts.get(member);
    if (!context) return;
    this.run.emit({ type: 'removed', key: member.key, ...by });
    CancelContext.cancel(context, removalError(`${context.path} was ${member.next ? 'replaced' : 'removed'}`));
  }

  next(value: T): void {
    this.subscriber.next(value);
  }

  readyChanged(context: MemberContext<T>, ready: boolean): void {
    if (context.role === 'optional') return;
    if (ready) this.notReady.delete(context);
    else this.notReady.add(context);
    this.updateReady();
  }

  onFailure(context: MemberContext<T>, error: TaskError): void {
    context.failure = error;
    if (this.stops(context)) return this.fail(error);
    // Nobody else gets the error of a member that stops nothing.
    if (!this.run.observed) logError(error);
  }

  onEnd(context: MemberContext<T>, outcome: Outcome): void {
    const { member } = context;
    const { error } = outcome;
    const hadStopped = this.stopping;
    this.contexts.delete(member);
    this.notReady.delete(context);
    this.run.childTotals.countEnd(outcome);
    if (hadStopped && !this.run.cancelled) this.outcomes.push(outcome);
    // Only an error of `finalize` was not reported before, or that of a custom runner.
    if (error && error !== context.failure) this.onFailure(context, error);
    if (context.role === 'essential' && !member.removed && !this.stopping) this.endAs(context, outcome);
    this.members.memberEnded(member);
    member.ended(outcome);
    this.updateReady();
    this.completeIfDone();
  }

  startFailed(context: MemberContext<T>, reason: unknown): void {
    const { path, member } = context;
    const error = new TaskError(path, 'execute', reason);
    this.onEnd(context, { task: path, runner: member.runner, status: 'failed', error });
  }

  get runners(): readonly TaskRunner[] {
    return Array.from(this.contexts.keys(), ({ runner }) => runner);
  }

  outcome(): Pick<Outcome, 'members'> {
    return this.outcomes.length > 0 ? { members: this.outcomes } : {};
  }

  abandon(): void {
    for (const [member, { path: task, stoppingAt }] of this.contexts) {
      const outcome = { ...abandonedOutcome(member.runner), task, ...(stoppingAt !== undefined && { stoppingAt }) };
      this.outcomes.push(outcome);
      member.ended(outcome);
    }
  }

  /** Whether a member's failure stops the group. */
  private stops({ role, member }: MemberContext<T>): boolean {
    if (role === 'optional' || member.removed) return false;
    return role === 'essential' || this.policy.onFailure === 'stop';
  }

  private fail(error: TaskError): void {
    if (this.failure) suppress(this.failure, error);
    else {
      this.failure = error;
      this.run.fail(error);
    }
    this.stop(error);
  }

  /** Stops the group, because an essential member has ended without an error. */
  private endAs({ path }: MemberContext<T>, { status }: Outcome): void {
    const cause = new CancelledError(`${path} has ended`);
    if (status === 'cancelled') CancelContext.cancel(this.run, cause);
    else this.stop(cause);
  }

  private stop(cause: unknown): void {
    if (!this.stopRequested) {
      this.stopRequested = true;
      this.run.ending();
    }
    CancelContext.cancel(this.membersContext, cause);
    this.completeIfDone();
  }

  private updateReady(): void {
    const { run, policy, notReady } = this;
    const ready = policy.readiness === 'self' || notReady.size === 0;
    if (this.stopping || ready === this.isReady) return;
    this.isReady = ready;
    if (ready) return run.ready();
    run.setStatus('initializing');
    run.notReady();
  }

  private completeIfDone(): void {
    const { members, subscriber, failure } = this;
    if (!this.stopping || this.contexts.size > 0 || subscriber.closed) return;
    if (members.current === this) members.clear();
    if (failure) subscriber.error(failure);
    else subscriber.complete();
  }
}

/** The context of one run of a member. */
class MemberContext<T> extends ChildContext<T> {
  readonly member: DynamicMember<T>;
  readonly role: MemberRole | undefined;
  /** The failure that it has reported. */
  failure: TaskError | undefined = undefined;

  constructor(parentRun: DynamicRun<T>, member: DynamicMember<T>, run: CompositeRun, parent: CancelContext) {
    // The parent run gets its own kind of context back.
    super(parentRun, `${run.task}/${member.key}`, run.scheduler, parent, run.runHooks);
    this.member = member;
    this.role = roleOf(member.runner);
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

function startMember<T>(context: MemberContext<T>, cancelApp: CancelFunc): void {
  startChild(context.member.runner, context, cancelApp);
}

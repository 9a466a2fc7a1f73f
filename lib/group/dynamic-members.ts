import { NotRunningError } from '../errors/errors.js';
import type { AskedBy } from '../task/by-whom.js';
import type { ChildContext } from '../task/child.js';
import { notStartedOutcome } from '../task/runner-access.js';
import { toRunner, type Runnable } from '../task/runner.js';
import type { Outcome, TaskRunner } from '../task/types.js';
import { captureAsyncContext, type AsyncContext } from '../util/async-context.js';
import { invalid, validateString } from '../util/validate.js';
import { contains } from './contains.js';

/** A member of a dynamic group, from when it is added until it has ended. */
export class DynamicMember<T> {
  readonly key: string;
  readonly runner: TaskRunner<T>;
  readonly by: AskedBy;
  /** The async context of the code that added it, to start it in. */
  readonly asyncContext: AsyncContext = captureAsyncContext();
  /** The context of its run. A member without one has not been started. */
  context: ChildContext<T> | undefined = undefined;
  /** Whether it was asked to end, by its key. */
  removed = false;
  /** The member that starts under the same key when this one has ended. */
  next: DynamicMember<T> | undefined = undefined;
  private outcome: Outcome | undefined = undefined;
  private readonly onEnd: ((outcome: Outcome) => void)[] = [];

  constructor(key: string, runner: TaskRunner<T>, by: AskedBy) {
    this.key = key;
    this.runner = runner;
    this.by = by;
  }

  /** Whether its key is free, although it may not be removed yet: other listeners of its end are notified first. */
  get isOver(): boolean {
    return this.context?.ended !== undefined && !this.next;
  }

  /** Resolves with the outcome when the member has ended, or the application no longer waits for it. */
  whenEnded(): Promise<Outcome> {
    const { outcome, onEnd } = this;
    return new Promise((resolve) => (outcome ? resolve(outcome) : onEnd.push(resolve)));
  }

  ended(outcome: Outcome): void {
    this.outcome = outcome;
    for (const resolve of this.onEnd.splice(0)) resolve(outcome);
  }

  /** Returns the outcome of a member that was never started. */
  notStarted(group: string): Outcome {
    return notStartedOutcome(this.runner, `${group}/${this.key}`);
  }
}

/** The current run of a dynamic group. */
export interface CurrentRun<T> {
  readonly run: { readonly task: string };
  readonly stopped: boolean;
  start(member: DynamicMember<T>): void;
  cancel(member: DynamicMember<T>, by: AskedBy): void;
}

/** The members of a dynamic group by key: those of its current run, and those that have not been started. */
export class DynamicMembers<T> {
  readonly byKey: Map<string, DynamicMember<T>> = new Map<string, DynamicMember<T>>();
  /** The runner of the group. */
  group!: TaskRunner;
  current: CurrentRun<T> | undefined = undefined;
  private readonly byRunner = new Map<TaskRunner, DynamicMember<T>>();

  get runners(): readonly TaskRunner<T>[] {
    return Array.from(this.byKey.values(), ({ runner }) => runner);
  }

  get keys(): readonly string[] {
    return Array.from(this.byKey.keys()).filter((key) => this.get(key));
  }

  get(key: string): DynamicMember<T> | undefined {
    const member = this.byKey.get(key);
    return member?.isOver ? undefined : member;
  }

  keyOf(runner: TaskRunner): string | undefined {
    return this.byRunner.get(runner)?.key;
  }

  add(key: string, runnable: Runnable<T>, by: AskedBy): TaskRunner<T> {
    const member = this.create(key, runnable, by);
    if (this.get(key)) throw new RangeError(invalid('key', 'the key of no other member', key));
    this.start(member);
    return member.runner;
  }

  async replace(key: string, runnable: Runnable<T>, by: AskedBy): Promise<Outcome | undefined> {
    const member = this.create(key, runnable, by);
    const before = this.get(key);
    if (before?.context) return this.end(before, by, member);
    // It starts in the turn of the other one.
    if (before) this.put(member);
    else this.start(member);
    return before?.notStarted(this.path);
  }

  async remove(key: string, by: AskedBy): Promise<Outcome | undefined> {
    const member = this.get(key);
    if (member?.context) return this.end(member, by);
    if (member) this.delete(member);
    return member?.notStarted(this.path);
  }

  /** Removes a member, and starts the one that replaces it. */
  memberEnded(member: DynamicMember<T>): void {
    const { next } = member;
    this.delete(member);
    if (next && this.current?.stopped === false) this.start(next);
    else if (next) this.byRunner.delete(next.runner);
  }

  /** Returns the outcomes of the members that have not been started. */
  notStarted(group: string): Outcome[] {
    return [...this.byKey.values()].filter(({ context }) => !context).map((member) => member.notStarted(group));
  }

  private get path(): string {
    return this.current?.run.task ?? this.group.toString();
  }

  private create(key: string, runnable: Runnable<T>, by: AskedBy): DynamicMember<T> {
    validateKey(key);
    const runner = toRunner(runnable);
    if (this.current?.stopped) throw new NotRunningError(this.group.toString());
    if (this.byRunner.get(runner)?.isOver === false)
      throw new TypeError(invalid('runnable', 'a runner that is no member yet', runner.toString()));
    if (contains(runner, this.group))
      throw new TypeError(invalid('runnable', 'a runner that does not contain the group', runner.toString()));
    return new DynamicMember(key, runner, by);
  }

  private start(member: DynamicMember<T>): void {
    // A member that is over, and not removed yet, may have the key.
    this.byKey.delete(member.key);
    this.put(member);
    this.current?.start(member);
  }

  /** Adds a member, in the place of the one with its key, if any. */
  private put(member: DynamicMember<T>): void {
    const { key, runner } = member;
    const before = this.byKey.get(key);
    if (before) this.byRunner.delete(before.runner);
    this.byKey.set(key, member);
    this.byRunner.set(runner, member);
  }

  private end(member: DynamicMember<T>, by: AskedBy, next?: DynamicMember<T>): Promise<Outcome> {
    const ended = member.whenEnded();
    if (member.next) this.byRunner.delete(member.next.runner);
    member.next = next;
    if (next) this.byRunner.set(next.runner, next);
    const first = !member.removed;
    member.removed = true;
    if (first) this.current?.cancel(member, by);
    return ended;
  }

  private delete(member: DynamicMember<T>): void {
    const { key, runner } = member;
    // Another member may have the key or the runner since its end.
    if (this.byKey.get(key) === member) this.byKey.delete(key);
    if (this.byRunner.get(runner) === member) this.byRunner.delete(runner);
  }
}

function validateKey(key: unknown): void {
  validateString('key', key);
  if (key === '' || (key as string).includes('/'))
    throw new RangeError(invalid('key', 'a part of a path: neither empty nor with a `/`', key));
}

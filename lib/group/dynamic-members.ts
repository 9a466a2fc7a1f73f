import { NotRunningError } from '../errors/errors.js';
import type { AskedBy } from '../task/by-whom.js';
import { notStartedOutcome } from '../task/runner-access.js';
import { toRunner, type Runnable } from '../task/runner.js';
import type { Outcome, TaskRunner } from '../task/types.js';
import { captureAsyncContext, type AsyncContext } from '../util/async-context.js';
import { invalid, validateString } from '../util/validate.js';

/** A member of a dynamic group, from when it is added until it has ended. */
export class DynamicMember<T> {
  readonly key: string;
  readonly runner: TaskRunner<T>;
  readonly by: AskedBy;
  /** The async context of the code that added it, to start it in. */
  readonly asyncContext: AsyncContext = captureAsyncContext();
  /** Whether it was asked to end, by its key. */
  removed = false;
  /** The member that starts under the same key when this one has ended. */
  next: DynamicMember<T> | undefined = undefined;
  private readonly onEnd: ((outcome: Outcome) => void)[] = [];

  constructor(key: string, runner: TaskRunner<T>, by: AskedBy) {
    this.key = key;
    this.runner = runner;
    this.by = by;
  }

  /** Resolves with the outcome when the member has ended, or the application no longer waits for it. */
  whenEnded(): Promise<Outcome> {
    return new Promise((resolve) => this.onEnd.push(resolve));
  }

  ended(outcome: Outcome): void {
    for (const resolve of this.onEnd.splice(0)) resolve(outcome);
  }
}

/** The current run of a dynamic group. */
export interface CurrentRun<T> {
  readonly stopping: boolean;
  start(member: DynamicMember<T>): void;
  cancel(member: DynamicMember<T>, by: AskedBy): void;
}

/** The members of a dynamic group by key: those of its current run, else those that start with the next run. */
export class DynamicMembers<T> {
  readonly name: string;
  readonly byKey: Map<string, DynamicMember<T>> = new Map<string, DynamicMember<T>>();
  current: CurrentRun<T> | undefined = undefined;
  private readonly byRunner = new Map<TaskRunner, DynamicMember<T>>();

  constructor(name: string) {
    this.name = name;
  }

  get runners(): readonly TaskRunner<T>[] {
    return Array.from(this.byKey.values(), ({ runner }) => runner);
  }

  keyOf(runner: TaskRunner): string | undefined {
    return this.byRunner.get(runner)?.key;
  }

  add(key: string, runnable: Runnable<T>, by: AskedBy): TaskRunner<T> {
    validateKey(key);
    const member = this.create(key, runnable, by);
    if (this.byKey.has(key)) throw new RangeError(invalid('key', 'the key of no other member', key));
    this.refuseWhileStopping();
    this.start(member);
    return member.runner;
  }

  async replace(key: string, runnable: Runnable<T>, by: AskedBy): Promise<Outcome | undefined> {
    validateKey(key);
    const member = this.create(key, runnable, by);
    this.refuseWhileStopping();
    const before = this.byKey.get(key);
    if (!before || !this.current) {
      if (before) this.forget(before);
      this.start(member);
      return before && notStartedOutcome(before.runner, `${this.name}/${key}`);
    }
    return this.end(before, by, member);
  }

  async remove(key: string, by: AskedBy): Promise<Outcome | undefined> {
    const member = this.byKey.get(key);
    if (!member) return undefined;
    if (this.current) return this.end(member, by);
    this.forget(member);
    return notStartedOutcome(member.runner, `${this.name}/${key}`);
  }

  /** Removes a member, and starts the one that replaces it. */
  memberEnded(member: DynamicMember<T>): void {
    const { next } = member;
    this.forget(member);
    if (next && this.current?.stopping === false) this.start(next);
    else if (next) this.byRunner.delete(next.runner);
  }

  /** Forgets all members, because the run has ended. */
  clear(): void {
    this.byKey.clear();
    this.byRunner.clear();
    this.current = undefined;
  }

  private create(key: string, runnable: Runnable<T>, by: AskedBy): DynamicMember<T> {
    const runner = toRunner(runnable);
    if (this.byRunner.has(runner))
      throw new TypeError(invalid('runnable', 'a runner that is no member yet', runner.toString()));
    return new DynamicMember(key, runner, by);
  }

  private refuseWhileStopping(): void {
    if (this.current?.stopping) throw new NotRunningError(this.name);
  }

  private start(member: DynamicMember<T>): void {
    this.byKey.set(member.key, member);
    this.byRunner.set(member.runner, member);
    this.current?.start(member);
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

  private forget(member: DynamicMember<T>): void {
    this.byKey.delete(member.key);
    this.byRunner.delete(member.runner);
  }
}

function validateKey(key: unknown): void {
  validateString('key', key);
  if (key === '' || (key as string).includes('/'))
    throw new RangeError(invalid('key', 'a part of a path: neither empty nor with a `/`', key));
}

import { Observable } from 'rxjs';
import { readBy, type ByWhom } from '../task/by-whom.js';
import { runComposite, type CompositeTask } from '../task/composite.js';
import { Runner, type Runnable } from '../task/runner.js';
import { toTaskHooks, type TaskHooks } from '../task/task-hooks.js';
import type { Outcome, TaskRunner } from '../task/types.js';
import { validateOneOf, validateString } from '../util/validate.js';
import { readOptions } from '../util/validate-options.js';
import { DynamicMembers } from './dynamic-members.js';
import { DynamicRun } from './dynamic-run.js';

/** Options of {@link dynamic}. */
export interface DynamicOptions {
  /**
   * The reaction to a failed member: the others `'continue'`, or the group is to `'stop'` with its error. Default:
   * `'continue'`.
   */
  onFailure?: 'continue' | 'stop' | undefined;
  /** When the group is ready: at its start by `'self'`, or while all `'members'` are. Default: `'self'`. */
  readiness?: 'members' | 'self' | undefined;
}

/** A group whose members come and go while it runs. */
export interface DynamicGroup<K extends string = string, T = unknown> extends TaskRunner<T> {
  /**
   * Adds a member. It starts now if the group runs, else with the next start of the group. Its hooks run in the async
   * context of this call. A key is taken until its member has ended.
   *
   * @returns the runner of the member.
   * @throws TypeError if `runnable` is neither a task nor a runner, is a member already, or contains the group;
   * RangeError if the key is taken, is empty, or contains a `/`; NotRunningError while the group stops.
   */
  add(key: K, runnable: Runnable<T>, options?: ByWhom): TaskRunner<T>;
  /**
   * Cancels the member with a key, and starts another under the same key when the old one has fully ended. Of several
   * calls, the last one counts. If the key is free, it adds the member.
   *
   * Resolves with the outcome of the old member when it has ended, or with `undefined` if there was none. An old member
   * that has not been started is `not-started`, and the other one starts in its turn. Rejects as `add` throws.
   */
  replace(key: K, runnable: Runnable<T>, options?: ByWhom): Promise<Outcome | undefined>;
  /**
   * Cancels the member with a key, for good: a supervised one is not restarted. Resolves with its outcome when it has
   * ended, or with `undefined` if the key is free. A member that has not been started never starts, and is
   * `not-started`.
   */
  remove(key: K, options?: ByWhom): Promise<Outcome | undefined>;
  /** Returns the runner of the member with a key. */
  get(key: K): TaskRunner<T> | undefined;
  /** The keys of all members, in the order in which they were added. */
  readonly keys: readonly K[];
}

/**
 * Creates a group whose members are added and removed while it runs: one task for each tenant, for example. It emits
 * the values of its members. It runs, also when it is empty, until it is cancelled or a member stops it.
 *
 * The key of a member is the last part of its path, `tenants/acme`. A member that has ended is removed. The outcome
 * of the group counts all members, as `children`, and has the outcomes of those that were running, or had not been
 * started, at the stop.
 *
 * A member that fails, or cannot start, does not stop the others, unless `onFailure` is `'stop'` or the member is
 * `critical` of its group. Its error is in its events; without a listener, it is written with `console.error`.
 *
 * Cancelling the group cancels its members together, the newest first. A group that is started again has only
 * the members that have never been started.
 *
 * @throws TypeError when `name` is not a string, or an option is unknown; RangeError when an option is out of range.
 *
 * @example
 * ```ts
 * import { NEVER } from 'rxjs';
 * import { dynamic, launch, task } from 'rxjs-tasks';
 *
 * const tenants = dynamic('tenants');
 * const sync = (tenant: string) =>
 *   task('sync', {
 *     initialize: () => console.log('open', tenant),
 *     execute: () => NEVER,
 *     finalize: () => console.log('close', tenant),
 *   });
 * const app = launch([tenants]);
 * tenants.add('acme', sync('acme')); // → open acme
 * await tenants.replace('acme', sync('acme, again'));
 * // → close acme
 * // → open acme, again
 * console.log(tenants.keys); // → [ 'acme' ]
 * await app.stop(); // → close acme, again
 * ```
 */
export function dynamic<K extends string = string, T = unknown>(
  name: string,
  options: DynamicOptions = {},
): DynamicGroup<K, T> {
  validateString('name', name);
  const { onFailure = 'continue', readiness = 'self' } = readOptions(options, ['onFailure', 'readiness'], 'dynamic');
  validateOneOf('onFailure', ['continue', 'stop'], onFailure);
  validateOneOf('readiness', ['members', 'self'], readiness);
  const members = new DynamicMembers<T>();
  const composite: CompositeTask<T> = {
    get members() {
      return members.runners;
    },
    memberName: (member) => members.keyOf(member) ?? member.toString(),
    execute: () => undefined as T,
    toString: () => name,
    [runComposite]: (run, cancelApp) =>
      new Observable((subscriber) =>
        new DynamicRun(run, cancelApp, members, { onFailure, readiness }, subscriber).begin(),
      ),
  };
  return new DynamicRunner<K, T>(toTaskHooks(composite), members);
}

class DynamicRunner<K extends string, T> extends Runner<T> implements DynamicGroup<K, T> {
  private readonly members: DynamicMembers<T>;

  constructor(hooks: TaskHooks<T>, members: DynamicMembers<T>) {
    super(hooks);
    this.members = members;
    members.group = this;
  }

  add(key: K, runnable: Runnable<T>, options: ByWhom = {}): TaskRunner<T> {
    return this.members.add(key, runnable, readBy(options, 'add'));
  }

  async replace(key: K, runnable: Runnable<T>, options: ByWhom = {}): Promise<Outcome | undefined> {
    return this.members.replace(key, runnable, readBy(options, 'replace'));
  }

  async remove(key: K, options: ByWhom = {}): Promise<Outcome | undefined> {
    return this.members.remove(key, readBy(options, 'remove'));
  }

  get(key: K): TaskRunner<T> | undefined {
    return this.members.get(key)?.runner;
  }

  get keys(): readonly K[] {
    return this.members.keys as K[];
  }
}

import { Observable, type Subscriber } from 'rxjs';
import type { CancelFunc } from '../context/types.js';
import { runComposite, type CompositeTask, type CompositeRun } from '../task/composite.js';
import { taskRunner, toRunner, type Runnable } from '../task/runner.js';
import type { TaskRunner } from '../task/types.js';
import { invalid, validateDistinct } from '../util/validate.js';
import type { GroupRun } from './group-run.js';
import { OrderedRun } from './ordered-run.js';
import { ParallelRun } from './parallel-run.js';

/** The type of the values that a task or a runner emits. */
export type ResultOf<R> = R extends Runnable<infer T> ? T : never;

/**
 * Creates a runner that starts tasks one after another and stops them in reverse order. Each member starts when the
 * previous one is ready, or has ended without an error. The group emits the values of all members. It is ready when all
 * members are, and ends when all members have ended.
 *
 * A member that ends without an error leaves the others running. A member that fails stops the others: the running ones
 * are cancelled in reverse order, and those after it do not start. Its error is the error of the group; later errors
 * are on `suppressed`.
 *
 * Cancelling the group cancels its members in reverse order, each when the one after it has ended.
 *
 * Events, outcomes and errors name a member by its path, for example `app/workers/b`.
 *
 * @throws TypeError when `name` is not a string, a member is neither a task nor a runner, or a runner is passed twice.
 *
 * @example
 * ```ts
 * import { NEVER } from 'rxjs';
 * import { ordered, task, withCancel } from 'rxjs-tasks';
 *
 * const part = (name: string) =>
 *   task(name, {
 *     initialize: () => console.log('open', name),
 *     execute: () => NEVER,
 *     finalize: () => console.log('close', name),
 *   });
 * const [ctx, cancel] = withCancel();
 * ordered('app', part('db'), part('http')).start(ctx).subscribe();
 * // → open db
 * // → open http
 * cancel();
 * // → close http
 * // → close db
 * ```
 */
export function ordered<R extends readonly Runnable[]>(name: string, ...runnables: R): TaskRunner<ResultOf<R[number]>> {
  return group('ordered', name, runnables, (...args) => new OrderedRun(...args));
}

/**
 * Creates a runner that runs tasks concurrently: all members start together and stop together. The group emits the
 * values of all members. It is ready when all members are, and ends when all members have ended.
 *
 * A member that ends without an error leaves the others running. A member that fails stops the others: all are
 * cancelled together. Its error is the error of the group; later errors are on `suppressed`.
 *
 * Cancelling the group cancels all members together.
 *
 * Events, outcomes and errors name a member by its path, for example `app/workers/b`.
 *
 * @throws TypeError when `name` is not a string, a member is neither a task nor a runner, or a runner is passed twice.
 *
 * @example
 * ```ts
 * import { ordered, parallel, task } from 'rxjs-tasks';
 *
 * const part = (name: string) => task(name, () => name);
 * const app = ordered('app', parallel('workers', part('a'), part('b')), part('last'));
 * app.start().subscribe((value) => console.log(value));
 * // → a
 * // → b
 * // → last
 * app.done$.subscribe(({ members }) => console.log(members?.map(({ task }) => task)));
 * // → [ 'app/workers', 'app/last' ]
 * ```
 */
export function parallel<R extends readonly Runnable[]>(
  name: string,
  ...runnables: R
): TaskRunner<ResultOf<R[number]>> {
  return group('parallel', name, runnables, (...args) => new ParallelRun(...args));
}

type CreateRun = (
  run: CompositeRun,
  cancelApp: CancelFunc,
  runners: readonly TaskRunner[],
  subscriber: Subscriber<unknown>,
) => GroupRun<unknown>;

function group<T>(
  kind: 'ordered' | 'parallel',
  name: string,
  runnables: readonly Runnable[],
  createRun: CreateRun,
): TaskRunner<T> {
  const usage = `${kind}(name, ...tasks)`;
  if (typeof name !== 'string') throw new TypeError(`${invalid('name', 'a string', name)}. Write ${usage}`);
  const list: unknown = runnables.find((runnable) => Array.isArray(runnable));
  if (list) throw new TypeError(`${invalid('task', 'a task', list)}. Give them as arguments: ${usage}`);
  const members = runnables.map((runnable) => toRunner(runnable));
  validateDistinct('runnables', members);
  const composite: CompositeTask<T> = {
    members,
    execute: () => undefined as T,
    toString: () => name,
    [runComposite]: (run, cancelApp) =>
      new Observable((subscriber) => createRun(run, cancelApp, members, subscriber).begin()),
  };
  return taskRunner(composite);
}

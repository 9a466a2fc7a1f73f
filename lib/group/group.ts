import { Observable, type Subscriber } from 'rxjs';
import type { CancelFunc } from '../context/types.js';
import { runComposite, type CompositeTask, type CompositeRun } from '../task/composite.js';
import { validateDistinct, validateString } from '../util/validate.js';
import { OrderedRun, ParallelRun } from './group-run.js';
import type { TaskRunner } from '../task/types.js';
import { taskRunner, toRunner, type Runnable } from '../task/runner.js';

/** What the members of a group yield. */
export type ResultOf<R> = R extends Runnable<infer T> ? T : never;

/**
 * Runs tasks that need one another: each starts when the one before is ready (or has ended well), and they stop in reverse, each
 * cancelled only when the one after it has ended. What they yield is what the group yields. It is ready when the last of them is,
 * and has ended when all have.
 *
 * A member that ends well leaves the others running. One that has failed, be it in `initialize`, stops those that are up, in
 * reverse; those after it never start. Its error is the group's; what fails after it is on `suppressed`.
 *
 * Cancelling it stops its members in reverse, the one that is starting first. In events, outcomes and errors each member is
 * called by its path: `app/workers/b`.
 *
 * @throws TypeError when the name is no string, one of the others neither task nor runner, or one runner there twice.
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
  return group(name, runnables, (...args) => new OrderedRun(...args));
}

/**
 * Runs tasks beside one another: all start at once and all stop at once. For the rest it is as {@link ordered}.
 *
 * @throws TypeError when the name is no string, one of the others neither task nor runner, or one runner there twice.
 *
 * @example
 * ```ts
 * import { ordered, parallel, task } from 'rxjs-tasks';
 *
 * const say = (name: string) => task(name, () => name);
 * const app = ordered('app', parallel('workers', say('a'), say('b')), say('last'));
 * app.start().subscribe((value) => console.log(value));
 * // → a
 * // → b
 * // → last
 * app.done$.subscribe(({ members }) => console.log(members?.map(({ task }) => task))); // → [ 'app/workers', 'app/last' ]
 * ```
 */
export function parallel<R extends readonly Runnable[]>(
  name: string,
  ...runnables: R
): TaskRunner<ResultOf<R[number]>> {
  return group(name, runnables, (...args) => new ParallelRun(...args));
}

type StartGroup = (
  run: CompositeRun,
  cancel: CancelFunc,
  runners: readonly TaskRunner[],
  subscriber: Subscriber<unknown>,
) => { start(): void };

function group<T>(name: string, runnables: readonly Runnable[], toRun: StartGroup): TaskRunner<T> {
  validateString('name', name);
  const members = runnables.map((one) => toRunner(one));
  validateDistinct('runnables', members);
  const work: CompositeTask<T> = {
    members,
    execute: () => undefined as T,
    toString: () => name,
    [runComposite]: (run, cancel) => new Observable((subscriber) => toRun(run, cancel, members, subscriber).start()),
  };
  return taskRunner(work);
}

import type { TaskError } from '../errors/errors.js';
import { invalid } from '../util/validate.js';
import { inspectRunner } from './runner-access.js';
import { isTaskRunner } from './runner.js';
import type { TaskRunner } from './types.js';

/** The current state of a task and of its members. */
export interface Snapshot {
  readonly name: string;
  readonly status: TaskRunner['status'];
  /** The number of restarts of a supervised task since its supervised run began. */
  readonly restarts: number;
  /** The last error: of the failed run, of the last restart, or of the last failed slot of a cron. */
  readonly lastError?: TaskError;
  /**
   * The time of the last change of the status, in ms; `undefined` before the first start. For a task that is neither in
   * a group nor in an application: the time at which its run began or ended.
   */
  readonly since?: number;
  /** The next slot of a cron, in ms. */
  readonly nextAt?: number;
  /** The members of a group, in their order. */
  readonly members?: readonly Snapshot[];
}

/**
 * Returns the current state of a runner and of everything it is made of.
 *
 * @throws TypeError when it is not a runner.
 *
 * @example
 * ```ts
 * import { NEVER } from 'rxjs';
 * import { ordered, snapshot, supervise, task } from 'rxjs-tasks';
 *
 * const db = task('db', { initialize: () => NEVER, execute: () => NEVER });
 * const app = ordered('app', db, supervise(task('worker', () => NEVER)));
 * app.start().subscribe();
 * const { members = [] } = snapshot(app);
 * console.log(members.map(({ name, status }) => `${name} ${status}`)); // → [ 'db initializing', 'worker idle' ]
 * ```
 */
export function snapshot(runner: TaskRunner): Snapshot {
  if (!isTaskRunner(runner)) throw new TypeError(invalid('runner', 'a TaskRunner', runner));
  const { members, transparent, history, outcome, since } = inspectRunner(runner);
  const child = transparent && members?.[0] ? snapshot(members[0]) : undefined;
  const nextAt = history?.nextAt ?? child?.nextAt;
  const lastError = outcome?.error ?? history?.lastError ?? child?.lastError;
  const memberSnapshots = transparent ? child?.members : members?.map(snapshot);
  return {
    name: runner.toString(),
    status: runner.status,
    restarts: (history?.restarts ?? 0) + (child?.restarts ?? 0),
    ...(lastError && { lastError }),
    ...(since !== undefined && { since }),
    ...(nextAt !== undefined && { nextAt }),
    ...(memberSnapshots && { members: memberSnapshots }),
  };
}

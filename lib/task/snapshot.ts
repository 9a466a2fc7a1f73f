import type { TaskError } from '../errors/errors.js';
import { invalid } from '../util/validate.js';
import type { TaskRunner } from './types.js';
import { isTaskRunner } from './runner.js';
import { inspectRunner } from './runner-access.js';

/** What a task is doing, and what has become of it so far. */
export interface Snapshot {
  readonly name: string;
  readonly status: TaskRunner['status'];
  /** How many times a supervised task has been started again since its supervision began. */
  readonly restarts: number;
  /** The last error there was: what it failed with, was restarted after, or the last failed run of a cron. */
  readonly lastError?: TaskError;
  /**
   * Since when it has had its status, in ms; `undefined` before it has been started. Of a task that runs on its own, neither in a
   * group nor in an application, it is when its run began.
   */
  readonly since?: number;
  /** The slot that a cron waits for, in ms. */
  readonly nextAt?: number;
  /** Of a group, in their order. */
  readonly members?: readonly Snapshot[];
}

/**
 * What a runner, and all it is made of, is doing now.
 *
 * @throws TypeError when it is no runner.
 *
 * @example
 * ```ts
 * import { NEVER } from 'rxjs';
 * import { ordered, snapshot, supervise, task } from 'rxjs-tasks';
 *
 * const db = task('db', { initialize: () => NEVER, execute: () => NEVER });
 * const app = ordered('app', db, supervise(task('worker', () => NEVER)));
 * app.start().subscribe();
 * console.log(snapshot(app).members?.map(({ name, status }) => `${name} ${status}`)); // → [ 'db initializing', 'worker idle' ]
 * ```
 */
export function snapshot(runner: TaskRunner): Snapshot {
  if (!isTaskRunner(runner)) throw new TypeError(invalid('runner', 'a TaskRunner', runner));
  const { members, transparent, history, outcome, since } = inspectRunner(runner);
  const inner = transparent && members?.[0] ? snapshot(members[0]) : undefined;
  const nextAt = history?.nextAt ?? inner?.nextAt;
  const lastError = outcome?.error ?? history?.lastError ?? inner?.lastError;
  const below = transparent ? inner?.members : members?.map(snapshot);
  return {
    name: runner.toString(),
    status: runner.status,
    restarts: (history?.restarts ?? 0) + (inner?.restarts ?? 0),
    ...(lastError && { lastError }),
    ...(since !== undefined && { since }),
    ...(nextAt !== undefined && { nextAt }),
    ...(below && { members: below }),
  };
}

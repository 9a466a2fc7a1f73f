import type { RunParts } from '../task/composite.js';
import type { Runnable } from '../task/runner.js';
import type { TaskRunner } from '../task/types.js';
import { DelegatingRun, delegate } from './delegating-run.js';
import { refuseBoth } from './refuse-role.js';

/**
 * Creates a runner for a task that the application can do without. Its group and the application are ready without it:
 * in an `ordered` group, the next member starts at once. Its failure stops neither of them, and leaves the report
 * clean. The report marks it as optional. If it has not ended at the deadline, the report is not clean.
 *
 * The runner stands for the task: in events, outcomes and groups it has the task's name. Cancelling it cancels the
 * task.
 *
 * `optional(supervise(task))` restarts the task, and is ready meanwhile.
 *
 * A `critical` task deep inside an optional group still stops the application when it ends. Its failure is then not
 * excused: the report is not clean.
 *
 * @throws TypeError when `runnable` is neither a task nor a runner, or is `critical`.
 *
 * @example
 * ```ts
 * import { NEVER, throwError } from 'rxjs';
 * import { launch, optional, task } from 'rxjs-tasks';
 *
 * const server = task('server', () => NEVER);
 * const smtp = task('smtp', { initialize: () => throwError(() => new Error('refused')), execute: () => NEVER });
 * const app = launch([server, optional(smtp)], { observer: () => {} });
 * console.log(app.ready); // → true
 * const { clean, outcomes } = await app.stop();
 * console.log(clean); // → true
 * console.log(outcomes.map(({ task, status }) => `${task} ${status}`)); // → [ 'smtp failed', 'server cancelled' ]
 * ```
 */
export function optional<T>(runnable: Runnable<T>): TaskRunner<T> {
  refuseBoth(runnable, 'critical', 'essential');
  return delegate(runnable, (...args) => new OptionalRun(...args), 'optional');
}

class OptionalRun<T> extends DelegatingRun<T> {
  override outcome(): ReturnType<RunParts['outcome']> {
    return { ...super.outcome(), optional: true };
  }
}

import type { Runnable } from '../task/runner.js';
import type { TaskRunner } from '../task/types.js';
import { delegate } from './delegating-run.js';
import { SupervisedRun } from './supervised-run.js';
import { toRestartPolicy, type SuperviseOptions } from './supervise-options.js';

/**
 * Runs a task, and starts it again when it fails: the whole lifecycle, after a wait that grows from one failure to the next.
 * In events, outcomes and groups it is the task itself, with one `done`, at the very end; each restart is a `restarting` event,
 * which has the error. Its `ready$` tells again after a restart. After Erlang's supervisors, which count restarts in the same way.
 *
 * Cancelling it ends the run as any; during a wait it ends at once. What was cancelled is not started again.
 *
 * It fails with a {@link RestartLimitError}, whose cause is the last error, when a restart would be one too many.
 *
 * @throws TypeError when `runnable` is neither task nor runner, or an option unknown or of a wrong type; RangeError for one
 * that is out of range.
 *
 * @example
 * ```ts
 * import { defer, of } from 'rxjs';
 * import { supervise, task } from 'rxjs-tasks';
 *
 * let attempts = 0;
 * const consumer = task('consumer', () =>
 *   defer(() => {
 *     if (++attempts < 3) throw new Error('connection lost');
 *     return of('a message');
 *   }),
 * );
 * const runner = supervise(consumer, { backoff: { initial: 5 }, maxRestarts: 3 });
 * runner.events$.subscribe((event) => {
 *   if (event.type === 'restarting') console.log(event.restart, String(event.error?.cause));
 * });
 * runner.start().subscribe((message) => console.log(message));
 * // → 1 Error: connection lost
 * // → 2 Error: connection lost
 * // → a message
 * ```
 */
export function supervise<T>(runnable: Runnable<T>, options: SuperviseOptions = {}): TaskRunner<T> {
  const policy = toRestartPolicy(options);
  return delegate(runnable, (...args) => new SupervisedRun(...args, policy));
}

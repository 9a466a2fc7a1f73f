import type { Runnable } from '../task/runner.js';
import type { TaskRunner } from '../task/types.js';
import { delegate } from './delegating-run.js';
import { SupervisedRun } from './supervised-run.js';
import { toRestartPolicy, type SuperviseOptions } from './supervise-options.js';

/**
 * Creates a runner that runs a task and restarts it when it fails. A restart repeats the whole lifecycle: `initialize`,
 * `execute`, `finalize`. The delay before it grows from one failure to the next.
 *
 * The runner stands for the task: in events, outcomes and groups it has the task's name. It emits one `done` event, at
 * the end. Each restart emits a `restarting` event with the error and the delay; without a listener the error is
 * written with `console.error`. Until the next run is ready, `ready$` waits and `status` is `initializing`.
 *
 * Cancelling it cancels the current run, or ends the wait for a restart immediately. After a cancel it never restarts.
 *
 * It fails with a {@link RestartLimitError} when a restart would exceed `maxRestarts` within `window`, as Erlang's
 * supervisors do. The `cause` is the last error.
 *
 * @throws TypeError when `runnable` is neither a task nor a runner, or when an option is unknown or has a wrong type;
 * RangeError when an option is out of range.
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

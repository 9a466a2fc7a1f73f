import { NotRunningError } from '../errors/errors.js';
import type { ByWhom } from '../task/by-whom.js';
import type { Runnable } from '../task/runner.js';
import type { Outcome, TaskRunner } from '../task/types.js';
import { delegate } from './delegating-run.js';
import { refuseRole } from './refuse-role.js';
import { SupervisedRun } from './supervised-run.js';
import { toRestartPolicy, type SuperviseOptions } from './supervise-options.js';

/** The runner of a supervised task. */
export interface SupervisedRunner<T> extends TaskRunner<T> {
  /**
   * Ends the current run of the task and starts the next, without a delay and without counting towards `maxRestarts`.
   * During the delay before a restart, it ends that delay. Each call emits the event `restart-requested`.
   *
   * Resolves with the outcome of the run that has ended. Rejects with a {@link NotRunningError} if the task is not
   * running, or is stopping. If the task is stopped before the run has ended, there is no next run.
   */
  restart(options?: ByWhom): Promise<Outcome>;
}

/**
 * Creates a runner that runs a task and restarts it when it fails. A restart repeats the whole lifecycle: `initialize`,
 * `execute`, `finalize`. The delay before it grows from one failure to the next.
 *
 * The runner stands for the task: in events, outcomes and groups it has the task's name. It emits one `done` event, at
 * the end. Each restart emits a `restarting` event with the error and the delay; without a listener the error is
 * written with `console.error`. Until the next run is ready, `ready$` waits and `status` is `initializing`.
 *
 * A failure counts when it happens: the delay begins there, and one failure too many fails the task there. The run that
 * has failed finalizes meanwhile. If that takes longer than `finalizeTimeout`, the task fails with the error of the
 * run. A TaskError of `finalize`, whose cause is a {@link DeadlineError}, is suppressed on it.
 *
 * Cancelling it cancels the current run, or ends the wait for a restart immediately. After a cancel it never restarts.
 *
 * It fails with a {@link RestartLimitError} when a restart would exceed `maxRestarts` within `window`, as Erlang's
 * supervisors do. The `cause` is the last error.
 *
 * @throws TypeError when `runnable` is neither a task nor a runner, or when an option is unknown or has a wrong type;
 * RangeError when an option is out of range. TypeError also when `runnable` is `optional`, or `critical` for its group:
 * write `optional(supervise(task))` or `critical(supervise(task), { of: 'group' })`.
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
export function supervise<T>(runnable: Runnable<T>, options: SuperviseOptions = {}): SupervisedRunner<T> {
  const policy = toRestartPolicy(options);
  refuseRole(runnable);
  let current: SupervisedRun<T> | undefined;
  const runner = delegate(runnable, (run, cancelApp, child, subscriber) => {
    const supervised = new SupervisedRun(run, cancelApp, child, subscriber, policy);
    current = supervised;
    // Before the end is reported, because a listener may start the next run.
    subscriber.add(() => (current = undefined));
    return supervised;
  });
  const restart = (options: ByWhom = {}) =>
    current?.restart(options) ?? Promise.reject(new NotRunningError(runner.toString()));
  // Instead of that of an inner supervised task.
  return Object.defineProperty(runner, 'restart', { value: restart }) as SupervisedRunner<T>;
}

import { CancelledError, type TaskError } from '../errors/errors.js';
import { isRemoval } from '../task/removal.js';
import type { Runnable } from '../task/runner.js';
import type { Outcome, TaskRunner } from '../task/types.js';
import { validateOneOf } from '../util/validate.js';
import { readOptions } from '../util/validate-options.js';
import { DelegatingRun, delegate } from './delegating-run.js';
import { refuseBoth } from './refuse-role.js';

/** Options of {@link critical}. */
export interface CriticalOptions {
  /**
   * The extent of what the task's end stops. `'group'`: the group whose member the task is, or the application if it is
   * in no group. Default: `'application'`.
   */
  of?: 'application' | 'group' | undefined;
}

/**
 * Creates a runner for a task that the application cannot do without: when the task fails or ends, the application is
 * cancelled. The cause of that cancel is the task's error. If the task has no error, the cause is a
 * {@link CancelledError} that names the task.
 *
 * It calls the `cancel` function that was passed to its `start`: at the failure, else after `finalize`. An application
 * passes a function that cancels all its tasks. A runner that was started without `cancel` ends like that of any other
 * task.
 *
 * The runner stands for the task: in events, outcomes and groups it has the task's name.
 *
 * Cancelling the task is an end, too: the `cause` of the {@link CancelledError} is then the cause of the task's cancel.
 * A run whose context was cancelled before the start cancels nothing. Neither does a member of `dynamic` that is
 * removed or replaced by its key, nor a task that is part of that member.
 *
 * `critical(supervise(task))` restarts the task first and cancels the application at the restart limit.
 * `supervise(critical(task))` restarts nothing: the first end cancels the application.
 *
 * With `{ of: 'group' }`, the task's end stops its group instead, and the application goes on. The group then ends as
 * the task did: `completed`, or `failed` with its error.
 *
 * @throws TypeError when `runnable` is neither a task nor a runner, or is `optional`; RangeError when `of` is unknown.
 * `optional` throws a TypeError for a task that is critical, and `supervise` for one that is critical for its group.
 *
 * @example
 * ```ts
 * import { NEVER } from 'rxjs';
 * import { critical, orchestrate, task } from 'rxjs-tasks';
 *
 * const migration = task('migration', async () => 'done');
 * orchestrate([critical(migration), task('server', () => NEVER)]).subscribe((event) => {
 *   if (event.type === 'cancelled') console.log(String(event.cause)); // → CancelledError: migration has ended
 * });
 * ```
 */
export function critical<T>(runnable: Runnable<T>, options: CriticalOptions = {}): TaskRunner<T> {
  const { of: scope = 'application' } = readOptions(options, ['of'], 'critical');
  validateOneOf('of', ['application', 'group'], scope);
  refuseBoth(runnable, 'optional');
  return scope === 'application'
    ? delegate(runnable, (...args) => new CriticalRun(...args), 'critical')
    : // Its group handles its end.
      delegate(runnable, (...args) => new DelegatingRun(...args), 'essential');
}

class CriticalRun<T> extends DelegatingRun<T> {
  protected override onRunFailed(error: TaskError): void {
    this.run.fail(error);
    this.stopApp(error);
  }

  protected override onRunEnded(outcome: Outcome): void {
    const { run, subscriber } = this;
    const options = run.cancelled ? { cause: run.cause } : undefined;
    // The teardown runs when the outcome is fixed, so the cancel does not change it, and before the outcome is
    // reported.
    if (!outcome.error) subscriber.add(() => this.stopApp(new CancelledError(`${run.task} has ended`, options)));
    this.endWith(outcome);
  }

  /** Cancels the application, unless the task, or what it is part of, was removed from its group on purpose. */
  private stopApp(cause: unknown): void {
    if (!isRemoval(this.run.cause)) this.cancelApp(cause);
  }
}

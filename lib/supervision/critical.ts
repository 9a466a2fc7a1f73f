import { CancelledError } from '../errors/errors.js';
import type { Runnable } from '../task/runner.js';
import type { Outcome, TaskRunner } from '../task/types.js';
import { DelegatingRun, delegate } from './delegating-run.js';

/**
 * Runs a task that the application cannot do without: when it ends, whichever way, the application is cancelled, with its error
 * or with a `CancelledError` that names it. In events, outcomes and groups it is the task itself. Cancelling it is an end, too: the
 * error's `cause` is then the cancel's. A critical task that is to be restarted first is `critical(supervise(task))`.
 *
 * @throws TypeError when `runnable` is neither task nor runner.
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
export function critical<T>(runnable: Runnable<T>): TaskRunner<T> {
  return delegate(runnable, (...args) => new CriticalRun(...args));
}

class CriticalRun<T> extends DelegatingRun<T> {
  protected override onRunEnded(outcome: Outcome): void {
    this.endWith(outcome);
  }

  protected override endWith(outcome: Pick<Outcome, 'status' | 'error'>): void {
    const { run, subscriber, cancelApp } = this;
    // Its own end comes first, so that the cancel does not change it; nobody has been told of it yet.
    const why = run.cancelled ? { cause: run.cause } : undefined;
    subscriber.add(() => cancelApp(outcome.error ?? new CancelledError(`${run.task} has ended`, why)));
    super.endWith(outcome);
  }
}

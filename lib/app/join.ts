import { concat, defer, EMPTY, mergeMap, Observable, type Observer, type Subscription } from 'rxjs';
import { toContext } from '../context/abort-signal-context.js';
import type { CancelFunc, Context } from '../context/types.js';
import { startDetached } from '../task/runner-access.js';
import { isTaskRunner } from '../task/runner.js';
import type { Outcome, TaskRunner } from '../task/types.js';
import { keepAsyncContext } from '../util/keep-async-context.js';
import { wait } from '../util/timer.js';
import { invalid, validateArray, validateMs } from '../util/validate.js';
import { PendingRunners } from './pending-runners.js';

/**
 * Starts a runner under a context. Unsubscribing cancels that run alone.
 *
 * @param cancel passed to the task's hooks, which can cancel the application with it.
 * @param observer receives what the runner emits. Default: values are ignored, and a failure is written with
 * `console.error`. A failure without an `error` handler is left to RxJS, which makes it an uncaught exception.
 * @throws TypeError when `ctx` is neither a context nor an AbortSignal, or `runner` is not a runner.
 *
 * @example
 * ```ts
 * import { launchRunner, task, taskRunner, withCancel } from 'rxjs-tasks';
 *
 * const [ctx, cancel] = withCancel();
 * const runner = taskRunner(task('greeter', () => 'hello'));
 * launchRunner(ctx, cancel, runner, (value) => console.log(value)); // → hello
 * ```
 */
export function launchRunner<T>(
  ctx: Context | AbortSignal,
  cancel: CancelFunc,
  runner: TaskRunner<T>,
  observer?: Partial<Observer<T>> | ((value: T) => void),
): Subscription {
  validateRunner(runner);
  return observer ? runner.start(ctx, cancel).subscribe(observer) : startDetached(runner, ctx, cancel);
}

/**
 * Emits the outcome of each runner as it ends, and completes when it has emitted all of them. A cancel of the context
 * starts one deadline of `timeout` ms for all runners. A runner that is still running then is `timed-out`, and its
 * later values are dropped. A runner that was never started is `not-started`; this is decided at the cancel, or when
 * all started runners have ended. Unsubscribing stops the wait and cancels nothing.
 *
 * @param timeout in ms, counted from the cancel, or from the subscription if that is later. 0 does not wait; `Infinity`
 * waits for ever.
 * @throws RangeError for a negative timeout or NaN; TypeError for a timeout that is not a number, a `ctx` that is
 * neither a context nor an AbortSignal, or a value that is not a runner.
 *
 * @example
 * ```ts
 * import { NEVER } from 'rxjs';
 * import { joinAll, launchRunner, task, taskRunner, withCancel } from 'rxjs-tasks';
 *
 * const [ctx, cancel] = withCancel();
 * const runners = [taskRunner(task('poller', () => NEVER)), taskRunner(task('stuck', () => new Promise(() => {})))];
 * for (const runner of runners) launchRunner(ctx, cancel, runner);
 * joinAll(ctx, 10, runners).subscribe(({ task, status }) => console.log(task, status)); // → poller cancelled
 * cancel();
 * // → stuck timed-out
 * ```
 */
export function joinAll(
  ctx: Context | AbortSignal,
  timeout: number,
  runners: readonly TaskRunner[],
): Observable<Outcome> {
  const context = toContext(ctx);
  validateMs('timeout', timeout);
  validateArray('runners', runners);
  for (const runner of runners) validateRunner(runner);
  // A timeout of 0 emits synchronously.
  const deadline$ = timeout === 0 ? EMPTY : wait(timeout, context.scheduler);
  // A copy, because the caller may change the array.
  return joinWithin(context, deadline$, [...runners]);
}

/**
 * Joins runners as {@link joinAll} does.
 *
 * @param deadline$ subscribed at the cancel. Completes at the deadline.
 */
export function joinWithin(
  { cancelled$ }: Context,
  deadline$: Observable<never>,
  runners: readonly TaskRunner[],
): Observable<Outcome> {
  if (runners.length === 0) return EMPTY;
  const outcomes$ = new Observable<Outcome>((subscriber) => {
    const pending = new PendingRunners(runners, subscriber);
    subscriber.add(() => pending.stop());
    pending.start();
    const afterCancel$ = concat(
      defer(() => pending.emitNotStarted()),
      deadline$,
      defer(() => pending.emitTimedOut()),
    );
    cancelled$.pipe(mergeMap(() => afterCancel$)).subscribe(subscriber);
  });
  return outcomes$.pipe(keepAsyncContext());
}

function validateRunner(runner: unknown): void {
  if (!isTaskRunner(runner)) throw new TypeError(invalid('runner', 'a TaskRunner', runner));
}

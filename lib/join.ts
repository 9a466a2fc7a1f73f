import { Observable, Subscription, type Observer } from 'rxjs';
import type { CancelFunc, Context } from './context.js';
import { after } from './internal/after.js';
import { expected, expectMs } from './internal/expect.js';
import { toScope } from './internal/to-scope.js';
import type { Outcome, TaskRunner } from './outcome.js';
import { giveUp, isTaskRunner } from './runner.js';

/**
 * Starts a runner under a context. Unsubscribing cancels that run alone.
 *
 * @param cancel what the task's hooks get to cancel the application with.
 * @param observer of what the runner emits. Without one a failure is written with `console.error`.
 * @throws TypeError when `ctx` is neither a context nor an AbortSignal, or `runner` no runner.
 *
 * @example
 * ```ts
 * import { launchRunner, task, taskRunner, withCancel } from 'rxjs-tasks';
 *
 * const [ctx, cancel] = withCancel();
 * const runner = taskRunner(task('greeter', () => 'hello'));
 * launchRunner(ctx, cancel, runner, (value) => console.log(value)); // hello
 * ```
 */
export function launchRunner<T>(
  ctx: Context | AbortSignal,
  cancel: CancelFunc,
  runner: TaskRunner<T>,
  observer: Partial<Observer<T>> | ((value: T) => void) = { error: (error: unknown) => console.error(error) },
): Subscription {
  expectRunner(runner);
  return runner.start(ctx, cancel).subscribe(observer);
}

/**
 * Waits until the context is cancelled or all runners have ended, and emits how each of them ended, as it ends. From the
 * cancel on all of them together have `timeout` ms: whichever still goes then is `timed-out`, and what it yields later is
 * dropped. A runner that was never started is `not-started`: that is judged at the cancel, or when all that were started
 * have ended. Unsubscribing stops the waiting and cancels nothing.
 *
 * @param timeout counts from the cancel, or from the subscription if that is later. 0 does not wait, `Infinity` does for ever.
 * @throws RangeError for a negative timeout or NaN; TypeError for what is no number, context or runner.
 *
 * @example
 * ```ts
 * import { NEVER } from 'rxjs';
 * import { joinAll, launchRunner, task, taskRunner, withCancel } from 'rxjs-tasks';
 *
 * const [ctx, cancel] = withCancel();
 * const runners = [taskRunner(task('poller', () => NEVER)), taskRunner(task('stuck', () => new Promise(() => {})))];
 * for (const runner of runners) launchRunner(ctx, cancel, runner);
 * joinAll(ctx, 10, runners).subscribe(({ task, status }) => console.log(task, status)); // poller cancelled
 * cancel();
 * // stuck timed-out
 * ```
 */
export function joinAll(
  ctx: Context | AbortSignal,
  timeout: number,
  runners: readonly TaskRunner[],
): Observable<Outcome> {
  const scope = toScope(ctx);
  expectMs('timeout', timeout);
  runners.forEach(expectRunner);

  return new Observable((subscriber) => {
    // Not a Subscription of Subscriptions: that searches an array whenever one of them ends.
    const pending = new Map<TaskRunner, Subscription>(runners.map((runner) => [runner, Subscription.EMPTY]));
    const idle = new Set<TaskRunner>();
    let timer = Subscription.EMPTY;

    const tell = (runner: TaskRunner, outcome: Outcome) => {
      pending.get(runner)?.unsubscribe();
      pending.delete(runner);
      idle.delete(runner);
      subscriber.next(outcome);
    };
    const tellMissing = (runner: TaskRunner, status: 'timed-out' | 'not-started') => {
      tell(runner, { task: runner.toString(), runner, status });
    };
    /** Is over when none that was started still goes. */
    const judge = () => {
      if (pending.size > idle.size) return;
      for (const runner of idle) if (runner.status !== 'idle') idle.delete(runner);
      if (pending.size > idle.size) return;
      for (const runner of idle) tellMissing(runner, 'not-started');
      subscriber.complete();
    };
    const expire = () => {
      for (const runner of pending.keys()) {
        giveUp(runner);
        tellMissing(runner, 'timed-out');
      }
      subscriber.complete();
    };

    subscriber.add(() => {
      timer.unsubscribe();
      for (const listening of pending.values()) listening.unsubscribe();
    });
    let looking = true;
    for (const runner of pending.keys()) {
      if (subscriber.closed) return;
      if (runner.status === 'idle') idle.add(runner);
      const listening = runner.done$.subscribe((outcome) => {
        tell(runner, outcome);
        if (!looking) judge();
      });
      if (pending.has(runner)) pending.set(runner, listening);
    }
    looking = false;
    judge();
    if (subscriber.closed) return;
    subscriber.add(
      scope.whenCancelled(() => {
        for (const runner of idle) if (runner.status === 'idle') tellMissing(runner, 'not-started');
        judge();
        if (subscriber.closed) return;
        if (timeout === 0) expire();
        else timer = after(scope.scheduler, timeout, expire);
      }),
    );
  });
}

function expectRunner(runner: unknown): void {
  if (!isTaskRunner(runner)) throw new TypeError(expected('runner', 'a TaskRunner', runner));
}

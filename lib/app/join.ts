import { Observable, Subscription, type Observer } from 'rxjs';
import type { CancelFunc, Context } from '../context/types.js';
import { after } from '../util/timer.js';
import { remove, ListNode } from '../util/linked-list.js';
import { validateArray, invalid, validateMs } from '../util/validate.js';
import { toContext } from '../context/abort-signal-context.js';
import type { Outcome, TaskRunner } from '../task/types.js';
import { isTaskRunner } from '../task/runner.js';
import { abandonRunner, notStartedOutcome, startDetached, onDone } from '../task/runner-access.js';

/**
 * Starts a runner under a context. Unsubscribing cancels that run alone.
 *
 * @param cancel what the task's hooks get to cancel the application with.
 * @param observer of what the runner emits. Without one a failure is written with `console.error`; one that has no `error`
 * handler leaves it to RxJS, as any subscription does, which makes it an uncaught exception.
 * @throws TypeError when `ctx` is neither a context nor an AbortSignal, or `runner` no runner.
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
  expectRunner(runner);
  return observer ? runner.start(ctx, cancel).subscribe(observer) : startDetached(runner, ctx, cancel);
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
  const scope = toContext(ctx);
  validateMs('timeout', timeout);
  validateArray('runners', runners);
  runners.forEach(expectRunner);

  return new Observable((subscriber) => {
    let left = runners.length;
    let timer = Subscription.EMPTY;
    const tell = (waiter: Waiter, outcome: Outcome) => {
      remove(waiter);
      idle.delete(waiter);
      left--;
      subscriber.next(outcome);
    };
    const tellMissing = (waiter: Waiter) => tell(waiter, notStartedOutcome(waiter.runner));
    /** It is over when none that was started still goes. */
    const judge = () => {
      if (left > idle.size) return;
      for (const waiter of idle) if (waiter.runner.status !== 'idle') idle.delete(waiter);
      if (left > idle.size) return;
      for (const waiter of idle) tellMissing(waiter);
      subscriber.complete();
    };
    const expire = () => {
      for (const waiter of waiters) {
        if (!waiter.list) continue;
        tell(waiter, abandonRunner(waiter.runner));
      }
      subscriber.complete();
    };

    const hear = (waiter: Waiter, outcome: Outcome) => {
      tell(waiter, outcome);
      judge();
    };
    const waiters = runners.map((runner) => new Waiter(runner, hear));
    const idle = new Set(waiters.filter(({ runner }) => runner.status === 'idle'));
    subscriber.add(() => {
      timer.unsubscribe();
      waiters.forEach(remove);
    });
    for (const waiter of waiters) if (!subscriber.closed) onDone(waiter.runner, waiter);
    judge();
    subscriber.add(
      scope.onCancel(() => {
        for (const waiter of idle) if (waiter.runner.status === 'idle') tellMissing(waiter);
        if (subscriber.closed) return;
        if (timeout === 0) expire();
        else timer = after(scope.scheduler, timeout, expire);
      }),
    );
  });
}

/** Waits for one runner's outcome, and stands in a chain until then. */
class Waiter extends ListNode {
  readonly runner: TaskRunner;
  private readonly hear: (waiter: Waiter, outcome: Outcome) => void;

  constructor(runner: TaskRunner, hear: (waiter: Waiter, outcome: Outcome) => void) {
    super();
    this.runner = runner;
    this.hear = hear;
  }

  override notify(outcome: unknown): void {
    this.hear(this, outcome as Outcome);
  }
}

function expectRunner(runner: unknown): void {
  if (!isTaskRunner(runner)) throw new TypeError(invalid('runner', 'a TaskRunner', runner));
}

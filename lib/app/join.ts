import {
  concat,
  defer,
  EMPTY,
  merge,
  mergeMap,
  Observable,
  take,
  type Observer,
  type Subscriber,
  type Subscription,
} from 'rxjs';
import { toContext } from '../context/abort-signal-context.js';
import type { CancelFunc, Context } from '../context/types.js';
import { abandonRunner, notStartedOutcome, onDone, startDetached } from '../task/runner-access.js';
import { isTaskRunner } from '../task/runner.js';
import type { Outcome, TaskRunner } from '../task/types.js';
import { ListNode, remove } from '../util/linked-list.js';
import { wait } from '../util/timer.js';
import { invalid, validateArray, validateMs } from '../util/validate.js';

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
  const { cancelled$, scheduler } = toContext(ctx);
  validateMs('timeout', timeout);
  validateArray('runners', runners);
  runners.forEach(validateRunner);

  return defer(() => {
    const pending = new PendingRunners(runners);
    const afterCancel$ = concat(
      defer(() => pending.notStarted()),
      // A timeout of 0 emits synchronously.
      timeout === 0 ? EMPTY : wait(timeout, scheduler),
      defer(() => pending.timedOut()),
    );
    return merge(pending.ended$, cancelled$.pipe(mergeMap(() => afterCancel$))).pipe(take(runners.length));
  });
}

/**
 * The runners of one join whose outcome has not been emitted. One source for all of them: each waits in its runner's
 * linked list, so that unsubscribing one runner costs O(1). A `race` with the deadline for each runner costs O(n²).
 */
class PendingRunners {
  private readonly entries: readonly PendingRunner[];
  /** The pending runners that had not been started at the last check. */
  private readonly idle: Set<PendingRunner>;
  private pendingCount: number;

  constructor(runners: readonly TaskRunner[]) {
    this.entries = runners.map((runner) => new PendingRunner(runner));
    this.idle = new Set(this.entries.filter(({ runner }) => runner.status === 'idle'));
    this.pendingCount = runners.length;
  }

  /**
   * Emits the outcomes of runners as they end. When all that were started have ended, emits the others as not started.
   */
  readonly ended$ = new Observable<Outcome>((subscriber) => {
    const onEnd = (entry: PendingRunner, outcome: Outcome): void => {
      this.settle(entry);
      subscriber.next(outcome);
      this.emitIfOnlyIdle(subscriber);
    };
    for (const entry of this.entries) {
      if (subscriber.closed) break;
      entry.onEnd = onEnd;
      onDone(entry.runner, entry);
    }
    this.emitIfOnlyIdle(subscriber);
    return () => this.entries.forEach(remove);
  });

  *notStarted(): Iterable<Outcome> {
    for (const entry of this.idle) {
      if (entry.runner.status !== 'idle') continue;
      this.settle(entry);
      yield notStartedOutcome(entry.runner);
    }
  }

  *timedOut(): Iterable<Outcome> {
    for (const entry of this.entries) {
      if (!entry.isPending()) continue;
      const outcome = abandonRunner(entry.runner);
      // A listener of the abandonment may have ended the run, whose outcome is then already emitted.
      if (!entry.isPending()) continue;
      this.settle(entry);
      yield outcome;
    }
  }

  private emitIfOnlyIdle(subscriber: Subscriber<Outcome>): void {
    if (this.pendingCount > this.idle.size) return;
    for (const entry of this.idle) if (entry.runner.status !== 'idle') this.idle.delete(entry);
    if (this.pendingCount > this.idle.size) return;
    // Decided for all of them at this moment: a subscriber of the first may start the second.
    for (const entry of this.idle) {
      this.settle(entry);
      subscriber.next(notStartedOutcome(entry.runner));
    }
  }

  private settle(entry: PendingRunner): void {
    remove(entry);
    this.idle.delete(entry);
    this.pendingCount--;
  }
}

class PendingRunner extends ListNode {
  readonly runner: TaskRunner;
  onEnd: ((entry: PendingRunner, outcome: Outcome) => void) | undefined = undefined;

  constructor(runner: TaskRunner) {
    super();
    this.runner = runner;
  }

  /** Whether it still waits in its runner's list. */
  isPending(): boolean {
    return this.list !== undefined;
  }

  override notify(outcome: unknown): void {
    this.onEnd?.(this, outcome as Outcome);
  }
}

function validateRunner(runner: unknown): void {
  if (!isTaskRunner(runner)) throw new TypeError(invalid('runner', 'a TaskRunner', runner));
}

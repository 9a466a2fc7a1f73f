import { Subscription, type Subscriber } from 'rxjs';
import { CancelContext } from '../context/cancel-context.js';
import type { CancelFunc } from '../context/types.js';
import {
  CancelledError,
  DeadlineError,
  NotRunningError,
  RestartLimitError,
  suppress,
  TaskError,
} from '../errors/errors.js';
import { readBy, type ByWhom } from '../task/by-whom.js';
import type { ChildContext } from '../task/child.js';
import type { CompositeRun, TaskHistory } from '../task/composite.js';
import type { Outcome, TaskRunner } from '../task/types.js';
import { captureAsyncContext, startInAsyncContext } from '../util/async-context.js';
import { after } from '../util/timer.js';
import { Backoff, type RestartPolicy } from './backoff.js';
import { DelegatingRun } from './delegating-run.js';

/** A restart that was decided on when the child failed or ended. Its delay begins at `from`. */
interface PlannedRestart {
  readonly delay: number;
  readonly from: number;
}

/** A run that restarts its child by a policy. */
export class SupervisedRun<T> extends DelegatingRun<T> {
  private readonly policy: RestartPolicy;
  private readonly backoff: Backoff;
  private readonly history: TaskHistory;
  private readyAt: number | undefined = undefined;
  /** Longest time without interruption for which the child was ready since the last failure or end. */
  private readyFor: number | undefined = undefined;
  private restarts = 0;
  private planned: PlannedRestart | undefined = undefined;
  /** The error that this run ends with, although the child's current run may not have ended. */
  private finalError: TaskError | undefined = undefined;
  /** The timer of the `finalizeTimeout`, and then of the delay before a restart. A cancel of this run clears it. */
  private wait = Subscription.EMPTY;
  /** Whether the child has ended, and the delay before its restart has begun. */
  private delaying!: boolean;
  /** The calls of `restart` that wait for the end of the child's current run. */
  private requests: ((outcome: Outcome) => void)[] = [];
  private readonly asyncContext = captureAsyncContext();

  constructor(
    run: CompositeRun,
    cancelApp: CancelFunc,
    runner: TaskRunner<T>,
    subscriber: Subscriber<T>,
    policy: RestartPolicy,
  ) {
    super(run, cancelApp, runner, subscriber);
    this.policy = policy;
    this.backoff = new Backoff(policy, (error) => run.emit({ type: 'option-failed', option: 'backoff.random', error }));
    this.history = run.history;
    this.history.restarts = 0;
  }

  override start(): void {
    this.delaying = false;
    this.planned = undefined;
    super.start();
  }

  /** Ends the child's current run and starts the next. Resolves with the outcome of the former. */
  async restart(options: ByWhom): Promise<Outcome> {
    const by = readBy(options, 'restart');
    const { run } = this;
    this.restartableChild();
    if (run.observed) run.emit({ type: 'restart-requested', ...by });
    // A listener may have stopped the run.
    const child = this.restartableChild();
    const { lastOutcome, delaying } = this;
    if (lastOutcome && delaying) {
      this.startAfter(0);
      return lastOutcome;
    }
    const ended = new Promise<Outcome>((resolve) => this.requests.push(resolve));
    CancelContext.cancel(child, new CancelledError('Restarted'));
    return ended;
  }

  /** @throws NotRunningError if the task is not running, or is stopping. */
  private restartableChild(): ChildContext<T> {
    const { run, subscriber, child, finalError } = this;
    if (run.cancelled || subscriber.closed || finalError || !child) throw new NotRunningError(run.task);
    return child;
  }

  override readyChanged(child: ChildContext<T>, ready: boolean): void {
    const now = this.run.scheduler.now();
    if (ready) this.readyAt = now;
    else this.trackNotReady(now);
    super.readyChanged(child, ready);
  }

  override onEnding(child: ChildContext<T>): void {
    const { run, policy, finalError, requests } = this;
    const restarts = this.planned !== undefined || policy.restart === 'always' || requests.length > 0;
    if (restarts && !run.cancelled && !finalError) this.limitFinalize();
    else super.onEnding(child);
  }

  protected override onStartFailed(error: TaskError): void {
    // Its runner has a run elsewhere, or is not the library's: a restart does not help.
    this.finalError = error;
  }

  protected override onRunFailed(error: TaskError, child: ChildContext<T>): void {
    const { run, requests } = this;
    this.history.lastError = error;
    if (run.cancelled || this.finalError) return run.fail(error);
    if (requests.length === 0 && !this.planRestart(error, child)) return;
    run.notReady();
    this.limitFinalize();
  }

  protected override onRunEnded(outcome: Outcome, child: ChildContext<T>): void {
    const { run, policy } = this;
    const { status, error } = outcome;
    const restartsAlways = policy.restart === 'always' && status === 'completed';
    this.wait.unsubscribe();
    if (restartsAlways && !run.cancelled && this.requests.length === 0) this.planRestart(undefined, child);
    if (this.answerRequests(outcome)) this.planRequestedRestart(child);
    if (this.finalError) return this.subscriber.error(this.finalError);
    if (run.cancelled && restartsAlways) return this.subscriber.complete();
    if (run.cancelled || !this.planned) return this.endWith(outcome);
    this.delayRestart(this.planned, error);
  }

  /** Answers the calls of `restart`. Returns whether there were any. */
  private answerRequests(outcome: Outcome): boolean {
    const { requests } = this;
    this.requests = [];
    for (const resolve of requests) resolve(outcome);
    return requests.length > 0;
  }

  /** Plans a restart, or fails if there were too many. Returns whether there is a restart. */
  private planRestart(error: TaskError | undefined, child: ChildContext<T>): boolean {
    const { run, policy } = this;
    const now = run.scheduler.now();
    this.trackNotReady(child.stoppingAt ?? now);
    const delay = this.backoff.nextDelay(now, this.readyFor);
    this.readyFor = undefined;
    if (delay === undefined) {
      this.finalError = new RestartLimitError(run.task, policy.maxRestarts, policy.window, error);
      // No restart follows, so `finalize` has no limit.
      this.wait.unsubscribe();
      run.fail(this.finalError);
      return false;
    }
    this.planned = { delay, from: now };
    return true;
  }

  private planRequestedRestart(child: ChildContext<T>): void {
    const now = this.run.scheduler.now();
    this.trackNotReady(child.stoppingAt ?? now);
    this.planned = { delay: 0, from: now };
  }

  /** Fails if the child's current run does not end in time, because the child would never be started again. */
  private limitFinalize(): void {
    if (!this.wait.closed) return;
    const { run, policy } = this;
    // After a cancel there is no restart, so the failure of the child is that of this run.
    const wait = this.waitUntilCancelled(() => this.failure && run.fail(this.failure));
    wait.add(after(run.scheduler, policy.finalizeTimeout, () => this.finalizeTimedOut()));
  }

  private finalizeTimedOut(): void {
    const { run, policy, failure } = this;
    const timeoutError = new TaskError(run.task, 'finalize', new DeadlineError(policy.finalizeTimeout));
    const error = (this.finalError = failure ?? timeoutError);
    if (failure) suppress(failure, timeoutError);
    this.history.lastError = error;
    this.wait.unsubscribe();
    this.answerRequests(this.abandonChild());
    run.fail(error);
    this.subscriber.error(error);
  }

  private delayRestart({ delay, from }: PlannedRestart, error: TaskError | undefined): void {
    const { run, wait } = this;
    const restart = (this.history.restarts = ++this.restarts);
    this.delaying = true;
    run.setStatus('initializing');
    run.notReady();
    if (error || run.observed) run.emit({ type: 'restarting', restart, delay, ...(error && { error }) });
    // A listener may have called `restart`.
    if (this.wait !== wait) return;
    // The clock may have been set back since the failure.
    const elapsed = Math.max(0, run.scheduler.now() - from);
    this.startAfter(Math.max(0, delay - elapsed));
  }

  private startAfter(ms: number): void {
    const { run, subscriber } = this;
    const wait = this.waitUntilCancelled(() => subscriber.complete());
    const start = () => {
      wait.unsubscribe();
      // The timer may have been set by the caller of `restart`.
      startInAsyncContext(this.asyncContext, startAgain, this as SupervisedRun<unknown>, undefined);
    };
    wait.add(after(run.scheduler, ms, start));
  }

  /** Replaces the current wait by one that ends with this run, and at a cancel. */
  private waitUntilCancelled(onCancel: () => void): Subscription {
    this.wait.unsubscribe();
    const wait = new Subscription();
    this.wait = wait;
    this.subscriber.add(wait);
    wait.add(
      this.run.onCancel(() => {
        wait.unsubscribe();
        onCancel();
      }),
    );
    return wait;
  }

  private trackNotReady(time: number): void {
    if (this.readyAt !== undefined) this.readyFor = Math.max(this.readyFor ?? 0, time - this.readyAt);
    this.readyAt = undefined;
  }
}

function startAgain(run: SupervisedRun<unknown>): void {
  run.start();
}

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
import type { ChildContext } from '../task/child.js';
import type { CompositeRun, TaskHistory } from '../task/composite.js';
import { abandonRunner } from '../task/runner-access.js';
import type { Outcome, TaskRunner } from '../task/types.js';
import { after } from '../util/timer.js';
import { Backoff, type RestartPolicy } from './backoff.js';
import { DelegatingRun } from './delegating-run.js';

/** A run that restarts its child by a policy. */
export class SupervisedRun<T> extends DelegatingRun<T> {
  private readonly policy: RestartPolicy;
  private readonly backoff: Backoff;
  private readonly history: TaskHistory;
  private readyAt: number | undefined = undefined;
  /** Longest time without interruption for which the child's current run was ready. */
  private readyFor: number | undefined = undefined;
  private restarts = 0;
  /** The next restart, decided when the child's current run has failed or ended. */
  private planned: { readonly delay: number; readonly from: number } | undefined = undefined;
  /** The error of one restart too many. */
  private limitError: RestartLimitError | undefined = undefined;
  /** The timer of the `finalizeTimeout`, and then of the delay before a restart. A cancel of this run clears it. */
  private wait = Subscription.EMPTY;
  /** The calls of `restart` that wait for the end of the child's current run. */
  private requests: ((outcome: Outcome) => void)[] = [];

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
    this.planned = this.readyFor = undefined;
    super.start();
  }

  override readyChanged(child: ChildContext<T>, ready: boolean): void {
    const now = this.run.scheduler.now();
    if (ready) this.readyAt = now;
    else this.trackNotReady(now);
    super.readyChanged(child, ready);
  }

  onFinalizing(): void {
    const restarts = this.policy.restart === 'always' || this.requests.length > 0;
    if (restarts && !this.run.cancelled) this.limitFinalize();
  }

  /** Ends the child's current run and starts the next. Resolves with the outcome of the former. */
  restart(): Promise<Outcome> {
    const { run, child, lastOutcome, subscriber } = this;
    if (run.cancelled || subscriber.closed || !child) return Promise.reject(new NotRunningError(run.task));
    return new Promise((resolve) => {
      if (lastOutcome) {
        resolve(lastOutcome);
        this.wait.unsubscribe();
        return this.start();
      }
      this.requests.push(resolve);
      CancelContext.cancel(child, new CancelledError('Restarted'));
    });
  }

  protected override onRunFailed(error: TaskError, child: ChildContext<T>): void {
    const { run } = this;
    this.history.lastError = error;
    if (run.cancelled) return run.fail(error);
    this.planRestart(error, child);
    if (!this.planned) return;
    run.notReady();
    this.limitFinalize();
  }

  protected override onRunEnded(outcome: Outcome, child: ChildContext<T>): void {
    const { run, policy, limitError } = this;
    const { status, error } = outcome;
    const restartsAlways = policy.restart === 'always' && status === 'completed';
    this.wait.unsubscribe();
    const requested = this.answerRequests(outcome);
    if (limitError) return this.endWith({ status: 'failed', error: limitError });
    if (run.cancelled) return this.endWith(restartsAlways ? { status: 'cancelled' } : outcome);
    if (requested) this.planned = { delay: 0, from: run.scheduler.now() };
    else if (restartsAlways) this.planRestart(undefined, child);
    if (this.limitError) return this.endWith({ status: 'failed', error: this.limitError });
    if (!this.planned) return this.endWith(outcome);
    this.waitForRestart(this.planned, error);
  }

  /** Answers the calls of `restart`. Returns whether there were any. */
  private answerRequests(outcome: Outcome): boolean {
    const { requests } = this;
    this.requests = [];
    for (const resolve of requests) resolve(outcome);
    return requests.length > 0;
  }

  /** Plans a restart, or fails if there were too many. The delay begins at the failure. */
  private planRestart(error: TaskError | undefined, child: ChildContext<T>): void {
    const { run, policy } = this;
    const now = run.scheduler.now();
    this.trackNotReady(child.stoppingAt ?? now);
    const delay = this.backoff.nextDelay(now, this.readyFor);
    if (delay !== undefined) this.planned = { delay, from: now };
    else {
      this.limitError = new RestartLimitError(run.task, policy.maxRestarts, policy.window, error);
      run.fail(this.limitError);
    }
  }

  private waitForRestart({ delay, from }: NonNullable<typeof this.planned>, error: Outcome['error']): void {
    const { run, subscriber } = this;
    const remainingMs = Math.max(0, from + delay - run.scheduler.now());
    const restart = (this.history.restarts = ++this.restarts);
    run.setStatus('initializing');
    run.notReady();
    const wait = this.waitUntilCancelled(() => subscriber.complete());
    if (error || run.observed) run.emit({ type: 'restarting', restart, delay, ...(error && { error }) });
    // A listener may have cancelled the run, or called `restart`.
    if (wait.closed) return;
    wait.add(
      after(run.scheduler, remainingMs, () => {
        wait.unsubscribe();
        this.start();
      }),
    );
  }

  /** Fails for good if the child does not finalize in time, because it would never be started again. */
  private limitFinalize(): void {
    const { run, policy } = this;
    const ms = policy.finalizeTimeout;
    if (!this.wait.closed) return;
    this.waitUntilCancelled(() => undefined).add(
      after(run.scheduler, ms, () => {
        const timeoutError = new TaskError(run.task, 'finalize', new DeadlineError(ms));
        const error = this.failure ?? timeoutError;
        if (this.failure) suppress(this.failure, timeoutError);
        this.lastOutcome = abandonRunner(this.runner);
        this.child = undefined;
        this.answerRequests(this.lastOutcome);
        run.fail(error);
        this.endWith({ status: 'failed', error });
      }),
    );
  }

  /** Returns a new wait, which ends with this run and at a cancel. */
  private waitUntilCancelled(onCancel: () => void): Subscription {
    this.wait.unsubscribe();
    const wait = new Subscription();
    this.wait = wait;
    wait.add(
      this.run.onCancel(() => {
        wait.unsubscribe();
        onCancel();
      }),
    );
    this.subscriber.add(wait);
    return wait;
  }

  private trackNotReady(time: number): void {
    if (this.readyAt !== undefined) this.readyFor = Math.max(this.readyFor ?? 0, time - this.readyAt);
    this.readyAt = undefined;
  }
}

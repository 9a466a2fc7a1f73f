import { Subscription, type Subscriber } from 'rxjs';
import type { CancelFunc } from '../context/types.js';
import { RestartLimitError } from '../errors/errors.js';
import type { ChildContext } from '../task/child.js';
import type { CompositeRun, TaskHistory } from '../task/composite.js';
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

  constructor(
    run: CompositeRun,
    cancelApp: CancelFunc,
    runner: TaskRunner<T>,
    subscriber: Subscriber<T>,
    policy: RestartPolicy,
  ) {
    super(run, cancelApp, runner, subscriber);
    this.policy = policy;
    this.backoff = new Backoff(policy);
    this.history = run.history;
    this.history.restarts = 0;
  }

  override readyChanged(child: ChildContext<T>, ready: boolean): void {
    const now = this.run.scheduler.now();
    if (ready) this.readyAt = now;
    else this.trackNotReady(now);
    super.readyChanged(child, ready);
  }

  protected override onRunEnded(outcome: Outcome, child: ChildContext<T>): void {
    const { run, policy } = this;
    const { status, error } = outcome;
    if (error) this.history.lastError = error;
    const shouldRestart = status === 'failed' || (status === 'completed' && policy.restart === 'always');
    if (!shouldRestart) return this.endWith(outcome);
    if (run.cancelled) return this.endWith(error ? outcome : { status: 'cancelled' });
    const now = run.scheduler.now();
    this.trackNotReady(child.stoppingAt ?? now);
    let delay: number | undefined;
    try {
      delay = this.backoff.nextDelay(now, this.readyFor);
    } catch (reason) {
      // The `random` option may throw.
      return this.startFailed(child, reason);
    }
    this.readyFor = undefined;
    if (delay === undefined) {
      const limitError = new RestartLimitError(run.task, policy.maxRestarts, policy.window, error);
      return this.endWith({ status: 'failed', error: limitError });
    }
    this.restartAfter(delay, error);
  }

  private restartAfter(delay: number, error: Outcome['error']): void {
    const { run, subscriber } = this;
    const restart = (this.history.restarts = ++this.restarts);
    run.setStatus('initializing');
    run.notReady();
    const wait = new Subscription();
    wait.add(run.onCancel(() => subscriber.complete()));
    subscriber.add(wait);
    if (error || run.observed) run.emit({ type: 'restarting', restart, delay, ...(error && { error }) });
    // A listener may have cancelled the run.
    if (subscriber.closed) return;
    wait.add(
      after(run.scheduler, delay, () => {
        wait.unsubscribe();
        this.start();
      }),
    );
  }

  private trackNotReady(time: number): void {
    if (this.readyAt !== undefined) this.readyFor = Math.max(this.readyFor ?? 0, time - this.readyAt);
    this.readyAt = undefined;
  }
}

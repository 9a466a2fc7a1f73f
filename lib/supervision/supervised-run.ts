import { Subscription, type Subscriber } from 'rxjs';
import type { CancelFunc } from '../context/types.js';
import { RestartLimitError } from '../errors/errors.js';
import type { Outcome, TaskRunner } from '../task/types.js';
import { after } from '../util/timer.js';
import { Backoff, type RestartPolicy } from './backoff.js';
import type { CompositeRun, TaskHistory } from '../task/composite.js';
import { DelegatingRun } from './delegating-run.js';
import type { ChildContext } from '../task/child.js';

/** Runs a task, and starts it again when its policy says so. */
export class SupervisedRun<T> extends DelegatingRun<T> {
  private readonly policy: RestartPolicy;
  private readonly backoff: Backoff;
  private readonly history: TaskHistory;
  private readyAt: number | undefined = undefined;
  /** For how long the run under way has been ready at a stretch. */
  private readyFor: number | undefined = undefined;
  private restarts = 0;

  constructor(
    run: CompositeRun,
    cancelAll: CancelFunc,
    runner: TaskRunner<T>,
    subscriber: Subscriber<T>,
    policy: RestartPolicy,
  ) {
    super(run, cancelAll, runner, subscriber);
    this.policy = policy;
    this.backoff = new Backoff(policy);
    this.history = run.history;
    this.history.restarts = 0;
  }

  override readyChanged(member: ChildContext<T>, is: boolean): void {
    const now = this.run.scheduler.now();
    if (is) this.readyAt = now;
    else this.trackNotReady(now);
    super.readyChanged(member, is);
  }

  private trackNotReady(time: number): void {
    if (this.readyAt !== undefined) this.readyFor = Math.max(this.readyFor ?? 0, time - this.readyAt);
    this.readyAt = undefined;
  }

  protected override onRunEnded(outcome: Outcome, member: ChildContext<T>): void {
    const { run, policy } = this;
    const { error } = outcome;
    if (error) this.history.lastError = error;
    const due = outcome.status === 'failed' || (outcome.status === 'completed' && policy.restart === 'always');
    if (!due) return this.endWith(outcome);
    if (run.cancelled) return this.endWith(error ? outcome : { status: 'cancelled' });
    const now = run.scheduler.now();
    this.trackNotReady(member.stoppingAt ?? now);
    let delay: number | undefined;
    try {
      delay = this.backoff.next(now, this.readyFor);
    } catch (reason) {
      // What was given as `random` may throw.
      return this.startFailed(member, reason);
    }
    this.readyFor = undefined;
    if (delay === undefined) {
      const limit = new RestartLimitError(run.task, policy.maxRestarts, policy.window, error);
      return this.endWith({ status: 'failed', error: limit });
    }
    const restart = (this.history.restarts = ++this.restarts);
    run.setStatus('initializing');
    run.notReady();
    const wait = new Subscription();
    wait.add(run.onCancel(() => this.subscriber.complete()));
    this.subscriber.add(wait);
    if (error || run.observed) run.emit({ type: 'restarting', restart, delay, ...(error && { error }) });
    if (this.subscriber.closed) return;
    wait.add(
      after(run.scheduler, delay, () => {
        wait.unsubscribe();
        this.start();
      }),
    );
  }
}

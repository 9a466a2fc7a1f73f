import { Subscription, type Subscriber } from 'rxjs';
import type { CancelFunc } from '../context/types.js';
import { RestartLimitError } from '../errors/errors.js';
import type { Outcome, TaskRunner } from '../task/types.js';
import { after } from '../util/timer.js';
import { Backoff, type RestartPolicy } from './backoff.js';
import type { DrivenRun, History } from '../task/composite.js';
import { Guard } from './delegating-run.js';
import type { Member } from '../task/child.js';

/** Runs a task, and starts it again when its policy says so. */
export class Supervision<T> extends Guard<T> {
  private readonly policy: RestartPolicy;
  private readonly backoff: Backoff;
  private readonly history: History;
  private readyAt: number | undefined = undefined;
  /** For how long the run under way has been ready at a stretch. */
  private healthy: number | undefined = undefined;
  private restarts = 0;

  constructor(
    run: DrivenRun,
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

  override ready(member: Member<T>, is: boolean): void {
    const now = this.run.scheduler.now();
    if (is) this.readyAt = now;
    else this.unreadyAt(now);
    super.ready(member, is);
  }

  private unreadyAt(time: number): void {
    if (this.readyAt !== undefined) this.healthy = Math.max(this.healthy ?? 0, time - this.readyAt);
    this.readyAt = undefined;
  }

  protected override after(outcome: Outcome, member: Member<T>): void {
    const { run, policy } = this;
    const { error } = outcome;
    if (error) this.history.lastError = error;
    const due = outcome.status === 'failed' || (outcome.status === 'completed' && policy.restart === 'always');
    if (!due) return this.end(outcome);
    if (run.cancelled) return this.end(error ? outcome : { status: 'cancelled' });
    const now = run.scheduler.now();
    this.unreadyAt(member.stoppingAt ?? now);
    let delay: number | undefined;
    try {
      delay = this.backoff.next(now, this.healthy);
    } catch (reason) {
      // What was given as `random` may throw.
      return this.refused(member, reason);
    }
    this.healthy = undefined;
    if (delay === undefined) {
      const limit = new RestartLimitError(run.task, policy.maxRestarts, policy.within, error);
      return this.end({ status: 'failed', error: limit });
    }
    const restart = (this.history.restarts = ++this.restarts);
    run.enter('initializing');
    run.unready();
    const wait = new Subscription();
    wait.add(run.whenCancelled(() => this.subscriber.complete()));
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

import { defer, Subscription, type Observable } from 'rxjs';
import type { CancelFunc, RunContext } from '../context/types.js';
import { CancelledError, DeadlineError, type TaskError } from '../errors/errors.js';
import type { TaskEventDetail } from '../task/types.js';
import { after } from '../util/timer.js';
import { Link } from '../util/linked-list.js';
import { Run, type RunHost, type RunObserver } from '../task/run.js';
import { Scope } from '../context/cancel-context.js';

/** What all slots of a cron have in common. */
export interface SlotHost<T> extends RunHost<T> {
  readonly ctx: RunContext & Scope;
  readonly cancelAll: CancelFunc;
  readonly tolerance: number;
  readonly timeout: number | undefined;
  readonly lease: ((slot: number) => Observable<boolean>) | undefined;
  tell(detail: TaskEventDetail): void;
  deliver(value: T): void;
  /** Whether no further run may start. */
  readonly full: boolean;
  /** A run is about to start; then it has been told. */
  starting(): void;
  started(): void;
  /** The slot is over, whichever way: its run has ended, or there will be none. */
  over(slot: SlotRun<T>, error?: TaskError): void;
}

type Skipped = Extract<TaskEventDetail, { type: 'skipped' }>;

/** One slot that is to be run: it may wait for its turn, then for its lease, and then it is a run. */
export class SlotRun<T> extends Link implements RunObserver<T> {
  readonly slot: number;
  closed = false;
  private readonly host: SlotHost<T>;
  private readonly due: number;
  private run: Run<T> | undefined = undefined;
  private lease: Subscription | undefined = undefined;
  private limit: Subscription | undefined = undefined;
  private watch: Subscription | undefined = undefined;
  private overdue = false;

  constructor(host: SlotHost<T>, slot: number, due: number) {
    super();
    this.host = host;
    this.slot = slot;
    this.due = due;
  }

  /** It has to wait. Should that take longer than is tolerated, it is told. */
  watchOver(): void {
    const left = this.host.tolerance - this.late();
    this.watch ??= after(this.host.ctx.scheduler, Math.max(0, left), () => this.tellOverdue());
  }

  begin(): void {
    const { host, slot } = this;
    const { timeout, lease } = host;
    if (timeout !== undefined) this.limit = after(host.ctx.scheduler, timeout, () => this.expire(timeout));
    if (!lease) return this.start();
    // The answer may come before `subscribe` returns.
    this.lease = new Subscription();
    this.lease.add(
      defer(() => lease(slot)).subscribe({
        next: (granted) => {
          if (!granted) this.refuse();
          else if (!this.run) this.start();
        },
        error: (error: unknown) => this.refuse({ error }),
        complete: () => {
          if (!this.run) this.refuse({ error: new Error(`The coordinator gave no answer for ${host.name}`) });
        },
      }),
    );
    if (!this.run && !this.closed) this.watchOver();
  }

  /** Ends it before its time; a run ends in its own. */
  cancel(cause: unknown, reason: Skipped['reason']): void {
    if (this.run) Scope.cancel(this.run, cause);
    else this.skip({ reason });
  }

  /** Nobody waits for its run any longer. */
  lose(): void {
    this.run?.tellEnd('timed-out');
  }

  /** Drops it, unless its run has begun. */
  skip(why: Pick<Skipped, 'reason' | 'error'>): void {
    if (this.run || this.closed) return;
    // First, because whoever is told may cancel.
    this.close();
    this.host.tell({ type: 'skipped', slot: this.slot, ...why });
    this.host.over(this);
  }

  next(value: T): void {
    this.host.deliver(value);
  }

  error(error: unknown): void {
    // A run errors with nothing else.
    this.end(error as TaskError);
  }

  complete(): void {
    this.end();
  }

  private start(): void {
    const { host, slot } = this;
    this.watch?.unsubscribe();
    if (!this.overdue && this.late() > host.tolerance) this.tellOverdue();
    if (this.closed) return;
    if (host.full) return this.skip({ reason: 'ended' });
    this.run = new Run(host, host.ctx.runId, this, host.ctx, host.cancelAll, slot);
    host.starting();
    if (host.observed) host.tell({ type: 'tick', slot });
    host.started();
    this.run.start();
  }

  /** Without an error the coordinator has said no. It may say so after it has said yes. */
  private refuse(failure?: { readonly error: unknown }): void {
    const { run } = this;
    if (!run) return this.skip(failure ? { reason: 'coordinator', ...failure } : { reason: 'refused' });
    if (run.cancelled) return;
    const cause = failure?.error ?? new CancelledError('The lease was taken back');
    if (failure || this.host.observed) this.host.tell({ type: 'cancelling', slot: this.slot, cause, ...failure });
    Scope.cancel(run, cause);
  }

  private expire(timeout: number): void {
    const { host, run } = this;
    const error = new DeadlineError(timeout);
    if (!run) return this.skip({ reason: 'coordinator', error });
    run.fail(error);
    Scope.cancel(run, run.error);
    // What cannot be cut must not keep the schedule waiting for ever.
    const { grace = 0 } = host.work;
    if (grace === 0) this.giveUp(run);
    else if (!this.closed) this.limit = after(host.ctx.scheduler, grace, () => this.giveUp(run));
  }

  private giveUp(run: Run<T>): void {
    run.tellEnd('failed');
    run.giveUp();
    this.end(run.error);
  }

  private end(error?: TaskError): void {
    if (this.closed) return;
    this.close();
    this.host.over(this, error);
  }

  private close(): void {
    this.closed = true;
    this.limit?.unsubscribe();
    this.watch?.unsubscribe();
    this.lease?.unsubscribe();
  }

  private late(): number {
    return this.host.ctx.scheduler.now() - this.due;
  }

  private tellOverdue(): void {
    const { host, slot } = this;
    this.overdue = true;
    if (host.observed) host.tell({ type: 'overdue', slot, late: Math.max(host.tolerance, this.late()) });
  }
}

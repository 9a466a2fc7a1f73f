import type { Subscription } from 'rxjs';
import type { CancelFunc } from '../context/types.js';
import { CancelledError, DeadlineError, type TaskError } from '../errors/errors.js';
import type { CompositeRun } from '../task/composite.js';
import { abandonedOutcome } from '../task/runner.js';
import type { Outcome, SlotOutcome, TaskEventDetail, TaskRunner } from '../task/types.js';
import { startInAsyncContext, type AsyncContext } from '../util/async-context.js';
import { ForeignSubscription } from '../util/foreign-subscription.js';
import { after } from '../util/timer.js';
import { ListNode } from '../util/linked-list.js';
import { invalid } from '../util/validate.js';
import { clockSetBackMs } from './slot-clock.js';
import { Run, type RunOwner, type RunObserver } from '../task/run.js';
import { CancelContext } from '../context/cancel-context.js';
import type { Coordinator } from './coordinator.js';

/** The common owner of a cron's slots. */
export interface SlotOwner<T> extends RunOwner<T> {
  readonly ctx: CompositeRun;
  readonly cancelApp: CancelFunc;
  readonly tolerance: number;
  readonly timeout: number | undefined;
  readonly lease: Coordinator['lease'] | undefined;
  /** The async context of the code that started the cron. */
  readonly asyncContext: AsyncContext;
  emitEvent(detail: TaskEventDetail): void;
  emitValue(value: T): void;
  /** Whether the cron was stopped. During the cancel, a coordinator may still answer or trigger. */
  readonly stopped: boolean;
  /** Whether no further run may start. */
  readonly reachedMaxRuns: boolean;
  /** Called before `slot-started` is emitted. */
  countRun(): void;
  /** Called after `slot-started` is emitted, before the run starts. */
  runStarted(): void;
  /** Called at most once, when the run of a slot fails. */
  onSlotFailure(slot: SlotRun<T>, error: TaskError): void;
  /** Called once when the run of a slot has ended, or the slot is dropped. */
  onSlotEnd(slot: SlotRun<T>, status: SlotOutcome['status']): void;
}

/** The call of `trigger` that a slot comes from. */
export interface ManualTrigger {
  /** The async context of the call. */
  readonly asyncContext: AsyncContext;
  onOutcome(outcome: SlotOutcome): void;
}

type Skipped = Extract<TaskEventDetail, { type: 'skipped' }>;

/** One slot: it may wait for its turn, then for its lease, and then it runs. */
export class SlotRun<T> extends ListNode implements RunObserver<T> {
  readonly slot: number;
  closed = false;
  private readonly owner: SlotOwner<T>;
  private readonly due: number;
  readonly trigger: SlotOutcome['trigger'];
  private run: Run<T> | undefined = undefined;
  // `declare` creates no field, which keeps a slot small: most slots need none of these.
  declare private readonly manual?: ManualTrigger;
  declare private lease?: ForeignSubscription<unknown>;
  declare private timeoutTimer?: Subscription;
  declare private overdueTimer?: Subscription;
  declare private overdue?: boolean;

  /** @param due when the slot was due by the scheduler's clock, which may have been set back. */
  constructor(owner: SlotOwner<T>, slot: number, due: number, trigger: 'schedule' | 'missed' | ManualTrigger) {
    super();
    this.owner = owner;
    this.slot = slot;
    this.due = due;
    this.trigger = typeof trigger === 'string' ? trigger : 'manual';
    if (typeof trigger !== 'string') this.manual = trigger;
  }

  /** The async context to start in. */
  get asyncContext(): AsyncContext {
    return this.manual?.asyncContext ?? this.owner.asyncContext;
  }

  /** Emits `overdue` if the slot still waits when its tolerance has passed. */
  watchOverdue(): void {
    // A triggered run has no time at which it was due.
    if (this.manual) return;
    const remainingMs = this.owner.tolerance - this.lateBy();
    this.overdueTimer ??= after(this.owner.ctx.scheduler, Math.max(0, remainingMs), () => this.reportOverdue());
  }

  /** Starts the slot's turn: requests the lease, if there is a coordinator, and then starts the run. */
  acquireLease(): void {
    const { owner, slot } = this;
    const { timeout, lease } = owner;
    if (timeout !== undefined) this.timeoutTimer = after(owner.ctx.scheduler, timeout, () => this.onTimeout(timeout));
    if (!lease || this.manual) return this.start();
    // The answer may come before `subscribeTo` returns.
    this.lease = new ForeignSubscription<unknown>(
      {
        next: (granted) => {
          if (typeof granted !== 'boolean')
            this.onLeaseRefused({
              error: new TypeError(invalid('coordinator.lease', 'a stream of booleans', granted)),
            });
          else if (!granted) this.onLeaseRefused();
          else if (!this.run) this.start();
        },
        error: (error: unknown) => this.onLeaseRefused({ error }),
        complete: () => {
          if (!this.run) this.onLeaseRefused({ error: new Error(`The coordinator gave no answer for ${owner.name}`) });
        },
        teardownFailed: (error) => owner.emitEvent({ type: 'teardown-failed', slot, error }),
      },
      owner.asyncContext,
    );
    this.lease.subscribeTo(() => lease(owner.name, slot));
    if (!this.run && !this.closed) this.watchOverdue();
  }

  /** Cancels the run, or drops the slot if it does not run yet. */
  cancel(cause: unknown, reason: Skipped['reason']): void {
    if (this.run) CancelContext.cancel(this.run, cause);
    else this.skip({ reason });
  }

  /** The start of the run; `undefined` before it. */
  get startedAt(): number | undefined {
    return this.run?.startedAt;
  }

  /** The error of the run, if it has failed. */
  get failure(): TaskError | undefined {
    return this.run?.error;
  }

  /** The runners that the run has started and that have not ended. */
  get children(): Iterable<TaskRunner> {
    return this.run?.children?.runners ?? [];
  }

  /** The outcomes of the children of an abandoned run. */
  get childOutcomes(): readonly Outcome[] {
    return this.run?.children?.outcomes(abandonedOutcome) ?? [];
  }

  /** Reports that the application no longer waits for the run. */
  abandon(): void {
    this.run?.reportEnd('timed-out');
    this.manual?.onOutcome(this.outcome('cancelled', 'timed-out'));
  }

  /** Drops the slot, unless it runs already. */
  skip(detail: Pick<Skipped, 'reason' | 'error'>): void {
    if (this.run || this.closed) return;
    // Closed before the event is emitted, because a listener may cancel the cron.
    this.close();
    this.owner.emitEvent({ type: 'skipped', slot: this.slot, ...detail });
    this.reportEnd('skipped', detail.reason);
  }

  next(value: T): void {
    this.owner.emitValue(value);
  }

  onFailure(error: TaskError): void {
    this.owner.onSlotFailure(this, error);
  }

  error(): void {
    // `onFailure` has reported the error.
    this.end();
  }

  complete(): void {
    this.end();
  }

  private start(): void {
    const { owner, slot, asyncContext } = this;
    const now = owner.ctx.scheduler.now();
    this.overdueTimer?.unsubscribe();
    if (!this.manual && !this.overdue && this.lateBy(now) > owner.tolerance) this.reportOverdue();
    if (this.closed) return;
    if (owner.stopped || owner.reachedMaxRuns) return this.skip({ reason: 'ended' });
    const run = (this.run = new Run(owner, owner.ctx.runId, this, owner.ctx, owner.cancelApp, now, slot));
    owner.countRun();
    if (owner.observed) owner.emitEvent({ type: 'slot-started', slot });
    owner.runStarted();
    // Without stores, it already runs in a context of its own.
    if (asyncContext) startInAsyncContext(asyncContext, startRun<T>, run, undefined);
    else run.start();
  }

  /** Skips the slot, or cancels its run if the lease was granted before. Without a failure the answer was `false`. */
  private onLeaseRefused(failure?: { readonly error: unknown }): void {
    const { run } = this;
    if (!run) return this.skip(failure ? { reason: 'coordinator', ...failure } : { reason: 'refused' });
    if (run.cancelled) return;
    const cause = failure?.error ?? new CancelledError('The lease was revoked');
    if (failure || this.owner.observed)
      this.owner.emitEvent({ type: 'cancelling', slot: this.slot, cause, ...failure });
    CancelContext.cancel(run, cause);
  }

  private onTimeout(timeout: number): void {
    const { owner, run } = this;
    if (!run) return this.skip({ reason: 'coordinator', error: new DeadlineError(timeout) });
    run.timeOut(timeout);
    if (this.closed) return;
    // The `return()` of an iterable, and the run's children, cannot be interrupted, and must not block the schedule.
    const { grace = 0 } = owner.hooks;
    if (grace === 0) this.abandonRun(run);
    else this.timeoutTimer = after(owner.ctx.scheduler, grace, () => this.abandonRun(run));
  }

  /** Stops waiting for a run whose timeout and grace have passed. */
  private abandonRun(run: Run<T>): void {
    run.reportEnd('failed');
    run.abandon();
    this.end();
  }

  private end(): void {
    if (this.closed) return;
    this.close();
    this.reportEnd(this.run?.endStatus ?? 'cancelled');
  }

  private reportEnd(status: SlotOutcome['status'], reason?: string): void {
    this.manual?.onOutcome(this.outcome(status, reason));
    this.owner.onSlotEnd(this, status);
  }

  private outcome(status: SlotOutcome['status'], reason?: string): SlotOutcome {
    const { slot, trigger, startedAt, failure } = this;
    return {
      slot,
      trigger,
      status,
      ...(reason !== undefined && { reason }),
      ...(failure && { error: failure }),
      ...(startedAt !== undefined && { startedAt, endedAt: this.owner.ctx.scheduler.now() }),
    };
  }

  private close(): void {
    this.closed = true;
    this.timeoutTimer?.unsubscribe();
    this.overdueTimer?.unsubscribe();
    this.lease?.unsubscribe();
  }

  /** Returns the ms since the slot was due; 0 if the clock was set back since then. */
  private lateBy(now: number = this.owner.ctx.scheduler.now()): number {
    const lateBy = now - this.due;
    return lateBy < -clockSetBackMs ? 0 : lateBy;
  }

  private reportOverdue(): void {
    const { owner, slot } = this;
    this.overdue = true;
    owner.emitEvent({ type: 'overdue', slot, lateBy: Math.max(owner.tolerance, this.lateBy()) });
  }
}

function startRun<T>(run: Run<T>): void {
  run.start();
}

import { Context } from './context.js';
import type { ModelTask } from './model-task.js';
import type { Run } from './run.js';
import { Runner } from './runner.js';
import type { LeaseAnswer, LeaseRequest } from './task-plan.js';
import type { Parent, Failure, HookOutput } from './types.js';
import { SlotLog, type SlotNotice } from './slot-log.js';
import { earlyTimerMs, SlotClock, type DueSlots, type Slots, type Times } from './slot-clock.js';

export interface CronPlan extends Times {
  readonly slots: Slots;
  readonly overlap: 'skip' | 'bufferOne' | 'bufferAll' | 'cancelOther' | 'allowAll';
  readonly missed: 'skip' | 'runOnce' | 'runAll';
  readonly tolerance: number;
  readonly onError: 'continue' | 'stop';
  readonly maxRuns?: number;
  readonly timeout?: number;
  /** Whether there is a coordinator. */
  readonly leased?: boolean;
}

type Reason = 'overlap' | 'ended' | 'refused' | 'coordinator';

/** A slot that waits, runs, or has ended. */
class Slot {
  readonly slot: number;
  readonly due: number;
  /** The missed slots among which this one is caught up. */
  readonly missedBatch: readonly number[] | undefined;
  ctx: Context | undefined = undefined;
  runner: Runner | undefined = undefined;
  startedAt: number | undefined = undefined;
  ended = false;
  overdue = false;
  lease: Lease | undefined = undefined;
  stopOverdueTimer: (() => void) | undefined = undefined;
  stopTimeout: (() => void) | undefined = undefined;

  constructor(slot: number, due: number, missedBatch?: readonly number[]) {
    this.slot = slot;
    this.due = due;
    this.missedBatch = missedBatch;
  }
}

/** A lease: `true` grants it, `false` denies or revokes it. Unsubscribing reports that the run has ended. */
class Lease implements LeaseRequest {
  private readonly onAnswer: (answer: LeaseAnswer) => void;
  private readonly task: ModelTask;
  private readonly slot: number;
  private requesting = true;
  private unsubscribed = false;
  private terminated = false;

  constructor(task: ModelTask, slot: number, onAnswer: (answer: LeaseAnswer) => void) {
    this.task = task;
    this.slot = slot;
    this.onAnswer = onAnswer;
  }

  request(): void {
    this.task.leaseRequests.add(this);
    this.task.world.log.record('leases', `${this.slot} is requested`);
    this.requesting = false;
    if (this.unsubscribed) this.release();
  }

  answer(answer: LeaseAnswer): void {
    if (this.terminated) return;
    this.terminated = answer === 'fail' || answer === 'complete';
    this.onAnswer(answer);
    if (this.terminated) this.unsubscribe();
  }

  unsubscribe(): void {
    if (this.unsubscribed) return;
    this.unsubscribed = true;
    if (!this.requesting) this.release();
  }

  private release(): void {
    this.terminated = true;
    this.task.leaseRequests.delete(this);
    this.task.world.log.record('leases', `${this.slot} is released`);
  }
}

/** The model of a cron: `initialize` once, `execute` for each slot under its own child context, `finalize` once. */
export class Cron implements HookOutput {
  readonly grace: number = Infinity;
  private readonly run: Run;
  private readonly task: ModelTask;
  private readonly plan: CronPlan;
  private readonly setLastSlot: (slot: number, due: number) => void;
  private readonly slotLog: SlotLog;
  private readonly slotClock: SlotClock;
  private waiting: Slot[] = [];
  private running: Slot[] = [];
  private runCount = 0;
  private state: 'open' | 'closed' | 'stopped' | 'ended' = 'open';
  private failure: Failure | undefined = undefined;
  private dispatching = false;

  constructor(
    run: Run,
    task: ModelTask,
    plan: CronPlan,
    setLastSlot: (slot: number, due: number) => void,
    slotLog: SlotLog,
  ) {
    this.run = run;
    this.task = task;
    this.plan = plan;
    this.setLastSlot = setLastSlot;
    this.slotLog = slotLog;
    run.abandonMembers = () => slotLog.write(run, this.runningSince);
    run.memberParts = () => {
      const members = this.running.flatMap(({ runner }) => runner?.run?.abandonChildren() ?? []);
      return members.length > 0 ? { members } : {};
    };
    this.slotClock = new SlotClock(run.world, plan.slots, plan, (due) =>
      due === 'exhausted' ? this.onScheduleEnd() : this.onDue(due),
    );
  }

  start(): void {
    this.run.ctx.onCancel((cause) => this.stop(cause));
    if (this.state === 'open') this.slotClock.start();
  }

  interrupt(): void {
    // A cron ends by itself after a cancel.
  }

  /** Applies the policies `missed` and `tolerance` to slots that are due. */
  private onDue({ slots, due, lateBy }: DueSlots): void {
    const { missed, tolerance } = this.plan;
    const last = slots.at(-1) ?? NaN;
    this.setLastSlot(last, due);
    this.slotLog.writeIfDue(this.run, this.runningSince);
    if (this.hasStopped) return;
    if (missed === 'runAll' && (slots.length > 1 || lateBy > tolerance)) {
      this.waiting.push(...slots.map((slot) => new Slot(slot, slot + due - last, slots)));
      return this.dispatchNext();
    }
    const isRun = lateBy <= tolerance || missed === 'runOnce';
    const slot = new Slot(last, due);
    if (isRun) this.waiting.push(slot);
    this.emitMissed(isRun ? slots.slice(0, -1) : slots);
    if (this.waiting.includes(slot)) this.dispatch(slot);
  }

  private emitMissed(slots: readonly number[]): void {
    const [slot] = slots;
    const count = slots.length;
    if (slot !== undefined) this.emitNotice({ kind: 'missed', slot, count }, `missed ${slot} ×${count}`);
  }

  /** Applies the policy `overlap` to a slot that is due during a run. */
  private dispatch(slot: Slot): void {
    const { overlap } = this.plan;
    const before = this.waiting.filter((other) => other !== slot);
    if (overlap === 'allowAll' || (this.running.length === 0 && before.length === 0)) return this.runSlot(slot);
    const buffered = before.find(({ missedBatch }) => !missedBatch);
    if (overlap === 'skip' || (overlap === 'bufferOne' && buffered)) return this.skip(slot, 'overlap');
    if (overlap === 'cancelOther' && buffered) this.skip(buffered, 'overlap');
    if (!this.waiting.includes(slot)) return;
    this.watchOverdue(slot);
    const isCatchingUp = [...this.running, ...this.waiting].some(({ missedBatch }) => missedBatch);
    if (overlap !== 'cancelOther' || isCatchingUp) return;
    for (const other of [...this.running]) this.cancelSlot(other, 'CancelledError', 'overlap');
  }

  private runSlot(slot: Slot): void {
    this.waiting = this.waiting.filter((other) => other !== slot);
    this.running.push(slot);
    // A listener of `skipped` may have ended the run before it.
    if (!slot.ended) this.acquireLease(slot);
  }

  private acquireLease(slot: Slot): void {
    const { run, plan, task } = this;
    const { name, grace, execute } = task.hooks;
    const runner = new Runner(run.world, { name, grace, execute });
    if (plan.timeout !== undefined)
      slot.stopTimeout = run.world.after(plan.timeout, () => this.onTimeout(slot, runner));
    if (!plan.leased) return this.startRun(slot, runner);
    slot.lease = new Lease(task, slot.slot, (answer) => {
      if (answer === 'grant' && !slot.ctx) this.startRun(slot, runner);
      if (answer === 'deny') this.onLeaseDenied(slot, 'refused');
      if (answer === 'fail') this.onLeaseDenied(slot, 'coordinator', 'lost');
      if (answer === 'complete' && !slot.ctx)
        this.onLeaseDenied(slot, 'coordinator', `The coordinator gave no answer for ${run.path}`);
    });
    slot.lease.request();
    if (!slot.ctx && !slot.ended) this.watchOverdue(slot);
  }

  private startRun(slot: Slot, runner: Runner): void {
    const { run, plan } = this;
    slot.stopOverdueTimer?.();
    if (!slot.overdue && run.world.now - slot.due > plan.tolerance) this.emitOverdue(slot);
    if (slot.ended) return;
    if (this.hasStopped || run.ctx.cancelled || this.runCount === plan.maxRuns) return this.skip(slot, 'ended');
    slot.ctx = new Context(run.ctx);
    slot.runner = runner;
    slot.startedAt = run.world.now;
    this.runCount++;
    run.emit(`started ${slot.slot}`);
    if (this.runCount === plan.maxRuns) this.stopSchedule();
    // Other events of a slot's run are not emitted: `slot-started` and `slot-failed` stand for them.
    runner.onEvent = (event, error) => {
      if (event.startsWith('dropped') || event.startsWith('teardown-failed'))
        run.emit(`${event} of ${slot.slot}`, error);
    };
    const parent: Parent = {
      path: run.path,
      childCounts: run.childCounts,
      onValue: (value) => run.next(value),
      onFailure: (error) => this.onSlotFailure(slot, error),
      onEnd: () => this.onRunEnd(slot),
      onStartFailed: () => undefined,
    };
    runner.start(slot.ctx, parent, run.cancel);
  }

  private emitOverdue(slot: Slot): void {
    const { now } = this.run.world;
    slot.overdue = true;
    const lateBy = Math.max(this.plan.tolerance, now - slot.due);
    this.emitNotice({ kind: 'overdue', slot: slot.slot }, `overdue ${slot.slot} by ${lateBy}`);
  }

  /** Emits an event of a slot. Without a listener it is written, unless another process runs the slot. */
  private emitNotice(notice: SlotNotice, event: string, error?: string): void {
    const { run } = this;
    if (run.observed || notice.kind === 'skipped (refused)') run.emit(event, error);
    else this.slotLog.add(run, notice, this.runningSince);
  }

  private get runningSince(): number | undefined {
    return this.running[0]?.startedAt;
  }

  /** Fails a run with a `DeadlineError` at its `timeout`. After its `grace` the cron stops waiting for it. */
  private onTimeout(slot: Slot, runner: Runner): void {
    const { run } = runner;
    if (!run) return this.skip(slot, 'coordinator', 'DeadlineError');
    const { grace } = this.task.hooks;
    run.timeOut(slot.ctx);
    if (slot.ended) return;
    // The children of the run are not reported as timed out: their values are still delivered.
    const abandon = () => {
      run.dropResults();
      this.onRunEnd(slot);
    };
    if (grace === undefined || grace === 0) abandon();
    else slot.stopTimeout = run.world.after(grace, abandon);
  }

  /** Emits `slot-failed` when a run fails. The schedule goes on, unless `onError` is `'stop'`. */
  private onSlotFailure(slot: Slot, error: Failure): void {
    if (slot.ended) return;
    const stops = this.plan.onError === 'stop';
    // The error that stops the cron is that of its run.
    const isOutcome = stops && !this.failure;
    if (isOutcome) this.failure = error;
    if (this.run.observed || !isOutcome) this.run.emit(`failed ${slot.slot}`, error);
    if (isOutcome && !this.hasEnded) this.run.failAtOnce(error);
    if (stops) this.stop(error);
  }

  private get hasStopped(): boolean {
    return this.state === 'stopped' || this.state === 'ended';
  }

  private get hasEnded(): boolean {
    return this.state === 'ended';
  }

  private onRunEnd(slot: Slot): void {
    if (slot.ended) return;
    this.release(slot);
    this.remove(slot);
    this.dispatchNext();
  }

  private onLeaseDenied(slot: Slot, reason: Reason, error?: string): void {
    const { ctx } = slot;
    if (!ctx) return this.skip(slot, reason, error);
    if (ctx.cancelled || slot.runner?.run?.ctx.cancelled) return;
    const cause = error ?? 'CancelledError';
    this.run.emit(`cancelling ${cause} of ${slot.slot}`, error);
    ctx.cancel(cause);
  }

  private cancelSlot(slot: Slot, cause: unknown, reason: Reason): void {
    if (slot.ctx) slot.ctx.cancel(cause);
    else this.skip(slot, reason);
  }

  /** Emits `overdue` for a slot that has not started within its tolerance. */
  private watchOverdue(slot: Slot): void {
    const lateBy = this.run.world.now - slot.due;
    // Further behind, the clock was set back.
    const wait = Math.max(0, this.plan.tolerance - (lateBy < -earlyTimerMs ? 0 : lateBy));
    slot.stopOverdueTimer ??= this.run.world.after(wait, () => this.emitOverdue(slot));
  }

  private skip(slot: Slot, reason: Reason, error?: string): void {
    if (slot.ended) return;
    this.release(slot);
    this.emitNotice({ kind: `skipped (${reason})`, slot: slot.slot, error }, `skipped ${slot.slot} ${reason}`, error);
    this.remove(slot);
    this.dispatchNext();
  }

  private release(slot: Slot): void {
    slot.ended = true;
    slot.stopTimeout?.();
    slot.stopOverdueTimer?.();
    slot.lease?.unsubscribe();
  }

  private remove(slot: Slot): void {
    this.running = this.running.filter((other) => other !== slot);
    this.waiting = this.waiting.filter((other) => other !== slot);
  }

  private onScheduleEnd(): void {
    this.state = 'closed';
    this.dispatchNext();
  }

  /** Stops the schedule and cancels the current runs. The cron ends after all of them. */
  private stop(cause: unknown): void {
    if (this.state === 'ended') return;
    this.stopSchedule();
    for (const slot of [...this.running]) this.cancelSlot(slot, cause, 'ended');
    this.dispatchNext();
  }

  /** Prevents further runs. */
  private stopSchedule(): void {
    this.state = 'stopped';
    this.slotClock.stop();
    for (let slot = this.waiting[0]; slot; slot = this.waiting[0]) {
      const { missedBatch } = slot;
      if (!missedBatch) {
        this.remove(slot);
        this.skip(slot, 'ended');
        continue;
      }
      const rest = this.waiting.filter((other) => other.missedBatch === missedBatch);
      this.waiting = this.waiting.filter((other) => other.missedBatch !== missedBatch);
      this.emitMissed(rest.map((other) => other.slot));
    }
    for (const slot of [...this.running]) if (!slot.ctx) this.skip(slot, 'ended');
  }

  private dispatchNext(): void {
    if (this.dispatching) return;
    this.dispatching = true;
    for (let slot = this.nextSlot(); slot; slot = this.nextSlot()) this.runSlot(slot);
    this.dispatching = false;
    if (this.state === 'open' || this.state === 'ended' || this.running.length > 0 || this.waiting.length > 0) return;
    this.state = 'ended';
    this.slotLog.write(this.run);
    this.run.sourceEnded();
    if (this.failure) this.run.fail(this.failure);
    this.run.released();
  }

  /** Returns the next slot that may start. Missed slots that are caught up run one at a time under every policy. */
  private nextSlot(): Slot | undefined {
    const { running } = this;
    const isBusy =
      this.plan.overlap === 'allowAll' ? running.some(({ missedBatch }) => missedBatch) : running.length > 0;
    return this.hasStopped || this.run.ctx.cancelled || this.failure || isBusy ? undefined : this.waiting[0];
  }
}

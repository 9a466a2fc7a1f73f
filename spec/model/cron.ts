import { Context } from './context.js';
import type { Doll } from './doll.js';
import type { Run } from './run.js';
import { Runner } from './runner.js';
import type { Answer, Asked } from './script.js';
import type { Above, Failure, Flow } from './words.js';
import { Timetable, type Due, type Slots, type Times } from './timetable.js';

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

/** A slot that is to be run: it waits, is run, is over. */
class Slot {
  readonly slot: number;
  readonly due: number;
  /** Those that were missed and are caught up with, of which it is one. */
  readonly backlog: readonly number[] | undefined;
  ctx: Context | undefined = undefined;
  isOver = false;
  overdue = false;
  lease: Lease | undefined = undefined;
  stopWatch: (() => void) | undefined = undefined;
  stopLimit: (() => void) | undefined = undefined;

  constructor(slot: number, due: number, backlog?: readonly number[]) {
    this.slot = slot;
    this.due = due;
    this.backlog = backlog;
  }
}

/** «`true` grants, `false` refuses or takes back …; unsubscribing says that the run has ended.» */
class Lease implements Asked {
  private readonly tell: (answer: Answer) => void;
  private readonly doll: Doll;
  private readonly slot: number;
  private asking = true;
  private isLeft = false;
  private stopped = false;

  constructor(doll: Doll, slot: number, tell: (answer: Answer) => void) {
    this.doll = doll;
    this.slot = slot;
    this.tell = tell;
  }

  ask(): void {
    this.doll.leases.add(this);
    this.doll.stage.log.tell('leases', `${this.slot} is asked for`);
    this.asking = false;
    if (this.isLeft) this.letGo();
  }

  answer(answer: Answer): void {
    if (this.stopped) return;
    this.stopped = answer === 'fails' || answer === 'ends';
    this.tell(answer);
    if (this.stopped) this.leave();
  }

  leave(): void {
    if (this.isLeft) return;
    this.isLeft = true;
    if (!this.asking) this.letGo();
  }

  private letGo(): void {
    this.stopped = true;
    this.doll.leases.delete(this);
    this.doll.stage.log.tell('leases', `${this.slot} is let go of`);
  }
}

/** «`initialize` once, `execute` per slot, each run under its own child context, `finalize` once» */
export class Cron implements Flow {
  readonly grace: number = Infinity;
  private readonly run: Run;
  private readonly doll: Doll;
  private readonly plan: CronPlan;
  private readonly remember: (slot: number) => void;
  private readonly timetable: Timetable;
  private waiting: Slot[] = [];
  private going: Slot[] = [];
  private runs = 0;
  private state: 'open' | 'closed' | 'stopped' | 'over' = 'open';
  private failure: Failure | undefined = undefined;
  private moving = false;

  constructor(run: Run, doll: Doll, plan: CronPlan, remember: (slot: number) => void) {
    this.run = run;
    this.doll = doll;
    this.plan = plan;
    this.remember = remember;
    this.timetable = new Timetable(run.stage, plan.slots, plan, (due) =>
      due === 'none is left' ? this.close() : this.take(due),
    );
  }

  begin(): void {
    this.run.ctx.onCancel((cause) => this.stop(cause));
    if (this.state === 'open') this.timetable.start();
  }

  cut(): void {
    // It ends by itself when it is cancelled.
  }

  /** «`missed`: slots that passed while the process could not run» */
  private take({ all, due, lateBy }: Due): void {
    const { missed, tolerance } = this.plan;
    const last = all.at(-1) ?? NaN;
    this.remember(last);
    if (missed === 'runAll' && (all.length > 1 || lateBy > tolerance)) {
      this.waiting.push(...all.map((slot) => new Slot(slot, slot + due - last, all)));
      return this.goOn();
    }
    const isRun = lateBy <= tolerance || missed === 'runOnce';
    const slot = new Slot(last, due);
    if (isRun) this.waiting.push(slot);
    this.tellMissed(isRun ? all.slice(0, -1) : all);
    if (this.waiting.includes(slot)) this.admit(slot);
  }

  private tellMissed(slots: readonly number[]): void {
    if (slots.length > 0) this.run.event(`missed ${slots[0]} ×${slots.length}`);
  }

  /** «`overlap`: what a slot does when the last run still goes» */
  private admit(slot: Slot): void {
    const { overlap } = this.plan;
    const before = this.waiting.filter((other) => other !== slot);
    if (overlap === 'allowAll' || (this.going.length === 0 && before.length === 0)) return this.begins(slot);
    const buffered = before.find(({ backlog }) => !backlog);
    if (overlap === 'skip' || (overlap === 'bufferOne' && buffered)) return this.skip(slot, 'overlap');
    if (overlap === 'cancelOther' && buffered) this.skip(buffered, 'overlap');
    if (!this.waiting.includes(slot)) return;
    this.watch(slot);
    const catchesUp = [...this.going, ...this.waiting].some(({ backlog }) => backlog);
    if (overlap !== 'cancelOther' || catchesUp) return;
    for (const other of [...this.going]) this.cancel(other, 'CancelledError', 'overlap');
  }

  private begins(slot: Slot): void {
    const { run, plan, doll } = this;
    this.waiting = this.waiting.filter((other) => other !== slot);
    this.going.push(slot);
    const { name, grace, execute } = doll.work;
    const runner = new Runner(run.stage, { name, grace, execute });
    if (plan.timeout !== undefined) slot.stopLimit = run.stage.after(plan.timeout, () => this.expire(slot, runner));
    if (!plan.leased) return this.starts(slot, runner);
    slot.lease = new Lease(doll, slot.slot, (answer) => {
      if (answer === 'grants' && !slot.ctx) this.starts(slot, runner);
      if (answer === 'refuses') this.refuse(slot, 'refused');
      if (answer === 'fails') this.refuse(slot, 'coordinator', 'lost');
      if (answer === 'ends' && !slot.ctx)
        this.refuse(slot, 'coordinator', `The coordinator gave no answer for ${run.path}`);
    });
    slot.lease.ask();
    if (!slot.ctx && !slot.isOver) this.watch(slot);
  }

  private starts(slot: Slot, runner: Runner): void {
    const { run, plan } = this;
    slot.stopWatch?.();
    if (!slot.overdue && run.stage.now - slot.due > plan.tolerance) this.tellOverdue(slot);
    if (slot.isOver) return;
    if (this.runs === plan.maxRuns) return this.skip(slot, 'ended');
    slot.ctx = new Context(run.ctx);
    this.runs++;
    run.event(`started ${slot.slot}`);
    if (this.runs === plan.maxRuns) this.end();
    // The rest of a slot's life shows in `slot-started` and `slot-failed`.
    runner.hears = (what, error) => {
      if (what.startsWith('dropped')) run.event(`${what} of ${slot.slot}`, error);
    };
    const above: Above = {
      path: run.path,
      value: (value) => run.value(value),
      ended: ({ error }) => this.over(slot, error),
      refused: () => undefined,
    };
    runner.start(slot.ctx, above, run.cancel);
  }

  private tellOverdue(slot: Slot): void {
    const { now } = this.run.stage;
    slot.overdue = true;
    this.run.event(`overdue ${slot.slot} by ${Math.max(this.plan.tolerance, now - slot.due)}`);
  }

  /** «`timeout` (per run; a `slot-failed` with a `DeadlineError`). The schedule waits for it no longer once its `grace` is over» */
  private expire(slot: Slot, runner: Runner): void {
    const { run } = runner;
    if (!run) return this.skip(slot, 'coordinator', 'DeadlineError');
    run.fail('DeadlineError');
    slot.ctx?.cancel(run.error);
    const giveUp = () => {
      runner.giveUp();
      this.over(slot, run.error);
    };
    const { grace = 0 } = this.doll.work;
    if (grace === 0) giveUp();
    else if (!slot.isOver) slot.stopLimit = run.stage.after(grace, giveUp);
  }

  /** «A failed run is a `slot-failed` event and the schedule goes on; `onError: 'stop'` ends the runner with it» */
  private over(slot: Slot, error?: Failure): void {
    if (slot.isOver) return;
    this.letGo(slot);
    this.remove(slot);
    if (error) this.run.event(`failed ${slot.slot}`, error);
    if (error && this.plan.onError === 'stop') {
      this.failure ??= error;
      this.stop(error);
    }
    this.goOn();
  }

  private refuse(slot: Slot, reason: Reason, error?: string): void {
    const { ctx } = slot;
    if (!ctx) return this.skip(slot, reason, error);
    if (ctx.cancelled) return;
    const cause = error ?? 'CancelledError';
    this.run.event(`cancelling ${cause} of ${slot.slot}`, error);
    ctx.cancel(cause);
  }

  private cancel(slot: Slot, cause: unknown, reason: Reason): void {
    if (slot.ctx) slot.ctx.cancel(cause);
    else this.skip(slot, reason);
  }

  /** «a slot that is to be run and has not started within its tolerance is `overdue`» */
  private watch(slot: Slot): void {
    const left = Math.max(0, slot.due + this.plan.tolerance - this.run.stage.now);
    slot.stopWatch ??= this.run.stage.after(left, () => this.tellOverdue(slot));
  }

  private skip(slot: Slot, reason: Reason, error?: string): void {
    if (slot.isOver) return;
    this.letGo(slot);
    this.run.event(`skipped ${slot.slot} ${reason}`, error);
    this.remove(slot);
    this.goOn();
  }

  private letGo(slot: Slot): void {
    slot.isOver = true;
    slot.stopLimit?.();
    slot.stopWatch?.();
    slot.lease?.leave();
  }

  private remove(slot: Slot): void {
    this.going = this.going.filter((other) => other !== slot);
    this.waiting = this.waiting.filter((other) => other !== slot);
  }

  private close(): void {
    this.state = 'closed';
    this.goOn();
  }

  /** «Cancelling ends the schedule at once and the runs under way as any run; the runner ends after all of them.» */
  private stop(cause: unknown): void {
    if (this.state === 'over') return;
    this.end();
    for (const slot of [...this.going]) this.cancel(slot, cause, 'ended');
    this.goOn();
  }

  /** No further run is started. */
  private end(): void {
    this.state = 'stopped';
    this.timetable.stop();
    for (let slot = this.waiting[0]; slot; slot = this.waiting[0]) {
      const { backlog } = slot;
      if (!backlog) {
        this.remove(slot);
        this.skip(slot, 'ended');
        continue;
      }
      const rest = this.waiting.filter((other) => other.backlog === backlog);
      this.waiting = this.waiting.filter((other) => other.backlog !== backlog);
      this.tellMissed(rest.map((other) => other.slot));
    }
    for (const slot of [...this.going]) if (!slot.ctx) this.skip(slot, 'ended');
  }

  private goOn(): void {
    if (this.moving) return;
    this.moving = true;
    for (let slot = this.turn(); slot; slot = this.turn()) this.begins(slot);
    this.moving = false;
    if (this.state === 'open' || this.state === 'over' || this.going.length > 0 || this.waiting.length > 0) return;
    this.state = 'over';
    this.run.over();
    if (this.failure) this.run.fail(this.failure);
    this.run.ended();
  }

  /** «caught-up runs queue, whatever `overlap` says» */
  private turn(): Slot | undefined {
    const { going } = this;
    const isBusy = this.plan.overlap === 'allowAll' ? going.some(({ backlog }) => backlog) : going.length > 0;
    return this.state === 'stopped' || isBusy ? undefined : this.waiting[0];
  }
}

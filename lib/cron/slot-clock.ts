import type { SchedulerLike } from 'rxjs';
import { next, type CountedSchedule, type Schedule } from './schedule.js';
import { wake } from './coalesced-timer.js';
import { leave, Link } from '../util/linked-list.js';

/** The slots that have become due since the last look: usually one, more when the process could not run in between. */
export interface DueSlots {
  readonly first: number;
  readonly last: number;
  readonly count: number;
  /** When the last of them was due by the scheduler's clock. */
  readonly due: number;
  /** By how many ms that is past. */
  readonly late: number;
  /** Whether there are more of them, which come next. */
  readonly more: boolean;
}

export interface Timetable {
  readonly schedule: Schedule | CountedSchedule;
  /** A slot before all of the schedule's. */
  readonly immediate: number | undefined;
  /** The schedule's slots come after this, */
  readonly after: number;
  /** and not before this, */
  readonly startAt: number;
  /** but before this. */
  readonly stopAt: number;
  /** It goes by the time that passes: a clock that is set back does not lengthen a wait. */
  readonly elapsed: boolean;
  /** By how many ms at most a slot may be due later than the schedule has it. */
  readonly jitter: number;
  readonly random: () => number;
}

/** Whoever is told of the slots. */
export interface SlotSink {
  accept(slots: DueSlots): void;
  /** No more slots come. */
  close(): void;
  /** The schedule failed: no more slots come, either. */
  fail(error: unknown): void;
}

/** How long a wait may be before the clock is looked at again: it may be set, and the machine may sleep. */
const longestWait = 30_000;
/** By how many ms a wait may end early by the clock before the clock is held to have been set back. */
const setBack = 50;
/** How many slots are looked up in one go: they may be very many, when a machine has slept for long. */
const mostAtOnce = 1000;

/**
 * Tells slots as they become due. They strictly increase, whatever the clock does. RxJS's `interval` arms each wait when the
 * last one fired, and adds up how late that was; here each slot is the schedule's.
 */
export class SlotClock extends Link {
  private readonly timetable: Timetable;
  private readonly scheduler: SchedulerLike;
  private readonly sink: SlotSink;
  /** The slot waited for, and when it is due by a clock that is never set back. */
  slot: number | undefined = undefined;
  private due = 0;
  /** The one after it, looked up ahead where a jitter has to know. */
  private ahead: number | undefined = undefined;
  /** By how much the clock has been set back. */
  private shift = 0;
  /** What the clock must show at the next look, unless it is set back. */
  private reached = 0;
  private stopped = false;

  constructor(timetable: Timetable, scheduler: SchedulerLike, sink: SlotSink) {
    super();
    this.timetable = timetable;
    this.scheduler = scheduler;
    this.sink = sink;
  }

  start(): void {
    const { schedule, immediate, after, startAt } = this.timetable;
    this.reached = this.scheduler.now();
    try {
      let first = immediate ?? next(schedule, after);
      while (first !== undefined && first < startAt) first = next(schedule, first);
      this.plan(first, immediate === undefined);
    } catch (error) {
      return this.sink.fail(error);
    }
    if (this.isDue(this.reached)) this.tell();
    else this.arm();
  }

  stop(): void {
    this.stopped = true;
    leave(this);
  }

  /** Looks at the clock. */
  override tell(): void {
    const { reached } = this;
    const now = this.read();
    // The timer has run its time, even when the clock shows a little less.
    const time = reached - now > setBack ? now : Math.max(now, reached);
    if (this.slot !== undefined && this.isDue(this.timetable.elapsed ? time : now)) this.announce(this.slot, now);
    this.arm();
  }

  private planAfter(slot: number): void {
    const { schedule, jitter } = this.timetable;
    this.plan(jitter > 0 ? this.ahead : next(schedule, slot), true);
  }

  private plan(slot: number | undefined, jittered: boolean): void {
    const { schedule, jitter, random, stopAt } = this.timetable;
    this.slot = slot !== undefined && slot < stopAt ? slot : undefined;
    if (this.slot === undefined) return;
    this.due = this.slot;
    if (jitter === 0) return;
    this.ahead = next(schedule, this.slot);
    const most = Math.min(jitter, (this.ahead ?? Infinity) - this.slot, stopAt - this.slot);
    if (jittered && most < Infinity) this.due += random() * most;
  }

  private isDue(now: number): boolean {
    return this.slot !== undefined && this.due - this.shift <= now;
  }

  /** The clock; what it lacks to what it should have reached it was set back by. */
  private read(): number {
    const now = this.scheduler.now();
    const behind = this.reached - now;
    if (this.timetable.elapsed && behind > setBack) this.shift += behind;
    this.reached = now;
    return now;
  }

  private arm(): void {
    if (this.stopped) return;
    if (this.slot === undefined) return this.sink.close();
    const now = this.read();
    const wait = Math.min(Math.max(0, this.due - this.shift - now), longestWait);
    this.reached = now + wait;
    wake(this, this.scheduler, now, this.reached);
  }

  private announce(first: number, now: number): void {
    const { schedule, jitter, stopAt } = this.timetable;
    let last = first;
    let count = 1;
    let { due } = this;
    let failure: { readonly error: unknown } | undefined;
    try {
      this.planAfter(last);
      if ('passed' in schedule && jitter === 0 && this.isDue(now)) {
        const passed = schedule.passed(first, Math.min(now + this.shift, stopAt - 1));
        if (passed.count > 0) {
          last = due = passed.last;
          count += passed.count;
          this.planAfter(last);
        }
      }
      while (this.slot !== undefined && this.isDue(now) && count < mostAtOnce) {
        last = this.slot;
        due = this.due;
        count++;
        this.planAfter(last);
      }
    } catch (error) {
      // Those that are due are told first.
      failure = { error };
      this.slot = undefined;
    }
    // Whoever was asked for the next slot may have cancelled.
    if (this.stopped) return;
    due -= this.shift;
    this.sink.accept({ first, last, count, due, late: Math.max(0, now - due), more: this.isDue(now) });
    if (failure) this.sink.fail(failure.error);
  }
}

import { Observable, type SchedulerLike, type Subscriber } from 'rxjs';
import { next, type CountedSchedule, type Schedule } from './schedule.js';
import { scheduleCoalesced } from './coalesced-timer.js';
import { remove, ListNode } from '../util/linked-list.js';

/** The slots that have become due since the last look: usually one, more when the process could not run in between. */
export interface DueSlots {
  readonly first: number;
  readonly last: number;
  readonly count: number;
  /** When the last of them was due by the scheduler's clock. */
  readonly due: number;
  /** By how many ms that is past. */
  readonly lateBy: number;
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

/** How long a wait may be before the clock is looked at again: it may be set, and the machine may sleep. */
const maxWaitMs = 30_000;
/** By how many ms a wait may end early by the clock before the clock is held to have been set back. */
const clockSetBackMs = 50;
/** How many slots are looked up in one go: they may be very many, when a machine has slept for long. */
const maxSlotsPerEmit = 1000;

/**
 * Emits the slots of a timetable as they become due, and completes when there are none left: `interval`, but by a
 * schedule and without drift. RxJS's `interval` starts each wait when the last one fired, and adds up the delays; here
 * each slot is computed from the schedule. Slots strictly increase, whatever the clock does. An error of the schedule
 * follows the slots that are due.
 *
 * @param onNextSlot called with the slot that is waited for, whenever that changes; `undefined` when there is none.
 */
export function dueSlots(
  timetable: Timetable,
  scheduler: SchedulerLike,
  onNextSlot: (slot: number | undefined) => void = () => undefined,
): Observable<DueSlots> {
  return new Observable((subscriber) => {
    const clock = new SlotClock(timetable, scheduler, subscriber, onNextSlot);
    clock.start();
    return () => clock.stop();
  });
}

class SlotClock extends ListNode {
  private readonly timetable: Timetable;
  private readonly scheduler: SchedulerLike;
  private readonly subscriber: Subscriber<DueSlots>;
  private readonly onNextSlot: (slot: number | undefined) => void;
  /** The slot waited for, and when it is due by a clock that is never set back. */
  private slot: number | undefined = undefined;
  private due = 0;
  /** The one after it, looked up ahead where a jitter has to know. */
  private slotAfter: number | undefined = undefined;
  /** By how much the clock has been set back. */
  private clockOffset = 0;
  /** What the clock must show at the next look, unless it is set back. */
  private expectedNow = 0;

  constructor(
    timetable: Timetable,
    scheduler: SchedulerLike,
    subscriber: Subscriber<DueSlots>,
    onNextSlot: (slot: number | undefined) => void,
  ) {
    super();
    this.timetable = timetable;
    this.scheduler = scheduler;
    this.subscriber = subscriber;
    this.onNextSlot = onNextSlot;
  }

  start(): void {
    const { schedule, immediate, after, startAt } = this.timetable;
    this.expectedNow = this.scheduler.now();
    try {
      let first = immediate ?? next(schedule, after);
      while (first !== undefined && first < startAt) first = next(schedule, first);
      this.scheduleNext(first, immediate === undefined);
    } catch (error) {
      return this.subscriber.error(error);
    }
    if (this.isDue(this.expectedNow)) this.notify();
    else this.armTimer();
  }

  stop(): void {
    remove(this);
    this.onNextSlot(undefined);
  }

  /** Looks at the clock. */
  override notify(): void {
    const { expectedNow } = this;
    const now = this.readClock();
    // The timer has run its time, even when the clock shows a little less.
    const time = expectedNow - now > clockSetBackMs ? now : Math.max(now, expectedNow);
    if (this.slot !== undefined && this.isDue(this.timetable.elapsed ? time : now)) this.emitDue(this.slot, now);
    this.armTimer();
  }

  private scheduleAfter(slot: number): void {
    const { schedule, jitter } = this.timetable;
    this.scheduleNext(jitter > 0 ? this.slotAfter : next(schedule, slot), true);
  }

  private scheduleNext(slot: number | undefined, jittered: boolean): void {
    const { schedule, jitter, random, stopAt } = this.timetable;
    this.slot = slot !== undefined && slot < stopAt ? slot : undefined;
    this.onNextSlot(this.slot);
    if (this.slot === undefined) return;
    this.due = this.slot;
    if (jitter === 0) return;
    this.slotAfter = next(schedule, this.slot);
    const most = Math.min(jitter, (this.slotAfter ?? Infinity) - this.slot, stopAt - this.slot);
    if (jittered && most < Infinity) this.due += random() * most;
  }

  private isDue(now: number): boolean {
    return this.slot !== undefined && this.due - this.clockOffset <= now;
  }

  /** The clock; what it lacks to what it should have reached it was set back by. */
  private readClock(): number {
    const now = this.scheduler.now();
    const behind = this.expectedNow - now;
    if (this.timetable.elapsed && behind > clockSetBackMs) this.clockOffset += behind;
    this.expectedNow = now;
    return now;
  }

  private armTimer(): void {
    if (this.subscriber.closed) return;
    if (this.slot === undefined) return this.subscriber.complete();
    const now = this.readClock();
    const wait = Math.min(Math.max(0, this.due - this.clockOffset - now), maxWaitMs);
    this.expectedNow = now + wait;
    scheduleCoalesced(this, this.scheduler, now, this.expectedNow);
  }

  private emitDue(first: number, now: number): void {
    const { schedule, jitter, stopAt } = this.timetable;
    let last = first;
    let count = 1;
    let { due } = this;
    let failure: { readonly error: unknown } | undefined;
    try {
      this.scheduleAfter(last);
      if ('passed' in schedule && jitter === 0 && this.isDue(now)) {
        const passed = schedule.passed(first, Math.min(now + this.clockOffset, stopAt - 1));
        if (passed.count > 0) {
          last = due = passed.last;
          count += passed.count;
          this.scheduleAfter(last);
        }
      }
      while (this.slot !== undefined && this.isDue(now) && count < maxSlotsPerEmit) {
        last = this.slot;
        due = this.due;
        count++;
        this.scheduleAfter(last);
      }
    } catch (error) {
      // Those that are due are told first.
      failure = { error };
      this.slot = undefined;
    }
    // Whoever was asked for the next slot may have cancelled.
    if (this.subscriber.closed) return;
    due -= this.clockOffset;
    this.subscriber.next({ first, last, count, due, lateBy: Math.max(0, now - due), more: this.isDue(now) });
    if (failure) this.subscriber.error(failure.error);
  }
}

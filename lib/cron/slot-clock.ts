import { Observable, type SchedulerLike, type Subscriber } from 'rxjs';
import { captureAsyncContext, runInAsyncContext, type AsyncContext } from '../util/async-context.js';
import type { ControlledClock } from './cron-control.js';
import { countPassed, slotAfter, type CountedSchedule, type Schedule } from './schedule.js';
import { scheduleCoalesced } from './coalesced-timer.js';
import { remove, ListNode } from '../util/linked-list.js';
import { firstSlot, type Timetable } from './timetable.js';

/** Slots that have come due since the last emission: usually one, more if the process could not run in between. */
export interface DueSlots {
  readonly schedule: Schedule | CountedSchedule;
  readonly first: number;
  readonly last: number;
  readonly count: number;
  /** When the last of them was due, by the scheduler's clock. */
  readonly due: number;
  /** The ms that have passed since then. */
  readonly lateBy: number;
  /** Whether more slots are due, which the next emission brings. */
  readonly moreDue: boolean;
}

/** The longest wait before the clock is read again: it may be set, and the machine may sleep. */
const maxWaitMs = 30_000;
/** The most that the clock may be behind the expected time before it counts as set back: timers may fire early. */
export const clockSetBackMs = 50;
/** The most slots that one emission brings: after a long sleep of the machine there may be millions. */
const maxSlotsPerEmit = 1000;

/**
 * Emits the slots of a timetable as they come due, and completes when there are none left: RxJS's `interval`, but by a
 * schedule and without drift. `interval` starts each wait when the last one has fired, so its delays add up. Here each
 * slot is computed from the schedule. Slots strictly increase, whatever happens to the clock. An error of the schedule
 * is emitted after the slots that are due.
 *
 * @param createTimetable called at each subscription.
 * @param asyncContext the async context in which the slots are emitted: crons of several callers may share a timer.
 * @param control gets the clock, for as long as there are slots to come.
 */
export function dueSlots(
  createTimetable: () => Timetable,
  scheduler: SchedulerLike,
  asyncContext: AsyncContext = captureAsyncContext(),
  control: { clock: ControlledClock | undefined } = { clock: undefined },
): Observable<DueSlots> {
  return new Observable((subscriber) => {
    const clock = new SlotClock(createTimetable(), scheduler, subscriber, asyncContext);
    control.clock = clock;
    // Before the start, because the first slots are emitted there.
    subscriber.add(() => {
      clock.stop();
      control.clock = undefined;
    });
    clock.start();
  });
}

/** Waits for one slot after the other. As a list node it waits in a timer that other crons may share. */
class SlotClock extends ListNode implements ControlledClock {
  timetable: Timetable;
  private readonly scheduler: SchedulerLike;
  private readonly subscriber: Subscriber<DueSlots>;
  readonly asyncContext: AsyncContext;
  slot = Infinity;
  /** When that slot is due, its jitter included, by a clock that is never set back. */
  private due = Infinity;
  /** The slot after it, computed in advance because a jitter must not reach it. */
  private following: number | undefined = undefined;
  clockOffset = 0;
  /** The time that the clock should show at the next read; less means that it was set back. */
  private expectedNow = 0;

  constructor(
    timetable: Timetable,
    scheduler: SchedulerLike,
    subscriber: Subscriber<DueSlots>,
    asyncContext: AsyncContext,
  ) {
    super();
    this.timetable = timetable;
    this.scheduler = scheduler;
    this.subscriber = subscriber;
    this.asyncContext = asyncContext;
  }

  start(): void {
    const { timetable } = this;
    this.expectedNow = this.scheduler.now();
    try {
      this.waitFor(firstSlot(timetable), timetable.immediate === undefined);
    } catch (error) {
      return this.subscriber.error(error);
    }
    if (this.subscriber.closed) return;
    if (this.isDue(this.expectedNow)) this.wake();
    else this.armTimer();
  }

  stop(): void {
    remove(this);
  }

  flush(): void {
    while (this.isDue(this.scheduler.now())) runInAsyncContext(this.asyncContext, wake, this as SlotClock, undefined);
  }

  flushDelayed(): void {
    const now = this.scheduler.now();
    if (this.slot <= now + this.clockOffset) {
      this.due = Math.min(this.due, now + this.clockOffset);
      // The wait ends early; the clock was not set back.
      this.expectedNow = Math.min(this.expectedNow, now);
    }
    this.flush();
  }

  reschedule(timetable: Timetable): void {
    if (this.subscriber.closed) return;
    remove(this);
    this.timetable = timetable;
    this.clockOffset = 0;
    this.start();
  }

  /** Called by the timer, which may have been set by another cron, in this cron's async context. */
  override notify(): void {
    this.wake();
  }

  /** Emits the slots that are due, and sets the next timer. */
  wake(): void {
    const { expectedNow } = this;
    const now = this.readClock();
    // The wait has ended, even if the clock shows a little less than it should.
    const elapsedNow = expectedNow - now > clockSetBackMs ? now : Math.max(now, expectedNow);
    if (this.isDue(this.timetable.elapsed ? elapsedNow : now)) this.emitDue(this.slot, now);
    this.armTimer();
  }

  private emitDue(first: number, now: number): void {
    const { timetable } = this;
    const { schedule, jitter, stopAt } = timetable;
    let last = first;
    let count = 1;
    let { due } = this;
    let failure: { readonly error: unknown } | undefined;
    try {
      this.scheduleNext(last);
      if (this.isDue(now) && countPassed in schedule) {
        const passed = schedule[countPassed](first, Math.min(now + this.clockOffset, stopAt - 1));
        // Only the last of them may still be in its jitter.
        const certain = jitter > 0 ? schedule[countPassed](first, passed.last - 1) : passed;
        if (certain.count > 0) {
          last = due = certain.last;
          count += certain.count;
          this.waitFor(slotAfter(schedule, last), true);
        }
      }
      while (this.isDue(now) && count < maxSlotsPerEmit) {
        last = this.slot;
        due = this.due;
        count++;
        this.scheduleNext(last);
      }
    } catch (error) {
      // The slots that are due are emitted first.
      failure = { error };
      this.slot = this.due = Infinity;
    }
    if (this.subscriber.closed) return;
    due -= this.clockOffset;
    this.subscriber.next({
      schedule,
      first,
      last,
      count,
      due,
      lateBy: Math.max(0, now - due),
      moreDue: this.isDue(now),
    });
    // A run may have rescheduled the cron.
    if (failure && timetable === this.timetable) this.subscriber.error(failure.error);
  }

  private scheduleNext(last: number): void {
    const { schedule, jitter } = this.timetable;
    this.waitFor(jitter > 0 ? this.following : slotAfter(schedule, last), true);
  }

  private waitFor(slot: number | undefined, withJitter: boolean): void {
    const { schedule, jitter, random, stopAt } = this.timetable;
    this.slot = this.due = slot !== undefined && slot < stopAt ? slot : Infinity;
    if (jitter === 0 || this.slot === Infinity) return;
    this.following = slotAfter(schedule, this.slot);
    const maxDelay = Math.min(jitter, (this.following ?? Infinity) - this.slot, stopAt - this.slot);
    if (withJitter && maxDelay < Infinity) this.due += random() * maxDelay;
  }

  private isDue(now: number): boolean {
    // The schedule, or the source of randomness, may have cancelled the cron.
    return !this.subscriber.closed && this.due - this.clockOffset <= now;
  }

  /** Returns the clock's time. For a period, adds the ms by which the clock was set back to `clockOffset`. */
  private readClock(): number {
    const now = this.scheduler.now();
    const behind = this.expectedNow - now;
    if (this.timetable.elapsed && behind > clockSetBackMs) this.clockOffset += behind;
    this.expectedNow = now;
    return now;
  }

  private armTimer(): void {
    if (this.subscriber.closed) return;
    if (this.slot === Infinity) return this.subscriber.complete();
    // A run may have set the timer already.
    remove(this);
    const now = this.readClock();
    const wait = Math.min(Math.max(0, this.due - this.clockOffset - now), maxWaitMs);
    this.expectedNow = now + wait;
    scheduleCoalesced(this, this.scheduler, now, this.expectedNow);
  }
}

function wake(clock: SlotClock): void {
  clock.wake();
}

import { Observable, Subscription, type SchedulerLike } from 'rxjs';
import { next, type CountedSchedule, type Schedule } from '../schedule.js';

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
  /** The schedule's slots come after this. */
  readonly after: number;
  /** And before this. */
  readonly stopAt: number;
  /** It goes by the time that passes: a clock that is set back does not lengthen a wait. */
  readonly elapsed: boolean;
  /** By how many ms at most a slot may be due later than the schedule has it. */
  readonly jitter: number;
  readonly random: () => number;
}

/** How long a wait may be before the clock is looked at again: it may be set, and the machine may sleep. */
const longestWait = 30_000;
/** By how many ms a timer may be early by the clock, though by its own it is not. */
const timerError = 2;
/** By how many ms a wait may end early by the clock before the clock is held to have been set back. */
const setBack = 50;
/** How many slots are looked up in one go: they may be very many, when a machine has slept for long. */
const mostAtOnce = 1000;

/**
 * Tells slots as they become due. They strictly increase, whatever the clock does. RxJS's `interval` arms each wait when the
 * last one fired, and adds up how late that was; here each slot is the schedule's.
 */
export function dueSlots(timetable: Timetable, scheduler: SchedulerLike): Observable<DueSlots> {
  const { schedule, stopAt, elapsed, jitter, random } = timetable;
  return new Observable((subscriber) => {
    /** The slot waited for, and when it is due by a clock that is never set back. */
    let slot: number | undefined;
    let due = 0;
    /** The one after it, looked up ahead where a jitter has to know. */
    let following: number | undefined;
    /** By how much the clock has been set back. */
    let shift = 0;
    let wakeUp = scheduler.now();
    let timer = Subscription.EMPTY;

    const inTime = (time: number | undefined) => (time !== undefined && time < stopAt ? time : undefined);
    const planAfter = (time: number) => {
      slot = jitter > 0 && following !== undefined ? following : inTime(next(schedule, time));
      if (slot === undefined) return;
      due = slot;
      if (jitter === 0) return;
      following = inTime(next(schedule, slot));
      due += random() * Math.min(jitter, (following ?? Infinity) - slot);
    };
    const isDue = (now: number) => slot !== undefined && due - shift <= now;
    const tell = (first: number, now: number) => {
      let last = first;
      let count = 1;
      let lastDue = due;
      if (jitter === 0 && 'passed' in schedule) {
        const passed = schedule.passed(first, Math.min(now + shift, stopAt - 1));
        if (passed.count > 0) {
          last = lastDue = passed.last;
          count += passed.count;
        }
      }
      planAfter(last);
      while (slot !== undefined && isDue(now) && count < mostAtOnce) {
        last = slot;
        lastDue = due;
        count++;
        planAfter(last);
      }
      const dueAt = lastDue - shift;
      subscriber.next({ first, last, count, due: dueAt, late: Math.max(0, now - dueAt), more: isDue(now) });
    };
    const look = () => {
      try {
        const now = scheduler.now();
        if (elapsed && now < wakeUp - setBack) shift += wakeUp - now;
        if (slot !== undefined && isDue(elapsed ? now + timerError : now)) tell(slot, now);
        arm();
      } catch (error) {
        subscriber.error(error);
      }
    };
    const arm = () => {
      if (subscriber.closed) return;
      if (slot === undefined) return subscriber.complete();
      const now = scheduler.now();
      const wait = Math.min(Math.max(0, due - shift - now), longestWait);
      wakeUp = now + wait;
      timer = scheduler.schedule(look, wait);
    };

    if (timetable.immediate === undefined) planAfter(timetable.after);
    else {
      slot = inTime(timetable.immediate);
      due = timetable.immediate;
      if (jitter > 0) following = inTime(next(schedule, timetable.immediate));
    }
    if (isDue(wakeUp)) look();
    else arm();
    return () => timer.unsubscribe();
  });
}

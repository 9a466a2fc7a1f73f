import { logError } from '../util/log-error.js';
import { randomFrom } from '../util/random.js';
import { invalid, validateBoolean, validateFunction, validateMs } from '../util/validate.js';
import type { CronOptions } from './cron-options.js';
import { slotAfter, toTimestamp, type CountedSchedule, type Schedule, type ScheduleSource } from './schedule.js';

/** The slots of one run of a cron: a schedule and its limits. Times are in ms since the epoch. */
export interface Timetable {
  readonly schedule: Schedule | CountedSchedule;
  /** An extra slot before all slots of the schedule. */
  readonly immediate: number | undefined;
  /** The time after which the schedule's slots begin. */
  readonly after: number;
  /** The time before which there is no slot. */
  readonly startAt: number;
  /** The time from which there is no slot any more. */
  readonly stopAt: number;
  /** Whether the slots follow elapsed time, so that setting the clock back does not lengthen a wait. */
  readonly elapsed: boolean;
  /** The longest random delay of a slot, in ms. */
  readonly jitter: number;
  readonly random: () => number;
}

/** The facts that a timetable depends on, besides the options. */
export interface TimetableStart {
  /** The last slot of the wall clock so far, which is not repeated. Default: `-Infinity`, there is none. */
  readonly lastSlot?: number;
  /** When the last slot so far was due, by the clock. Default: `-Infinity`, there is none. */
  readonly lastDue?: number;
  /** Whether a run goes on with another schedule. There is then no immediate slot, and no `lastRun`. */
  readonly rescheduled?: boolean;
  /** Called with a failure of `random`. Default: writes it with `console.error`. */
  readonly onRandomFailed?: (error: unknown) => void;
}

/** Creates the timetable of a schedule that begins at a time. */
export type TimetableFactory = (source: ScheduleSource, now: number, start?: TimetableStart) => Timetable;

/** Validates the options of when slots are due, for a first schedule. Returns a function that creates timetables. */
export function timetableFactory(options: CronOptions): TimetableFactory {
  const { jitter = 0, random = Math.random } = options;
  const timeOption = (name: 'lastRun' | 'startAt' | 'stopAt') => {
    const time = options[name];
    return time === undefined ? undefined : toTimestamp(name, time);
  };
  const givenLastRun = timeOption('lastRun');
  const startAt = timeOption('startAt') ?? -Infinity;
  const stopAt = timeOption('stopAt') ?? Infinity;
  const { immediate: givenImmediate } = options;
  if (givenImmediate !== undefined) validateBoolean('immediate', givenImmediate);
  if (givenImmediate && givenLastRun !== undefined)
    throw new RangeError(invalid('immediate', 'false or left out when `lastRun` is given', givenImmediate));
  if (startAt >= stopAt) throw new RangeError(invalid('stopAt', 'after `startAt`', options.stopAt));
  validateMs('jitter', jitter);
  validateFunction('random', random);
  return (source, now, { lastSlot = -Infinity, lastDue = -Infinity, rescheduled, onRandomFailed = logError } = {}) => {
    // A period goes on from now if the clock was set back since its last slot.
    const ownLastRun = source.elapsed ? Math.min(lastDue, now) : Math.max(lastDue, lastSlot);
    const hasRun = ownLastRun > -Infinity;
    const lastRun = givenLastRun === undefined || rescheduled ? undefined : hasRun ? ownLastRun : givenLastRun;
    const immediate = givenImmediate ?? (source.elapsed && givenLastRun === undefined);
    // The clock may have been set back since the last slot. A period follows elapsed time and does not repeat it.
    const repeats = lastSlot > -Infinity && !source.elapsed;
    const start = Math.max(now, startAt);
    const schedule = source.from(lastRun ?? start);
    return {
      schedule: repeats ? scheduleAfter(schedule, lastSlot) : schedule,
      immediate: immediate && !rescheduled ? start : undefined,
      after: Math.max(lastRun ?? now, startAt - 1),
      startAt,
      stopAt,
      elapsed: source.elapsed,
      jitter,
      random: () => randomFrom(random, onRandomFailed),
    };
  };
}

/** Returns the slots of a schedule after a time. */
function scheduleAfter(schedule: Schedule, first: number): Schedule {
  return { next: (after) => schedule.next(Math.max(after, first)) };
}

/** Returns the first slot of a timetable, if there is one. */
export function firstSlot({ schedule, immediate, after, startAt, stopAt }: Timetable): number | undefined {
  let slot = immediate ?? slotAfter(schedule, after);
  while (slot !== undefined && slot < startAt) slot = slotAfter(schedule, slot);
  return slot !== undefined && slot < stopAt ? slot : undefined;
}

import { logError } from '../util/log-error.js';
import { randomFrom } from '../util/random.js';
import { invalid, validateFunction, validateMs } from '../util/validate.js';
import type { CronOptions } from './cron-options.js';
import { toTimestamp, type CountedSchedule, type Schedule, type ScheduleSource } from './schedule.js';

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

/**
 * Validates the options of when slots are due. Returns a function that creates the timetable of a run.
 *
 * @returns a function of the current time, the last slot of earlier runs, if any, and a callback for failures of
 * `random`. Default of the callback: it writes the failure with `console.error`.
 */
export function timetableFactory(
  options: CronOptions,
  source: ScheduleSource,
): (now: number, lastSlot?: number, onRandomFailed?: (error: unknown) => void) => Timetable {
  const { jitter = 0, random = Math.random } = options;
  const timeOption = (name: 'lastRun' | 'startAt' | 'stopAt') => {
    const time = options[name];
    return time === undefined ? undefined : toTimestamp(name, time);
  };
  const givenLastRun = timeOption('lastRun');
  const startAt = timeOption('startAt') ?? -Infinity;
  const stopAt = timeOption('stopAt') ?? Infinity;
  const { immediate = source.elapsed && givenLastRun === undefined } = options;
  if (typeof immediate !== 'boolean') throw new TypeError(invalid('immediate', 'a boolean', immediate));
  if (immediate && givenLastRun !== undefined)
    throw new RangeError(invalid('immediate', 'false or left out when `lastRun` is given', immediate));
  if (startAt >= stopAt) throw new RangeError(invalid('stopAt', 'after `startAt`', options.stopAt));
  validateMs('jitter', jitter);
  validateFunction('random', random);
  return (now, lastSlot, onRandomFailed = logError) => {
    const lastRun = givenLastRun === undefined ? undefined : (lastSlot ?? givenLastRun);
    // The clock may have been set back since the last slot. A period follows elapsed time and does not repeat it.
    const lastByClock = source.elapsed ? undefined : lastSlot;
    const start = Math.max(now, startAt);
    const schedule = source.from(lastRun ?? start);
    return {
      schedule: lastByClock === undefined ? schedule : scheduleAfter(schedule, lastByClock),
      immediate: immediate ? start : undefined,
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

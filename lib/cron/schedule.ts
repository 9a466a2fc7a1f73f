import { invalid, validateInteger } from '../util/validate.js';
import { readOptions } from '../util/validate-options.js';
import { hasMembers } from '../util/has-members.js';
import { parseCronExpression } from './cron-expression.js';

/** A sequence of due times. Implement it where neither a period nor a cron expression fits. */
export interface Schedule {
  /** Returns the first slot after a time, both in ms since the epoch, or `undefined` if there is none. */
  next(after: number): number | undefined;
}

/** The method of a CountedSchedule. A symbol, because the schedule of a user may have a member of any name. */
export const countPassed: unique symbol = Symbol('countPassed');

/** A schedule that can count the slots between two times without computing each of them. */
export interface CountedSchedule extends Schedule {
  [countPassed](after: number, until: number): { readonly last: number; readonly count: number };
}

/**
 * Returns the next times at which a schedule is due.
 *
 * @param schedule a period in ms, a cron expression, or any {@link Schedule}, as {@link cron} accepts.
 * @param n how many times to return. There are fewer if the schedule ends before.
 * @param options `from`: the time after which the times begin, and from which a period counts. Default: now.
 * `timezone`: the IANA time zone of a cron expression. Default: the time zone of the process.
 * @throws TypeError or RangeError as {@link cron} does for the schedule and the time zone; RangeError if `n` is not a
 * whole number from 0 and up, or `from` is not a valid time.
 *
 * @example
 * ```ts
 * import { nextRuns } from 'rxjs-tasks';
 *
 * const nights = nextRuns('30 2 * * *', 3, { from: new Date('2026-03-27T12:00:00Z'), timezone: 'Europe/Paris' });
 * for (const night of nights) console.log(night.toISOString());
 * // → 2026-03-28T01:30:00.000Z
 * // → 2026-03-29T01:00:00.000Z
 * // → 2026-03-30T00:30:00.000Z
 * ```
 */
export function nextRuns(
  schedule: number | string | Schedule,
  n: number,
  options: { from?: number | Date | undefined; timezone?: string | undefined } = {},
): Date[] {
  const { from: start = Date.now(), timezone } = readOptions(options, ['from', 'timezone'], 'nextRuns', {
    tz: 'timezone',
  });
  validateInteger('n', 0, Infinity, n);
  const from = toTimestamp('from', start);
  const slots = toSchedule(schedule, timezone).from(from);
  return slotsFrom(slots, n > 0 ? slotAfter(slots, from) : undefined, n).map((slot) => new Date(slot));
}

/** Returns at most `n` slots of a schedule: the first one, and those that follow it before `end`. */
export function slotsFrom(schedule: Schedule, first: number | undefined, n: number, end?: number): number[] {
  const slots: number[] = [];
  for (let slot = first; slot !== undefined && !(end !== undefined && slot >= end) && slots.length < n;) {
    slots.push(slot);
    slot = slots.length < n ? slotAfter(schedule, slot) : undefined;
  }
  return slots;
}

/** A validated schedule whose slots may depend on when it starts. */
export interface ScheduleSource {
  /** Whether the slots follow elapsed time instead of the wall clock. */
  readonly elapsed: boolean;
  /** Returns the schedule that starts at a time. */
  from(start: number): Schedule | CountedSchedule;
}

/**
 * Validates a schedule as users give it, and reads its method once.
 *
 * @throws TypeError if it is not a schedule; RangeError if a period is out of range, an expression is malformed or
 * never due, or a time zone does not exist or is given without an expression.
 */
export function toSchedule(schedule: unknown, timezone: string | undefined): ScheduleSource {
  if (typeof schedule === 'string') return byClock({ next: parseCronExpression(schedule, timezone) });
  if (timezone !== undefined)
    throw new RangeError(invalid('timezone', 'left out unless the schedule is a cron expression', timezone));
  if (typeof schedule === 'number') {
    if (!(schedule >= 1 && schedule < maxTime))
      throw new RangeError(invalid('schedule', 'a period from 1 ms to below 8.64e15 ms', schedule));
    return { elapsed: true, from: (start) => new Period(schedule, start) };
  }
  const next = hasMembers(schedule, 'next') ? schedule.next : undefined;
  if (typeof next === 'function') return byClock({ next: (after) => next.call(schedule, after) as number | undefined });
  throw new TypeError(invalid('schedule', 'a period in ms, a cron expression, or a Schedule', schedule));
}

/**
 * Returns the first slot of a schedule after a time.
 *
 * @throws RangeError if the schedule returns anything but `undefined` or a later time.
 */
export function slotAfter(schedule: Schedule, after: number): number | undefined {
  const slot: unknown = schedule.next(after);
  if (slot === undefined || (typeof slot === 'number' && slot > after && slot <= maxTime)) return slot;
  throw new RangeError(invalid(`schedule.next(${after})`, `undefined or a time after ${after}`, slot));
}

/** Validates a time and returns it in ms since the epoch. */
export function toTimestamp(name: string, time: unknown): number {
  const ms = time instanceof Date ? time.getTime() : time;
  if (typeof ms !== 'number') throw new TypeError(invalid(name, 'a Date or a number of ms since the epoch', time));
  if (!(Math.abs(ms) <= maxTime)) throw new RangeError(invalid(name, 'a valid time', time));
  return ms;
}

/** The latest time that a Date can hold. */
const maxTime = 8.64e15;

/** A schedule whose slot k is start + k · period, for k from 1 on. */
class Period implements CountedSchedule {
  private readonly period: number;
  private readonly start: number;

  constructor(period: number, start: number) {
    this.period = period;
    this.start = start;
  }

  next(after: number): number | undefined {
    const slot = this.slot(this.indexAt(after) + 1);
    return slot <= maxTime ? slot : undefined;
  }

  [countPassed](after: number, until: number): { last: number; count: number } {
    const k = this.indexAt(until);
    return { last: this.slot(k), count: k - this.indexAt(after) };
  }

  private slot(k: number): number {
    return this.start + k * this.period;
  }

  /** Returns the k of the last slot at or before a time; 0 before the first slot. */
  private indexAt(time: number): number {
    const k = Math.max(0, Math.floor((time - this.start) / this.period));
    // Rounding may have moved the quotient past a slot.
    if (this.slot(k + 1) <= time) return k + 1;
    return k > 0 && this.slot(k) > time ? k - 1 : k;
  }
}

/** Returns a source whose slots do not depend on the start. */
function byClock(schedule: Schedule): ScheduleSource {
  return { elapsed: false, from: () => schedule };
}

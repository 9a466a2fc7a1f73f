import { Cron } from 'croner';
import { invalid, validateOptions, validateInteger } from '../util/validate.js';

/** When something is due. Bring your own where neither a period nor a cron expression says it. */
export interface Schedule {
  /** The first slot after a time, both in ms since the epoch; `undefined` when there is none any more. */
  next(after: number): number | undefined;
}

/** A schedule that counts the slots between two times without going through them. */
export interface CountedSchedule extends Schedule {
  passed(after: number, until: number): { readonly last: number; readonly count: number };
}

/**
 * When a schedule is due next.
 *
 * @param schedule as {@link cron} takes it: a period in ms, a cron expression, or any {@link Schedule}.
 * @param n how many at most; there are fewer when the schedule ends before.
 * @param options `from`: after which time, now unless said; a period counts from there. `timezone`: of an expression, the
 * process's unless said.
 * @throws as `cron` for the schedule and the time zone; RangeError for an `n` that is no whole number from 0 and up, or a
 * `from` that is no time.
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
  options: { from?: number | Date; timezone?: string } = {},
): Date[] {
  validateOptions(options, ['from', 'timezone']);
  validateInteger('n', 0, Infinity, n);
  const from = options.from === undefined ? Date.now() : expectTime('from', options.from);
  const slots = toSchedule(schedule, options.timezone).from(from);
  const runs: Date[] = [];
  for (let after = from; runs.length < n;) {
    const slot = next(slots, after);
    if (slot === undefined) break;
    runs.push(new Date(slot));
    after = slot;
  }
  return runs;
}

/** What a schedule was made of, and the slots it gives when it starts at a time. */
export interface ScheduleSource {
  /** Whether it goes by the time that passes rather than by the clock. */
  readonly elapsed: boolean;
  from(start: number): Schedule | CountedSchedule;
}

/**
 * @throws TypeError for what is no schedule; RangeError for a period that is not finite or not above 0, an expression that is
 * malformed or never due, a time zone that does not exist, or one without an expression.
 */
export function toSchedule(schedule: unknown, timezone: string | undefined): ScheduleSource {
  if (typeof schedule === 'string') return { elapsed: false, from: always(expression(schedule, timezone)) };
  if (timezone !== undefined)
    throw new RangeError(invalid('timezone', 'left out: a schedule that is no cron expression has none', timezone));
  if (typeof schedule === 'number') {
    if (!(schedule > 0 && schedule < Infinity))
      throw new RangeError(invalid('schedule', 'a finite period in ms above 0', schedule));
    return { elapsed: true, from: (start) => new Period(schedule, start) };
  }
  if (isSchedule(schedule)) return { elapsed: false, from: always(schedule) };
  throw new TypeError(invalid('schedule', 'a period in ms, a cron expression, or a Schedule', schedule));
}

/** @throws RangeError for a slot that is not after the one before. */
export function next(schedule: Schedule, after: number): number | undefined {
  const slot: unknown = schedule.next(after);
  if (slot === undefined || (typeof slot === 'number' && slot > after && slot <= lastTime)) return slot;
  throw new RangeError(invalid(`schedule.next(${after})`, `undefined or a time after ${after}`, slot));
}

/** A time in ms since the epoch. */
export function expectTime(name: string, time: unknown): number {
  const ms = time instanceof Date ? time.getTime() : time;
  if (typeof ms !== 'number') throw new TypeError(invalid(name, 'a Date or a number of ms since the epoch', time));
  if (!(Math.abs(ms) <= lastTime)) throw new RangeError(invalid(name, 'a valid time', time));
  return ms;
}

/** Beyond that there is no Date. */
const lastTime = 8.64e15;

/** Slot k is start + k · period, for k from 1 on. */
class Period implements CountedSchedule {
  private readonly period: number;
  private readonly start: number;

  constructor(period: number, start: number) {
    this.period = period;
    this.start = start;
  }

  next(after: number): number {
    return this.slot(this.passedBy(after) + 1);
  }

  passed(after: number, until: number): { last: number; count: number } {
    const k = this.passedBy(until);
    return { last: this.slot(k), count: k - this.passedBy(after) };
  }

  private slot(k: number): number {
    return this.start + k * this.period;
  }

  private passedBy(time: number): number {
    const k = Math.max(0, Math.floor((time - this.start) / this.period));
    // The quotient may be rounded across a slot.
    if (this.slot(k + 1) <= time) return k + 1;
    return k > 0 && this.slot(k) > time ? k - 1 : k;
  }
}

function expression(text: string, timezone: string | undefined): Schedule {
  if (timezone !== undefined) expectTimezone(timezone);
  const what = 'a number of ms, a cron expression of 5 or 6 fields, or such as `@daily`';
  const refusal = (why: string, cause?: unknown) =>
    new RangeError(`${invalid('schedule', what, text)}: ${why}`, { cause });
  // Croner takes a date for a schedule, too, in many spellings.
  if (text.includes(':') || !/^\s*(@\w+|\S+(\s+\S+){4,5})\s*$/.test(text))
    throw refusal('it has neither 5 nor 6 fields');
  let parsed: Cron;
  try {
    parsed = new Cron(text, { paused: true, mode: '5-or-6-parts', ...(timezone !== undefined && { timezone }) });
  } catch (error) {
    throw refusal((error as Error).message.replace(/^\w+: /, ''), error);
  }
  if (!parsed.nextRun()) throw refusal('it is never due');
  return { next: (after) => parsed.nextRun(new Date(Math.floor(after)))?.getTime() };
}

function expectTimezone(timezone: unknown): void {
  if (typeof timezone !== 'string') throw new TypeError(invalid('timezone', 'the name of a time zone', timezone));
  try {
    new Intl.DateTimeFormat('en', { timeZone: timezone });
  } catch (cause) {
    throw new RangeError(invalid('timezone', 'a time zone of the IANA database', timezone), { cause });
  }
}

function isSchedule(x: unknown): x is Schedule {
  return typeof x === 'object' && x !== null && 'next' in x && typeof x.next === 'function';
}

function always(schedule: Schedule): () => Schedule {
  return () => schedule;
}

// An oracle for cron expressions: wall clocks of time zones from `Intl` alone, without a cron library.

export const minute = 60_000;
export const hour: number = 60 * minute;
export const day: number = 24 * hour;

/** A minute, and the time that the wall clock shows in it, as if the clock were in UTC. */
export interface Minute {
  readonly at: number;
  readonly wall: number;
}

/** A change of a wall clock by `shift` ms: above 0 forward, below 0 back. */
export interface Transition {
  readonly at: number;
  readonly shift: number;
}

const formats = new Map<string, Intl.DateTimeFormat>();

/** Returns the time that the wall clock shows, to the minute. */
function wallAt(zone: string, at: number): number {
  let format = formats.get(zone);
  if (!format) {
    const numeric = 'numeric';
    format = new Intl.DateTimeFormat('en', {
      timeZone: zone,
      calendar: 'gregory',
      numberingSystem: 'latn',
      hourCycle: 'h23',
      year: numeric,
      month: numeric,
      day: numeric,
      hour: numeric,
      minute: numeric,
    });
    formats.set(zone, format);
  }
  const fields: Partial<Record<Intl.DateTimeFormatPartTypes, number>> = {};
  for (const { type, value } of format.formatToParts(at)) fields[type] = Number(value);
  const { year = NaN, month = NaN, day: date = NaN, hour: hours = NaN, minute: minutes = NaN } = fields;
  return Date.UTC(year, month - 1, date, hours, minutes);
}

/** Returns every minute from one time until another. */
export function minutesBetween(zone: string, from: number, until: number): Minute[] {
  const minutes: Minute[] = [];
  for (let at = from; at < until; at += minute) minutes.push({ at, wall: wallAt(zone, at) });
  return minutes;
}

/** Returns the changes of the wall clock from one time until another. There is at most one a day. */
export function transitionsBetween(zone: string, from: number, until: number): Transition[] {
  const offset = (at: number) => wallAt(zone, at) - at;
  const transitions: Transition[] = [];
  for (let start = from; start < until; start += day) {
    const end = Math.min(start + day, until);
    const shift = offset(end) - offset(start);
    if (shift === 0) continue;
    let [before, at] = [start, end];
    while (at - before > minute) {
      const middle = before + Math.floor((at - before) / 2 / minute) * minute;
      if (offset(middle) === offset(start)) before = middle;
      else at = middle;
    }
    transitions.push({ at, shift });
  }
  return transitions;
}

/** Returns the minutes in which the wall clock shows a matching time: the rule for lists, ranges and steps. */
export function minutesShowing(minutes: readonly Minute[], matches: (wall: Date) => boolean): number[] {
  return minutes.filter(({ wall }) => matches(new Date(wall))).map(({ at }) => at);
}

/**
 * Returns the minutes in which a fixed time of day is due, once a day: the first time that the wall clock shows it, or,
 * if the clock skips it, the first minute after the gap.
 */
export function onceADay(minutes: readonly Minute[], hours: number, mins: number): number[] {
  const matches = (wall: number) => wall % day === hours * hour + mins * minute;
  const shown = new Set<number>();
  const due: number[] = [];
  let last: number | undefined;
  for (const { at, wall } of minutes) {
    const first = last !== undefined && wall > last ? last + minute : wall;
    for (let passed = first; passed <= wall; passed += minute) {
      if (!matches(passed) || shown.has(passed)) continue;
      shown.add(passed);
      due.push(at);
    }
    last = wall;
  }
  return due;
}

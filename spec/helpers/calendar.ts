/** What the clocks on the walls of a time zone show, and what is due by them: from Intl alone, no cron library asked. */

export const minute = 60_000;
export const hour: number = 60 * minute;
export const day: number = 24 * hour;

/** One minute, and what a clock shows in it: the time at which a clock in UTC would show that. */
export interface Minute {
  readonly at: number;
  readonly wall: number;
}

/** When clocks are put forward, or, by a `shift` below 0, back. */
export interface Transition {
  readonly at: number;
  readonly shift: number;
}

const formats = new Map<string, Intl.DateTimeFormat>();

/** What a clock shows at a time, to the minute. */
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

/** Every minute from one time until another. */
export function minutesBetween(zone: string, from: number, until: number): Minute[] {
  const minutes: Minute[] = [];
  for (let at = from; at < until; at += minute) minutes.push({ at, wall: wallAt(zone, at) });
  return minutes;
}

/** All the times from one time until another at which the clocks are put forward or back, of which there is one a day at most. */
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

/** A schedule with a wildcard is due in each minute in which the clock shows what it asks for, a repeated hour included. */
export function wheneverItShows(minutes: readonly Minute[], asked: (wall: Date) => boolean): number[] {
  return minutes.filter(({ wall }) => asked(new Date(wall))).map(({ at }) => at);
}

/**
 * A time of day is due once a day: the first time that the clock shows it; where the clock is put forward over it, in the first
 * minute after that.
 */
export function onceADay(minutes: readonly Minute[], hours: number, mins: number): number[] {
  const isAsked = (wall: number) => wall % day === hours * hour + mins * minute;
  const shown = new Set<number>();
  const due: number[] = [];
  let last: number | undefined;
  for (const { at, wall } of minutes) {
    const first = last !== undefined && wall > last ? last + minute : wall;
    for (let passed = first; passed <= wall; passed += minute) {
      if (!isAsked(passed) || shown.has(passed)) continue;
      shown.add(passed);
      due.push(at);
    }
    last = wall;
  }
  return due;
}

import { day, duration, hour, minute, round, second } from '../util/duration.js';

const steps = [
  ...[1, 2, 5, 10, 20, 50, 100, 200, 500],
  ...[1, 2, 5, 10, 15, 30].map((n) => n * second),
  ...[1, 2, 5, 10, 15, 30].map((n) => n * minute),
  ...[1, 2, 3, 6, 12].map((n) => n * hour),
  ...[1, 2, 7, 14, 28, 91, 182, 364].map((n) => n * day),
];

export interface Tick {
  readonly at: number;
  readonly label: string;
}

/**
 * Returns the ticks of an axis, at most `maxTicks`, at round times. They count from `zero`. An axis of more than two
 * hours has clock times instead, in UTC, so that a drawing reads the same everywhere.
 */
export function ticks(from: number, to: number, maxTicks: number, zero: number = from): Tick[] {
  const step = stepFor(to - from, maxTicks);
  const hasClockTimes = isLong(zero, to);
  const base = hasClockTimes ? 0 : zero;
  const all: Tick[] = [];
  for (let at = base + Math.ceil((from - base) / step) * step; at <= to; at += step)
    all.push({ at, label: hasClockTimes ? clockTime(at) : elapsed(at - zero, to - zero) });
  return all;
}

/** Returns the smallest round step that yields at most `maxTicks` ticks. */
export function stepFor(length: number, maxTicks: number): number {
  return steps.find((step) => length / step <= maxTicks) ?? Math.ceil(length / maxTicks / day) * day;
}

/** Returns the time zone of the labels of an axis, or `''` for elapsed times. */
export function zoneOf(from: number, to: number): string {
  return isLong(from, to) ? 'UTC' : '';
}

/** Whether an axis has clock times instead of elapsed times. */
export function isLong(from: number, to: number): boolean {
  return to - from > 2 * hour;
}

/** Formats a time in the way of its axis, with all known digits. */
export function formatTime(at: number, from: number, to: number): string {
  return isLong(from, to) ? new Date(at).toISOString().replace('T', ' ').slice(0, 19) : duration(at - from);
}

/** Formats an elapsed time. All labels of an axis have the same unit. */
function elapsed(ms: number, length: number): string {
  if (ms === 0) return '0';
  if (length <= second) return `${ms} ms`;
  return length <= 2 * minute ? `${round(ms / second, 3)} s` : `${round(ms / minute, 3)} min`;
}

function clockTime(at: number): string {
  const [date = '', time = ''] = new Date(at).toISOString().split('T');
  return at % day === 0 ? date : time.slice(0, 5);
}

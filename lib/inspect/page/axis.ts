import { stepFor } from '../axis.js';

/** The time that is shown. */
export interface Period {
  readonly from: number;
  readonly to: number;
  readonly now: number;
}

export function stepOf({ from, to }: Period): number {
  return stepFor(to - from, innerWidth < 640 ? 4 : 9);
}

/** Round times, of the zone that the browser is in. */
export function ticks(period: Period): number[] {
  const step = stepOf(period);
  const zone = new Date(period.from).getTimezoneOffset() * 60_000;
  const all: number[] = [];
  for (let at = Math.ceil((period.from - zone) / step) * step + zone; at <= period.to; at += step) all.push(at);
  return all;
}

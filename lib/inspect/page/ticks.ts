import { minute } from '../../util/duration.js';
import { stepFor } from '../time-axis.js';
import type { VisiblePeriod } from './viewport.js';

/** The number of ticks on a narrow screen and on a wide one. */
const maxTicks = { narrow: 4, wide: 9 };

export function stepOf({ from, to }: VisiblePeriod): number {
  return stepFor(to - from, innerWidth < 640 ? maxTicks.narrow : maxTicks.wide);
}

/** Returns round times in the browser's time zone. */
export function localTicks(period: VisiblePeriod): number[] {
  const step = stepOf(period);
  const offset = new Date(period.from).getTimezoneOffset() * minute;
  const all: number[] = [];
  for (let at = Math.ceil((period.from - offset) / step) * step + offset; at <= period.to; at += step) all.push(at);
  return all;
}

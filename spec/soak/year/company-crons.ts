import { toSchedule } from '../../../lib/cron/schedule.js';
import type { Schedule } from '../../../lib/index.js';

/** A cron of the simulated company. */
export interface CompanyCron {
  readonly name: string;
  /** The schedule of an expression, whose slots all processes compute once. */
  readonly schedule: Schedule;
  /** The mean duration of a run, in ms. */
  readonly meanMs: number;
}

const [second, minute] = [1000, 60_000];

/**
 * Returns 100 crons as a company has them: most are daily, at night and at full hours by the clock of its country. One
 * run in some is longer than its period.
 */
export function companyCrons(): CompanyCron[] {
  return [
    ...create(3, 'sync', 20 * second, () => '*/5 * * * *'),
    ...create(1, 'crawl', 4 * minute, () => '*/5 * * * *'),
    ...create(6, 'import', 30 * second, () => '*/15 * * * *'),
    ...create(12, 'report', minute, () => '0 * * * *'),
    ...create(8, 'statistics', minute, (index) => `${7 * index + 3} * * * *`),
    ...create(40, 'nightly', 3 * minute, (index) => `0 ${index % 6} * * *`),
    ...create(20, 'daily', 3 * minute, (index) => `${(17 * index) % 60} ${(7 * index) % 24} * * *`),
    ...create(7, 'weekly', 10 * minute, (index) => `30 3 * * ${index}`),
    ...create(3, 'monthly', 20 * minute, (index) => `0 4 ${index + 1} * *`),
  ];
}

/** Creates crons with an expression by the clock of Berlin. */
function create(count: number, name: string, meanMs: number, expression: (index: number) => string): CompanyCron[] {
  return Array.from({ length: count }, (_, index) => companyCron(`${name}-${index + 1}`, meanMs, expression(index)));
}

export function companyCron(name: string, meanMs: number, expression: string): CompanyCron {
  const schedule = toSchedule(expression, 'Europe/Berlin').from(0);
  let known: readonly [after: number, slot: number | undefined] = [NaN, undefined];
  const next = (after: number) => {
    if (known[0] !== after) known = [after, schedule.next(after)];
    return known[1];
  };
  return { name, meanMs, schedule: { next } };
}

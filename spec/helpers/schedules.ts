import fc from 'fast-check';
import { cron, task, type CronOptions, type Schedule, type TaskRunner } from '../../lib/index.js';
import { toSchedule } from '../../lib/cron/schedule.js';

/** Returns times in ISO format, for readable failures. */
export function iso(times: readonly (number | Date)[]): string[] {
  return times.map((time) => new Date(time).toISOString());
}

/** Returns the schedule of a cron expression. */
export function expressionSlots(expression: string, zone: string): Schedule {
  return toSchedule(expression, zone).from(0);
}

/** Creates a cron of a task that does nothing. */
export function createCron(schedule: number | string | Schedule, options?: CronOptions): TaskRunner<number> {
  return cron(
    task('x', () => 1),
    schedule,
    options,
  );
}

/** Fractions from 0 up to, but not including, 1, uniformly distributed: most of fc.double's are close to 0. */
export const fractions: fc.Arbitrary<number> = fc.nat(999_999).map((n) => n / 1e6);

/** Calls a function as if the process were in a time zone. */
export function inZone(zone: string, work: () => void): void {
  const before = process.env['TZ'];
  process.env['TZ'] = zone;
  try {
    work();
  } finally {
    if (before === undefined) delete process.env['TZ'];
    else process.env['TZ'] = before;
  }
}

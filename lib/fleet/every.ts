import { validateInteger } from '../util/validate.js';
import type { Schedule } from '../cron/schedule.js';

/**
 * A period whose slots are the same in all processes: the multiples of so many ms since 1970. The slots of a period that is only a number
 * count from when its process started, so that no two processes share one, and a coordinator could not tell them apart.
 *
 * @throws TypeError, RangeError when it is no whole number of ms from 1 and up.
 *
 * @example
 * ```ts
 * import { nextRuns } from 'rxjs-tasks';
 * import { every } from 'rxjs-tasks/fleet';
 *
 * const [next] = nextRuns(every(5000), 1, { from: new Date('2026-03-01T12:00:02Z') });
 * console.log(next?.toISOString()); // → 2026-03-01T12:00:05.000Z
 * ```
 */
export function every(ms: number): Schedule {
  validateInteger('ms', 1, Infinity, ms);
  return { next: (after) => (Math.floor(after / ms) + 1) * ms };
}

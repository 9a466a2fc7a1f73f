import type { Schedule } from '../cron/schedule.js';
import { validateInteger } from '../util/validate.js';

/**
 * Creates a periodic schedule whose slots are the same in all processes: the multiples of `ms` since 1970. A schedule
 * that is a plain number of ms counts from the start of its process. Its slots differ between processes, so a
 * coordinator cannot match them.
 *
 * @throws TypeError, RangeError if `ms` is not a whole number from 1 and up.
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

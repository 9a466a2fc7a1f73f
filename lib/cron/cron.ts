import { toTaskHooks } from '../task/task-hooks.js';
import type { SimpleTask, Task } from '../task/types.js';
import { CronControl } from './cron-control.js';
import { readCronOptions, toSlotPolicy, type CronOptions } from './cron-options.js';
import { ControlledRunner, type CronRunner } from './cron-runner.js';
import { toCronTask } from './cron-task.js';
import { toSchedule, type Schedule } from './schedule.js';
import { SlotTask } from './slot-task.js';
import { timetableFactory } from './timetable.js';

/**
 * Runs a task on a schedule. The runner calls `initialize` once, then `execute` for each slot of the schedule each
 * with its own context, and `finalize` once at the end. It emits what the runs yield.
 *
 * **Slots** are computed from the schedule, never from the end of a run, so they do not drift. They strictly increase:
 * no slot runs twice, whatever happens to the clock. A period follows elapsed time, and its first slot is due at the
 * start. A cron expression follows the wall clock, which is read at least every 30 s.
 *
 * **Daylight saving time.** An expression with a single hour and minute runs once a day. If the clock skips that time,
 * it runs right after the gap. If the clock repeats it, it runs the first time. Lists, ranges and steps follow the wall
 * clock: a skipped time does not run, a repeated time runs twice. One case differs: a fixed time in a gap that ends at
 * midnight, as in Greenland, does not run that day.
 *
 * **Events.** A dropped slot is a `skipped` or a `missed` event. A slot that has not started within `tolerance` is
 * `overdue`. A failed run is a `slot-failed` event, and the schedule goes on. Without a listener, the console gets the
 * first event of each kind at once, and then one line a minute with their number; it gets the error of each failed run.
 *
 * **Cancelling** ends the schedule at once and cancels the current runs. The runner ends when all of them have ended.
 *
 * @param schedule a period in ms; a cron expression of 5 fields, or of 6 with the seconds first; one of `@hourly`,
 * `@daily`, `@weekly`, `@monthly` and `@yearly`; or any {@link Schedule}. Croner parses the expressions. The
 * runner fails if a Schedule returns a slot that is not later than the one before.
 * @throws TypeError if `task` is not a task, `schedule` is not a schedule, or an option is unknown or of a wrong type;
 * RangeError if a period is not from 1 ms to below 8.64e15 ms, an expression is malformed or never due, a time zone
 * does not exist, or options are out of range or contradict each other.
 *
 * @example
 * ```ts
 * import { take } from 'rxjs';
 * import { cron, task } from 'rxjs-tasks';
 *
 * let beats = 0;
 * const heart = cron(task('heart', () => ++beats), 10);
 * heart.start().pipe(take(3)).subscribe({ next: (beat) => console.log(beat), complete: () => console.log('rest') });
 * // → 1
 * // → 2
 * // → 3
 * // → rest
 * ```
 */
export function cron<T>(
  task: SimpleTask<T> | Task<T>,
  schedule: number | string | Schedule,
  options: CronOptions = {},
): CronRunner<T> {
  const hooks = toTaskHooks(task);
  const given = readCronOptions(options);
  const source = toSchedule(schedule, given.timezone);
  const policy = toSlotPolicy(given);
  const control = new CronControl(new SlotTask(hooks), policy, timetableFactory(given), source, given.timezone);
  return new ControlledRunner(toCronTask(hooks, control), control);
}

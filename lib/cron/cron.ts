import { tap } from 'rxjs';
import type { RunContext } from '../context/types.js';
import { runComposite, type CompositeTask, type TaskHistory } from '../task/composite.js';
import { taskRunner } from '../task/runner.js';
import { taskName, toTaskHooks, type TaskHooks } from '../task/task-hooks.js';
import type { SimpleTask, Task, TaskRunner } from '../task/types.js';
import { toPolicy, toTimes, validateCronOptions, type CronOptions } from './cron-options.js';
import { toSchedule, type Schedule } from './schedule.js';
import { dueSlots } from './slot-clock.js';
import { dispatchSlots } from './slot-dispatcher.js';

/**
 * Runs a task by a schedule: `initialize` once, `execute` per slot, each under a context of its own, `finalize` once.
 *
 * Slots come from the schedule, never from when a run ended, so that there is no drift. They strictly increase: none is run
 * twice, whatever the clock does. A period goes by the time that passes and also runs at once; an expression goes by the wall
 * clock, which is looked at again at least every 30 s. On DST nights a fixed time (of one hour and one minute) that does not
 * exist runs once, right after the gap, and one that exists twice runs once; a list, a range or a step runs whenever the clock
 * shows it. (A gap that ends at midnight, as Greenland's, is the one that croner passes over.)
 *
 * Whatever is not run is an event: `skipped`, `missed`; a slot that is to be run and has not started within its tolerance is
 * `overdue`. A failed run is a `run-failed`, and the schedule goes on. Cancelling ends the schedule at once and the runs under
 * way as any run; the runner ends after all of them.
 *
 * @param schedule a period in ms; a cron expression of 5 or 6 fields (the sixth, in front, is the seconds), or one of
 * `@hourly`, `@daily`, `@weekly`, `@monthly`, `@yearly`, as croner reads it; or any {@link Schedule}. A slot of a Schedule that
 * does not come after the one before makes the runner fail.
 * @throws TypeError when `task` is no task, `schedule` none, or an option unknown or of a wrong type; RangeError for a period
 * that is not finite or not above 0, an expression that is malformed or never due, a time zone that does not exist, and for
 * options that are out of range or contradict one another.
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
): TaskRunner<T> {
  const work = toTaskHooks(task);
  validateCronOptions(options);
  const source = toSchedule(schedule, options.timezone);
  const policy = toPolicy(options);
  const times = toTimes(options, source);

  /** Of the runs of this cron so far: started again, it does not catch up with the same slots. */
  let lastSlot: number | undefined;
  const name = taskName(work);
  const slotTask: TaskHooks<T> = {
    execute: (ctx, cancel) => work.execute(ctx, cancel),
    toString: () => name,
    ...(work.grace !== undefined && { grace: work.grace }),
  };
  const history: TaskHistory = {};
  const scheduled: CompositeTask<T> = {
    ...slotTask,
    ...(work.initialize && { initialize: (ctx: RunContext) => work.initialize?.(ctx) }),
    ...(work.finalize && { finalize: () => work.finalize?.() }),
    history,
    [runComposite]: (run, cancelApp) => {
      const timetable = times(run.scheduler.now(), lastSlot);
      return dueSlots(timetable, run.scheduler, (slot) => (history.nextAt = slot)).pipe(
        tap(({ last }) => (lastSlot = last)),
        dispatchSlots(policy, timetable.schedule, slotTask, run, cancelApp),
      );
    },
  };
  return taskRunner(scheduled);
}

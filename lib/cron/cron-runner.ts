import { Runner } from '../task/runner.js';
import type { ByWhom } from '../task/by-whom.js';
import type { TaskHooks } from '../task/task-hooks.js';
import type { SlotHistory, SlotOutcome, TaskRunner } from '../task/types.js';
import type { CronControl, NextRunsOptions, RescheduleOptions } from './cron-control.js';
import type { Schedule } from './schedule.js';

/**
 * The runner of a cron, which controls its schedule while it runs. Each change emits an event: `triggered`, `paused`,
 * `resumed`, `rescheduled`. Its `by` is the `by` of the options.
 *
 * @example
 * ```ts
 * import { cron, launch, task } from 'rxjs-tasks';
 *
 * const report = cron(
 *   task('report', async () => 'sent'),
 *   '0 3 * * *',
 * );
 * const app = launch([report]);
 * const { status } = await report.trigger();
 * console.log(status, report.history.runs); // → completed 1
 * report.pause();
 * console.log(report.nextRuns(3)); // → []
 * report.reschedule('0 4 * * *');
 * report.resume();
 * console.log(report.nextRuns(3).map((run) => run.getHours())); // → [ 4, 4, 4 ]
 * await app.stop();
 * ```
 */
export interface CronRunner<T = unknown> extends TaskRunner<T> {
  /**
   * Runs the task now, by the rules of the cron: with the resources of its one `initialize`, its `overlap` policy and
   * its `timeout`. A stop of the cron cancels it and waits for its end. It needs no lease, works while the cron is
   * paused, counts towards `maxRuns`, and moves neither the schedule nor `lastRun`. Its `slot` is the time of the call,
   * and its hooks run in the async context of the call.
   *
   * Resolves with the outcome when the run has ended. A run that is dropped, or that still waits when the cron stops,
   * resolves as `skipped`. A run that the stop cancels resolves as `cancelled`, even if its promise is fulfilled after
   * that. A run that has not ended at the application's deadline resolves as `cancelled`, with the reason `timed-out`.
   * Rejects with a {@link NotRunningError} unless the cron is running.
   */
  trigger(options?: ByWhom): Promise<SlotOutcome>;
  /**
   * Pauses the schedule. Current and waiting runs go on. Slots that come due during the pause are never run, whatever
   * `missed` is: `resume` reports them as one `missed` event with the reason `paused`. A period keeps its grid, and
   * `stopAt` still ends the cron. The pause lasts over restarts, and may begin before the start. A coordinator may
   * pause the cron as well, which is then paused until both pauses have ended.
   */
  pause(options?: ByWhom): void;
  /** Ends the pause of {@link pause}. Does nothing if there is none. */
  resume(options?: ByWhom): void;
  /** Whether the cron is paused: by {@link pause}, or, while it runs, by its coordinator. */
  readonly paused: boolean;
  /**
   * Replaces the schedule, from now on and for later starts. The first slot of a period is one period from now, or from
   * `startAt` if that is later. A cron expression keeps the time zone, unless the options have another. Slots that are
   * due or wait already stay. A slot that is delayed by its jitter runs at once. After the last slot of a schedule, the
   * cron goes on with the new one if a run is still current.
   *
   * @throws as {@link cron} does for the schedule and the time zone. Nothing is changed then.
   */
  reschedule(schedule: number | string | Schedule, options?: RescheduleOptions): void;
  /**
   * Returns the next slots of the schedule, jitter not included. A cron that has not been started, or initializes,
   * returns those of a start now. A cron that is paused, has ended, or waits for its restart returns none.
   *
   * With a `schedule`, it returns those that would follow a `reschedule` now, and changes nothing. Of a cron that is
   * paused, it returns those that would follow if the pause ended, too.
   *
   * @param n the most slots to return. Default: 1.
   * @param options `schedule`, and the `timezone` of a cron expression, as in `reschedule`.
   * @throws RangeError if `n` is not a whole number from 0 and up; as {@link cron} does for the schedule and the time
   * zone.
   */
  nextRuns(n?: number, options?: NextRunsOptions): Date[];
  /** The number of runs that have been started, or wait for their lease, and have not ended. */
  readonly running: number;
  /** The runs and slots so far, over all starts of this runner. */
  readonly history: SlotHistory;
}

/** The runner of a cron. */
export class ControlledRunner<T> extends Runner<T> implements CronRunner<T> {
  private readonly control: CronControl<T>;

  constructor(hooks: TaskHooks<T>, control: CronControl<T>) {
    super(hooks);
    this.control = control;
  }

  trigger(options: ByWhom = {}): Promise<SlotOutcome> {
    return this.control.trigger(this.name, options);
  }

  pause(options: ByWhom = {}): void {
    this.control.pause(options);
  }

  resume(options: ByWhom = {}): void {
    this.control.resume(options);
  }

  get paused(): boolean {
    return this.control.paused;
  }

  reschedule(schedule: number | string | Schedule, options: RescheduleOptions = {}): void {
    this.control.reschedule(schedule, options);
  }

  nextRuns(n = 1, options: NextRunsOptions = {}): Date[] {
    return this.control.nextRuns(n, this.status === 'idle' || this.status === 'initializing', options);
  }

  get running(): number {
    return this.control.running;
  }

  get history(): SlotHistory {
    return this.control.slots;
  }
}

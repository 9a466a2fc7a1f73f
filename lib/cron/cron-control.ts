import type { SchedulerLike } from 'rxjs';
import { NotRunningError, type TaskError } from '../errors/errors.js';
import { readBy, type AskedBy, type ByWhom } from '../task/by-whom.js';
import type { TaskHistory } from '../task/composite.js';
import type { TaskHooks } from '../task/task-hooks.js';
import type { SlotHistory, SlotOutcome, TaskEventDetail } from '../task/types.js';
import { invalid, validateInteger } from '../util/validate.js';
import { readOptions } from '../util/validate-options.js';
import type { SlotPolicy } from './cron-options.js';
import { slotsFrom, toSchedule, type Schedule, type ScheduleSource } from './schedule.js';
import { SlotCounts } from './slot-counts.js';
import type { SlotLog } from './slot-log.js';
import { firstSlot, type Timetable, type TimetableFactory } from './timetable.js';

/** Options of {@link CronRunner.reschedule}. */
export interface RescheduleOptions extends ByWhom {
  /** The IANA time zone of a cron expression. Default: the one that the cron has. */
  timezone?: string | undefined;
}

/** Options of {@link CronRunner.nextRuns}. */
export interface NextRunsOptions {
  /** The schedule of a `reschedule`. Default: the one that the cron has. */
  schedule?: number | string | Schedule | undefined;
  /** The IANA time zone of a cron expression. Default: the one that the cron has. */
  timezone?: string | undefined;
}

/** The clock of a cron that runs. */
export interface ControlledClock {
  /** The slot that it waits for; `Infinity` after the last one. */
  readonly slot: number;
  readonly timetable: Timetable;
  /** The ms by which the clock has been set back: a slot of a period is due so much earlier by the clock. */
  readonly clockOffset: number;
  /** Emits the slots that are due by now, without waiting for the timer. */
  flush(): void;
  /** Emits these, and the slot that is delayed by its jitter. */
  flushDelayed(): void;
  /** Goes by another timetable from now on. */
  reschedule(timetable: Timetable): void;
}

/** The slots of a cron that runs. */
export interface ControlledSlots {
  readonly scheduler: SchedulerLike;
  /** The number of slots that have been started and have not ended. */
  readonly running: number;
  /** Whether no further run may start. */
  readonly stopped: boolean;
  /** The number of runs that may still be started. */
  readonly remainingRuns: number;
  emitEvent(detail: TaskEventDetail): void;
  trigger(by: AskedBy): Promise<SlotOutcome>;
  /** Follows the schedule again, after its last slot. */
  followSchedule(): void;
}

/** A schedule that replaces another one, and the time zone that the cron has from then on. */
interface RescheduledSource {
  readonly source: ScheduleSource;
  readonly timezone: string | undefined;
}

/** The state of a cron that its runs share, and that its runner can change while it runs. */
export class CronControl<T> implements TaskHistory {
  readonly slotHooks: TaskHooks<T>;
  readonly policy: SlotPolicy;
  /** Created at the first notice, because there may be very many crons. */
  slotLog?: SlotLog;
  readonly counts: SlotCounts = new SlotCounts();
  lastError?: TaskError;
  /** Whether the runner or the coordinator has paused the cron. */
  paused = false;
  /** The clock, for as long as there are slots to come. */
  clock: ControlledClock | undefined = undefined;
  /** The slots of the current run. */
  current: ControlledSlots | undefined = undefined;
  /** The last slot of a schedule by the wall clock, which no later run repeats; `-Infinity` before the first. */
  private lastSlot: number;
  /** When the last slot was due, by the clock, which may have been set back since; `-Infinity` before the first. */
  private lastDue: number;
  private source: ScheduleSource;
  private timezone: string | undefined;
  private readonly createTimetable: TimetableFactory;
  /** Whether each of the two wants a pause. */
  private readonly pauses = { runner: false, coordinator: false };
  private pauseAskedBy: AskedBy = {};
  /** Whether the last event of the pause was `paused`. */
  private reportedPaused = false;
  /** A change of the schedule while the cron was not running, which no event has reported. */
  private unreportedReschedule: AskedBy | undefined = undefined;
  /** The slots that came due during the pause. */
  private pausedSlots: { readonly first: number; count: number } | undefined = undefined;
  /** Whether the schedule was replaced during the current run. */
  private rescheduled = false;

  constructor(
    slotHooks: TaskHooks<T>,
    policy: SlotPolicy,
    createTimetable: TimetableFactory,
    source: ScheduleSource,
    timezone: string | undefined,
  ) {
    this.slotHooks = slotHooks;
    this.lastSlot = this.lastDue = -Infinity;
    this.policy = policy;
    this.createTimetable = createTimetable;
    this.source = source;
    this.timezone = timezone;
  }

  get nextAt(): number | undefined {
    const { clock, paused } = this;
    return paused || !clock || clock.slot === Infinity ? undefined : clock.slot - clock.clockOffset;
  }

  get running(): number {
    return this.current?.running ?? 0;
  }

  get slots(): SlotHistory {
    return this.counts.now;
  }

  /** Returns the timetable of the slots from now on. */
  timetable(now: number): Timetable {
    const { source, lastSlot, lastDue, rescheduled, current } = this;
    return this.createTimetable(source, now, {
      lastSlot,
      lastDue,
      rescheduled,
      onRandomFailed: (error) => current?.emitEvent({ type: 'option-failed', option: 'random', error }),
    });
  }

  /** Stores the last of the slots that have come due now. */
  storeLast(slot: number): void {
    const { clock } = this;
    this.lastDue = slot - (clock?.clockOffset ?? 0);
    // An immediate slot, after the clock was set back, may be before slots of earlier runs.
    if (!clock?.timetable.elapsed) this.lastSlot = Math.max(slot, this.lastSlot);
  }

  /** Called when a run begins. Reports what was asked for while the cron was not running. */
  begin(slots: ControlledSlots): void {
    this.current = slots;
    this.rescheduled = false;
    if (this.paused || this.reportedPaused) this.reportPause(slots);
    // A listener may have rescheduled the cron.
    const { unreportedReschedule: by } = this;
    this.unreportedReschedule = undefined;
    if (by) this.reportReschedule(slots, firstSlot(this.timetable(slots.scheduler.now())), by);
  }

  /** Called when a run ends. The pause of the coordinator ends with it, without an event. */
  end(): void {
    this.reportPausedSlots();
    this.pauses.coordinator = false;
    this.paused = this.reportedPaused = this.pauses.runner;
    this.current = undefined;
  }

  async trigger(name: string, options: ByWhom): Promise<SlotOutcome> {
    const by = readBy(options, 'trigger');
    const { current } = this;
    if (!current || current.stopped) throw new NotRunningError(name);
    return current.trigger(by);
  }

  pause(options: ByWhom): void {
    this.setPause('runner', true, readBy(options, 'pause'));
  }

  resume(options: ByWhom): void {
    this.setPause('runner', false, readBy(options, 'resume'));
  }

  /** Begins or ends one of the two pauses of the cron. */
  setPause(source: 'runner' | 'coordinator', paused: boolean, by: AskedBy): void {
    const { pauses } = this;
    if (pauses[source] === paused) return;
    pauses[source] = paused;
    // A slot that is due belongs to the time before the change. Its run may change the pause again.
    this.clock?.flush();
    const isPaused = pauses.runner || pauses.coordinator;
    if (isPaused === this.paused) return;
    this.paused = isPaused;
    this.pauseAskedBy = by;
    if (this.current) this.reportPause(this.current);
    if (!isPaused) this.reportPausedSlots();
  }

  private reportPause(slots: ControlledSlots): void {
    this.reportedPaused = this.paused;
    slots.emitEvent({ type: this.paused ? 'paused' : 'resumed', ...this.pauseAskedBy });
  }

  reschedule(schedule: unknown, options: RescheduleOptions): void {
    const { timezone: given, ...asked } = readOptions(options, ['timezone', 'by'], 'reschedule', { tz: 'timezone' });
    const by = readBy(asked, 'reschedule');
    const { source, timezone } = this.toSource(schedule, given);
    const { current, lastSlot } = this;
    // May throw, and then nothing is changed.
    if (current) firstSlot(this.createTimetable(source, current.scheduler.now(), { lastSlot, rescheduled: true }));
    this.clock?.flushDelayed();
    this.source = source;
    this.timezone = timezone;
    // The run of a slot that was due may have ended the cron.
    if (current && current === this.current && !current.stopped) this.applyReschedule(current, by);
    else this.unreportedReschedule = by;
  }

  private applyReschedule(slots: ControlledSlots, by: AskedBy): void {
    const { source } = this;
    this.rescheduled = true;
    this.unreportedReschedule = undefined;
    const timetable = this.timetable(slots.scheduler.now());
    this.reportReschedule(slots, firstSlot(timetable), by);
    // A listener may have rescheduled the cron again.
    if (source !== this.source) return;
    if (this.clock) this.clock.reschedule(timetable);
    else slots.followSchedule();
  }

  private reportReschedule(slots: ControlledSlots, nextAt: number | undefined, by: AskedBy): void {
    slots.emitEvent({ type: 'rescheduled', ...(nextAt !== undefined && { nextAt }), ...by });
  }

  /** Returns the next slots: of the current run, else of a run that would start now. */
  nextRuns(n: number, willStart: boolean, options: NextRunsOptions): Date[] {
    validateInteger('n', 0, Infinity, n);
    const { schedule, timezone } = readOptions(options, ['schedule', 'timezone'], 'nextRuns', { tz: 'timezone' });
    if (schedule !== undefined) return this.runsAfterReschedule(n, willStart, this.toSource(schedule, timezone).source);
    if (timezone !== undefined) throw new RangeError(invalid('timezone', 'left out without a `schedule`', timezone));
    if (this.paused) return [];
    const { clock } = this;
    const timetable = clock?.timetable ?? (willStart ? this.timetable(Date.now()) : undefined);
    if (!timetable) return [];
    return this.runsOf(timetable, clock ? clock.slot : firstSlot(timetable), n, clock?.clockOffset);
  }

  /** Returns the slots that would follow a change of the schedule now. */
  private runsAfterReschedule(n: number, willStart: boolean, source: ScheduleSource): Date[] {
    const { current, lastSlot, lastDue } = this;
    if (current ? current.stopped : !willStart) return [];
    const now = current?.scheduler.now() ?? Date.now();
    const rescheduled = current !== undefined;
    const timetable = this.createTimetable(source, now, { lastSlot, lastDue, rescheduled });
    return this.runsOf(timetable, firstSlot(timetable), n);
  }

  private runsOf({ schedule, stopAt }: Timetable, first: number | undefined, n: number, clockOffset = 0): Date[] {
    const maxCount = Math.min(n, this.current?.remainingRuns ?? this.policy.maxRuns ?? Infinity);
    return slotsFrom(schedule, first, maxCount, stopAt).map((slot) => new Date(slot - clockOffset));
  }

  /** Validates a schedule. A cron expression has the time zone of the cron, unless it has its own. */
  private toSource(schedule: unknown, timezone: string | undefined): RescheduledSource {
    const ownTimezone = timezone ?? this.timezone;
    const source = toSchedule(schedule, typeof schedule === 'string' ? ownTimezone : timezone);
    return { source, timezone: ownTimezone };
  }

  /** Counts slots that came due during the pause. */
  addPaused(first: number, count: number): void {
    this.pausedSlots ??= { first, count: 0 };
    this.pausedSlots.count += count;
  }

  /** Reports the slots that came due during the pause, as one event. */
  reportPausedSlots(): void {
    const { pausedSlots } = this;
    this.pausedSlots = undefined;
    if (pausedSlots) this.reportMissed(pausedSlots.first, pausedSlots.count, 'paused');
  }

  reportMissed(slot: number, count: number, reason?: 'paused'): void {
    this.counts.missed += count;
    this.current?.emitEvent({ type: 'missed', slot, count, ...(reason && { reason }) });
  }
}

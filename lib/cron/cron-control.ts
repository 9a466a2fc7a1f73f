import type { SchedulerLike } from 'rxjs';
import { NotRunningError, type TaskError } from '../errors/errors.js';
import { readBy, type AskedBy, type ByWhom } from '../task/by-whom.js';
import type { TaskHistory } from '../task/composite.js';
import type { TaskHooks } from '../task/task-hooks.js';
import type { SlotHistory, SlotOutcome, TaskEventDetail } from '../task/types.js';
import { validateInteger } from '../util/validate.js';
import type { SlotPolicy } from './cron-options.js';
import { slotsFrom, toSchedule, type ScheduleSource } from './schedule.js';
import { SlotCounts } from './slot-counts.js';
import { SlotLog } from './slot-log.js';
import { firstSlot, type Timetable, type TimetableFactory } from './timetable.js';

/** Options of {@link CronRunner.reschedule}. */
export interface RescheduleOptions extends ByWhom {
  /** The IANA time zone of a cron expression. Default: the one that the cron has. */
  timezone?: string | undefined;
}

/** The clock of a cron that runs. */
export interface ControlledClock {
  /** The slot that it waits for. */
  readonly slot: number | undefined;
  readonly timetable: Timetable;
  /** Emits the slots that are due by now, without waiting for the timer. */
  flush(): void;
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
}

/** The state of a cron that its runs share, and that its runner can change while it runs. */
export class CronControl<T> implements TaskHistory {
  readonly slotHooks: TaskHooks<T>;
  readonly policy: SlotPolicy;
  readonly slotLog: SlotLog = new SlotLog();
  readonly counts: SlotCounts = new SlotCounts();
  lastError?: TaskError;
  lastSlot?: number;
  /** Whether the runner or the coordinator has paused the cron. */
  paused = false;
  /** The clock, for as long as there are slots to come. */
  clock: ControlledClock | undefined = undefined;
  /** The slots of the current run. */
  current: ControlledSlots | undefined = undefined;
  private source: ScheduleSource;
  private timezone: string | undefined;
  private readonly createTimetable: TimetableFactory;
  /** Whether each of the two wants a pause. */
  private readonly pauses = { runner: false, coordinator: false };
  /** The slots that came due during the pause. */
  private pausedSlots: { readonly first: number; count: number } | undefined = undefined;

  constructor(
    slotHooks: TaskHooks<T>,
    policy: SlotPolicy,
    createTimetable: TimetableFactory,
    source: ScheduleSource,
    timezone: string | undefined,
  ) {
    this.slotHooks = slotHooks;
    this.policy = policy;
    this.createTimetable = createTimetable;
    this.source = source;
    this.timezone = timezone;
  }

  get nextAt(): number | undefined {
    return this.paused ? undefined : this.clock?.slot;
  }

  get running(): number {
    return this.current?.running ?? 0;
  }

  get slots(): SlotHistory {
    return this.counts.now;
  }

  /** Returns the timetable of a run that starts now. */
  timetable(now: number, onRandomFailed: (error: unknown) => void): Timetable {
    return this.createTimetable(this.source, now, { lastSlot: this.lastSlot, onRandomFailed });
  }

  async trigger(name: string, options: ByWhom): Promise<SlotOutcome> {
    const by = readBy(options, ['by']);
    const { current } = this;
    if (!current || current.stopped) throw new NotRunningError(name);
    return current.trigger(by);
  }

  pause(options: ByWhom): void {
    this.setPause('runner', true, readBy(options, ['by']));
  }

  resume(options: ByWhom): void {
    this.setPause('runner', false, readBy(options, ['by']));
  }

  /** Begins or ends one of the two pauses of the cron. */
  setPause(source: 'runner' | 'coordinator', paused: boolean, by: AskedBy): void {
    const { pauses } = this;
    if (pauses[source] === paused) return;
    pauses[source] = paused;
    // A slot that is due belongs to the time before the change. Its run may change the pause again.
    this.clock?.flush();
    const now = pauses.runner || pauses.coordinator;
    if (now === this.paused) return;
    this.paused = now;
    this.current?.emitEvent({ type: now ? 'paused' : 'resumed', ...by });
    if (!now) this.reportPausedSlots();
  }

  /** Ends the pause of the coordinator without an event, because the run of the cron ends. */
  dropCoordinatorPause(): void {
    this.pauses.coordinator = false;
    this.paused = this.pauses.runner;
  }

  reschedule(schedule: unknown, options: RescheduleOptions): void {
    const by = readBy(options, ['timezone', 'by']);
    const timezone = options.timezone ?? this.timezone;
    const source = toSchedule(schedule, typeof schedule === 'string' ? timezone : options.timezone);
    this.clock?.flush();
    const { clock, current, lastSlot } = this;
    const timetable =
      clock && current && this.createTimetable(source, current.scheduler.now(), { lastSlot, rescheduled: true });
    // May throw, and then nothing is changed.
    const nextAt = timetable && firstSlot(timetable);
    this.source = source;
    this.timezone = timezone;
    if (!timetable) return;
    current.emitEvent({ type: 'rescheduled', ...(nextAt !== undefined && { nextAt }), ...by });
    clock.reschedule({ ...timetable, random: clock.timetable.random });
  }

  /** Returns the next slots: of the current run, else of a run that would start now. */
  nextRuns(n: number, isIdle: boolean): Date[] {
    validateInteger('n', 0, Infinity, n);
    if (this.paused) return [];
    const { clock, current } = this;
    const timetable = clock?.timetable ?? (isIdle ? this.timetable(Date.now(), () => undefined) : undefined);
    if (!timetable) return [];
    const first = clock ? clock.slot : firstSlot(timetable);
    const most = Math.min(n, current?.remainingRuns ?? this.policy.maxRuns ?? Infinity);
    return slotsFrom(timetable.schedule, first, most, timetable.stopAt).map((slot) => new Date(slot));
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

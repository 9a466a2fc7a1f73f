import { invalid, validateInteger, validateMs, validateOneOf } from '../util/validate.js';
import { readOptions, type OtherNames } from '../util/validate-options.js';
import { readCoordinator, type Coordinator, type CoordinatorMethods } from './coordinator.js';

/** Options of {@link cron}. A time is a Date or a number of ms since the epoch; a duration is a number of ms. */
export interface CronOptions {
  /** Whether a slot is due at the start as well. Default: `true` for a period without `lastRun`, `false` otherwise. */
  immediate?: boolean | undefined;
  /**
   * The policy for a slot that comes due during a run. The names are Temporal's. Default: `'skip'`.
   *
   * - `'skip'` drops the slot, as `exhaustMap` does.
   * - `'bufferOne'` lets one slot wait for the end of the run, and drops the slots that come due while it waits.
   * - `'bufferAll'` lets all slots wait for their turn, as `concatMap` does.
   * - `'cancelOther'` cancels the run and starts the slot when that run has fully ended. `switchMap` would not wait.
   * - `'allowAll'` starts the slot at once, concurrently, as `mergeMap` does.
   */
  overlap?: 'skip' | 'bufferOne' | 'bufferAll' | 'cancelOther' | 'allowAll' | undefined;
  /**
   * The policy for slots that passed while the process could not run them: because it was suspended or blocked, or,
   * with `lastRun`, because it was not running. Default: `'skip'`.
   *
   * - `'skip'` runs the latest of them if it is late by no more than `tolerance`, and drops the others.
   * - `'runOnce'` runs the latest of them, however late, and drops the others.
   * - `'runAll'` runs all of them, one after another, whatever `overlap` is.
   */
  missed?: 'skip' | 'runOnce' | 'runAll' | undefined;
  /**
   * The age, in ms, up to which a missed slot is run, as Temporal's catch-up window. It bounds `missed` and `lastRun`.
   * Older slots are dropped, as one `missed` event. Default: `Infinity`.
   */
  missedWithin?: number | undefined;
  /** The delay, in ms, up to which a slot is on time. A later slot is missed or `overdue`. Default: 1,000. */
  tolerance?: number | undefined;
  /**
   * The last slot before the process was restarted. The slots since then count as missed, and a period continues from
   * there. Default: none, so the schedule begins at the start.
   */
  lastRun?: number | Date | undefined;
  /** The earliest time of a slot. A period that would begin before it begins then. Default: no limit. */
  startAt?: number | Date | undefined;
  /** The end of the schedule: no slot is due at or after it. The runner ends after the last run. Default: no end. */
  stopAt?: number | Date | undefined;
  /** The number of runs after which the runner ends. Default: no limit. */
  maxRuns?: number | undefined;
  /** The longest random delay of a slot, in ms. No slot is delayed past the next one. Default: 0. */
  jitter?: number | undefined;
  /** Returns a random number for `jitter`, from 0 up to, but not including, 1. Default: `Math.random`. */
  random?: (() => number) | undefined;
  /**
   * The longest time that one run may take, in ms, the wait for its lease included. A run that takes longer is
   * cancelled and fails with a `DeadlineError`. A slot whose lease is not answered in time is `skipped`. Default: no
   * limit.
   *
   * After the task's `grace` (default here: 0) the cron stops waiting for the run and releases its lease. A promise
   * that ignores its context may then overlap with the next run.
   */
  timeout?: number | undefined;
  /** The reaction to a failed run: `'continue'` the schedule, or `'stop'` with the error. Default: `'continue'`. */
  onError?: 'continue' | 'stop' | undefined;
  /** The IANA time zone of a cron expression, such as `Europe/Paris`. Default: the time zone of the process. */
  timezone?: string | undefined;
  /**
   * Decides which process runs a slot. It needs a schedule that yields the same slots in every process, such as a cron
   * expression. The slots of a period do not match, because each process counts them from its own start. Default: none,
   * so this process runs every slot.
   */
  coordinator?: Coordinator | undefined;
}

/** The validated options that decide what happens to a slot that is due. */
export interface SlotPolicy extends CoordinatorMethods {
  readonly overlap: NonNullable<CronOptions['overlap']>;
  readonly missed: NonNullable<CronOptions['missed']>;
  readonly missedWithin: number;
  readonly tolerance: number;
  readonly maxRuns: number | undefined;
  readonly timeout: number | undefined;
  readonly onError: NonNullable<CronOptions['onError']>;
}

const optionNames: readonly (keyof CronOptions)[] = [
  'immediate',
  'overlap',
  'missed',
  'missedWithin',
  'tolerance',
  'lastRun',
  'startAt',
  'stopAt',
  'maxRuns',
  'jitter',
  'random',
  'timeout',
  'onError',
  'timezone',
  'coordinator',
];

/** The names of croner and node-cron. */
const otherNames: OtherNames = {
  tz: 'timezone',
  protect: 'overlap',
  catch: 'onError',
  runOnInit: 'immediate',
  maxExecutions: 'maxRuns',
  maxRandomDelay: 'jitter',
  missedExecutionTolerance: 'tolerance',
  distributed: 'coordinator',
  runCoordinator: 'coordinator',
  name: 'the task has the name',
  paused: 'call `pause()` before the start',
  scheduled: 'call `pause()` before the start',
};

/** Reads the options, once. Throws if one is unknown. */
export function readCronOptions(options: CronOptions): CronOptions {
  return readOptions(options, optionNames, 'cron', otherNames);
}

/** Validates the options of what happens to a slot, and fills in the defaults. */
export function toSlotPolicy(options: CronOptions): SlotPolicy {
  const { overlap = 'skip', missed = 'skip', missedWithin = Infinity, tolerance = 1000 } = options;
  const { maxRuns, timeout, onError = 'continue' } = options;
  validateOneOf('overlap', ['skip', 'bufferOne', 'bufferAll', 'cancelOther', 'allowAll'], overlap);
  validateOneOf('missed', ['skip', 'runOnce', 'runAll'], missed);
  validateMs('missedWithin', missedWithin);
  validateMs('tolerance', tolerance);
  if (maxRuns !== undefined) validateInteger('maxRuns', 1, Infinity, maxRuns);
  if (timeout !== undefined) {
    validateMs('timeout', timeout);
    if (timeout === 0) throw new RangeError(invalid('timeout', 'a number of ms above 0', timeout));
  }
  validateOneOf('onError', ['continue', 'stop'], onError);
  const coordinator = readCoordinator(options.coordinator);
  return { overlap, missed, missedWithin, tolerance, maxRuns, timeout, onError, ...coordinator };
}

import type { Observable } from 'rxjs';
import {
  invalid,
  validateFunction,
  validateMs,
  validateOneOf,
  validateOptions,
  validateInteger,
} from '../util/validate.js';
import { expectTime, type ScheduleSource } from './schedule.js';
import type { Timetable } from './slot-clock.js';
import type { SlotPolicy } from './slot-dispatcher.js';

/** How a cron goes about its slots. Times are Dates or ms since the epoch. */
export interface CronOptions {
  /** Whether a slot is due at the start, too. Unless said, with a period that has no `lastRun`, and not otherwise. */
  immediate?: boolean;
  /**
   * What becomes of a slot while the last run still goes. The names are Temporal's; what RxJS calls it stands behind.
   * `'skip'`, unless said, drops it (`exhaustMap`); `'bufferOne'` lets it wait, and drops those that come while it does;
   * `'bufferAll'` lets all of them wait (`concatMap`); `'cancelOther'` cancels the run and starts once that has fully ended
   * (`switchMap`, which would not wait); `'allowAll'` starts it beside (`mergeMap`).
   */
  overlap?: 'skip' | 'bufferOne' | 'bufferAll' | 'cancelOther' | 'allowAll';
  /**
   * What becomes of slots that passed while the process could not run: asleep, blocked, or, with a `lastRun`, not there.
   * `'skip'`, unless said, drops them but for the latest, if that is late by no more than `tolerance`; `'runOnce'` runs the
   * latest, however late; `'runAll'` runs all of them, one after another, whatever `overlap` says.
   */
  missed?: 'skip' | 'runOnce' | 'runAll';
  /** How late a slot may start, in ms, before it is missed or `overdue`; 1000 unless said. */
  tolerance?: number;
  /** The last slot from before a restart. The slots since then were missed, and a period goes on from there. */
  lastRun?: number | Date | undefined;
  /** No slot comes before it; a period that would start earlier starts then. */
  startAt?: number | Date;
  /** No slot comes at it or after; the runner ends after the last run. */
  stopAt?: number | Date;
  /** After how many runs the runner ends. */
  maxRuns?: number;
  /** By how many ms at most each slot is put off, at random, but never past the next one; 0 unless said. */
  jitter?: number;
  /** What `jitter` takes instead of `Math.random`: from 0 up to, but not including, 1. */
  random?: () => number;
  /**
   * How long one run may take, its lease included, in ms. It is then cancelled, and is a `run-failed` with a `DeadlineError`; one
   * whose lease has not been answered by then is `skipped`. The schedule, its `overlap` and the lease wait for it no longer once its
   * `grace` is over, here 0 unless the task says more: a promise that does not heed its context goes on beside the next run.
   */
  timeout?: number;
  /** Whether the schedule goes on after a failed run, or the runner ends with its error; `'continue'` unless said. */
  onError?: 'continue' | 'stop';
  /** The time zone of an expression, by its IANA name; the process's unless said. */
  timezone?: string;
  /**
   * Who says which process runs a slot. For an expression, or a schedule that is the same in all processes: the slots of a period count
   * from the start of each, and no two would be one.
   */
  coordinator?: Coordinator;
}

/** Lets at most one process run a slot. */
export interface Coordinator {
  /**
   * Asks whether this process may run a slot, which is named by when it is due. `true` grants it; `false` refuses it, or takes
   * it back, by which the run is cancelled. An error, or an end without an answer, refuses. Unsubscribing says that the run has
   * ended.
   */
  lease(task: string, slot: number): Observable<boolean>;
}

const optionNames = [
  'immediate',
  'overlap',
  'missed',
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

/** Refuses an option that does not exist. */
export function validateCronOptions(options: CronOptions): void {
  validateOptions(options, optionNames);
}

/** Checks the options of what happens to a slot, and fills in the defaults. */
export function toPolicy(options: CronOptions): SlotPolicy {
  const { overlap = 'skip', missed = 'skip', tolerance = 1000, maxRuns, timeout, onError = 'continue' } = options;
  validateOneOf('overlap', ['skip', 'bufferOne', 'bufferAll', 'cancelOther', 'allowAll'], overlap);
  validateOneOf('missed', ['skip', 'runOnce', 'runAll'], missed);
  validateMs('tolerance', tolerance);
  if (maxRuns !== undefined) validateInteger('maxRuns', 1, Infinity, maxRuns);
  if (timeout !== undefined) {
    validateMs('timeout', timeout);
    if (timeout === 0) throw new RangeError(invalid('timeout', 'a number of ms above 0', timeout));
  }
  validateOneOf('onError', ['continue', 'stop'], onError);
  const { coordinator } = options;
  if (coordinator !== undefined && !isCoordinator(coordinator))
    throw new TypeError(invalid('coordinator', 'an object with a `lease` function', coordinator));
  return { overlap, missed, tolerance, maxRuns, timeout, onError, coordinator };
}

/** Checks the options of when slots are due, and returns what makes the timetable of a cron that starts at a time. */
export function toTimes(options: CronOptions, source: ScheduleSource): (now: number, lastSlot?: number) => Timetable {
  const { jitter = 0, random = Math.random } = options;
  const time = (name: 'lastRun' | 'startAt' | 'stopAt') => {
    const given = options[name];
    return given === undefined ? undefined : expectTime(name, given);
  };
  const givenLastRun = time('lastRun');
  const startAt = time('startAt') ?? -Infinity;
  const stopAt = time('stopAt') ?? Infinity;
  const { immediate = source.elapsed && givenLastRun === undefined } = options;
  if (typeof immediate !== 'boolean') throw new TypeError(invalid('immediate', 'a boolean', immediate));
  if (immediate && givenLastRun !== undefined)
    throw new RangeError(
      invalid('immediate', 'false or left out beside `lastRun`, from which the slots go on', immediate),
    );
  if (startAt >= stopAt) throw new RangeError(invalid('stopAt', 'after `startAt`', options.stopAt));
  validateMs('jitter', jitter);
  validateFunction('random', random);
  return (now, lastSlot) => {
    const lastRun = givenLastRun === undefined ? undefined : (lastSlot ?? givenLastRun);
    // The clock may have been set back since. The slots of a period go by the time that has passed.
    const seen = source.elapsed ? undefined : lastSlot;
    const start = Math.max(now, startAt);
    return {
      schedule: source.from(lastRun ?? start),
      immediate: immediate ? start : undefined,
      after: Math.max(lastRun ?? now, seen ?? -Infinity, startAt - 1),
      startAt,
      stopAt,
      elapsed: source.elapsed,
      jitter,
      random,
    };
  };
}

function isCoordinator(x: unknown): boolean {
  return typeof x === 'object' && x !== null && 'lease' in x && typeof x.lease === 'function';
}

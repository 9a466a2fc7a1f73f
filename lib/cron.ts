import { catchError, EMPTY, exhaustMap, filter, finalize, map, Observable, tap, throwError } from 'rxjs';
import { untilCancelled, type CancelFunc } from './context.js';
import type { TaskError } from './errors.js';
import { drive, type Driven, type EventSink } from './internal/drive.js';
import { expected, expectOneOf, expectOptions } from './internal/expect.js';
import { Run, type RunHost } from './internal/run.js';
import { toScope } from './internal/to-scope.js';
import { nameOf, toWork, type Work } from './internal/work.js';
import type { TaskRunner } from './outcome.js';
import { taskRunner } from './runner.js';
import { expectPeriod, periodSlots, type DueSlots } from './schedule.js';
import type { RunContext, SimpleTask, Task } from './task.js';

/** How a cron goes about its slots. */
export interface CronOptions {
  /** Whether a slot is due at the start, too; `true` unless said. */
  immediate?: boolean;
  /** Whether the schedule goes on after a failed run, or the runner ends with its error; `'continue'` unless said. */
  onError?: 'continue' | 'stop';
}

/** A slot that was missed is still run, when it is the latest and late by no more than this, in ms. */
const tolerance = 1000;

/**
 * Runs a task periodically: `initialize` once, `execute` per slot, each under a context of its own, `finalize` once.
 * Slot k is due at start + k · `period`, without drift, and no two runs overlap: a slot that finds the last run still going
 * is dropped, with a `skipped` event. A failed run is a `run-failed` event, and the schedule goes on. Cancelling ends the
 * schedule at once and the run under way as any run; the runner ends after both.
 *
 * @param period in ms.
 * @throws TypeError when `task` is no task or `period` no number; RangeError when it is not finite or not above 0; either
 * for an option that does not exist.
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
export function cron<T>(task: SimpleTask<T> | Task<T>, period: number, options: CronOptions = {}): TaskRunner<T> {
  const work = toWork(task);
  expectPeriod(period);
  expectOptions(options, ['immediate', 'onError']);
  const { immediate = true, onError = 'continue' } = options;
  if (typeof immediate !== 'boolean') throw new TypeError(expected('immediate', 'a boolean', immediate));
  expectOneOf('onError', ['continue', 'stop'], onError);

  const name = nameOf(work);
  const onceASlot: Work<T> = {
    execute: (ctx, cancel) => work.execute(ctx, cancel),
    toString: () => name,
    ...(work.grace !== undefined && { grace: work.grace }),
  };
  const periodic: Driven<T> = {
    ...onceASlot,
    ...(work.initialize && { initialize: (ctx: RunContext) => work.initialize?.(ctx) }),
    ...(work.finalize && { finalize: () => work.finalize?.() }),
    [drive](ctx, cancel, events) {
      let going = false;
      return runnable(periodSlots(period, ctx.scheduler, immediate), events).pipe(
        untilCancelled(ctx),
        tap((slot) => {
          if (going && events.observed) events.emit({ type: 'skipped', slot, reason: 'overlap' });
        }),
        exhaustMap((slot) => {
          going = true;
          if (events.observed) events.emit({ type: 'tick', slot });
          return runSlot(onceASlot, slot, ctx, cancel, events).pipe(
            catchError((error: unknown) => {
              // A run errors with nothing else.
              events.emit({ type: 'run-failed', slot, error: error as TaskError });
              return onError === 'stop' ? throwError(() => error) : EMPTY;
            }),
            finalize(() => (going = false)),
          );
        }),
      );
    },
  };
  return taskRunner(periodic);
}

/** The slots to run; those that passed too long ago are told as missed. */
function runnable(due$: Observable<DueSlots>, events: EventSink): Observable<number> {
  return due$.pipe(
    filter(({ first, count, late }) => {
      const missed = late > tolerance ? count : count - 1;
      if (missed > 0 && events.observed) events.emit({ type: 'missed', slot: first, count: missed });
      return late <= tolerance;
    }),
    map(({ last }) => last),
  );
}

function runSlot<T>(
  work: Work<T>,
  slot: number,
  ctx: RunContext,
  cancel: CancelFunc,
  events: EventSink,
): Observable<T> {
  const host: RunHost<T> = {
    name: ctx.task,
    work,
    get observed() {
      return events.observed;
    },
    // The rest of a slot's life shows in `tick` and `run-failed`.
    emit: (_, detail) => detail.type === 'late' && events.emit({ ...detail, slot }),
  };
  return new Observable((subscriber) => {
    const run = new Run(host, ctx.runId, subscriber, toScope(ctx), cancel, slot);
    subscriber.add(() => Run.leave(run));
    run.start();
  });
}

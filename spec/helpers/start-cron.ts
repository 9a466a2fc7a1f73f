import { expect } from 'chai';
import { map, timer, type Observable } from 'rxjs';
import {
  cron,
  task,
  withCancel,
  type CancelFunc,
  type Context,
  type CronRunner,
  type CronOptions,
  type RunContext,
  type Schedule,
  type SimpleTask,
  type TaskDefinition,
  type TaskEvent,
  type TaskRunner,
} from '../../lib/index.js';
import { virtualClock, type VirtualClock } from '../../lib/testing/index.js';
import { collect } from './collect.js';

export type Overlap = NonNullable<CronOptions['overlap']>;
export const overlapPolicies: readonly Overlap[] = ['skip', 'bufferOne', 'bufferAll', 'cancelOther', 'allowAll'];

/** A Schedule that is due every 10 ms. Unlike a period, it cannot count the slots that have passed. */
export const everyTen: Schedule = { next: (after) => Math.floor(after / 10) * 10 + 10 };

/** A cron that has been started on a virtual clock. */
export interface StartedCron<T> {
  readonly clock: VirtualClock;
  readonly runner: CronRunner<T>;
  readonly ctx: Context;
  readonly cancel: CancelFunc;
  /** The values of the runs so far, and the end. */
  readonly emitted: (T | 'complete' | Error)[];
  /** The events of the slots so far, and the end: see {@link slotEvents}. */
  readonly log: string[];
}

/** Starts a cron on a virtual clock of its own, or on a given one. */
export function startCron<T>(
  work: SimpleTask<T>['execute'] | TaskDefinition<T>,
  schedule: number | string | Schedule,
  options: CronOptions = {},
  clock: VirtualClock = virtualClock(),
): StartedCron<T> {
  const [ctx, cancel] = withCancel(undefined, { scheduler: clock });
  const runner = cron(task('x', typeof work === 'function' ? { execute: work } : work), schedule, options);
  const log = slotEvents(runner);
  return { clock, runner, ctx, cancel, log, emitted: collect(runner.start(ctx, cancel)) };
}

/** Collects the events of a cron's slots, and its end. `12: started 10` stands for the slot of 10, started at 12. */
export function slotEvents(runner: TaskRunner): string[] {
  const log: string[] = [];
  runner.events$.subscribe((event) => {
    const line = lineOf(event);
    if (line !== undefined) log.push(`${event.at}: ${line}`);
  });
  return log;
}

/** Returns the slots of a log that were run. */
export function startedSlots(log: readonly string[]): number[] {
  return log.filter((line) => line.includes(': started ')).map((line) => Number(line.split(' ')[2]));
}

function lineOf(event: TaskEvent): string | undefined {
  switch (event.type) {
    case 'slot-started':
      return `started ${event.slot}`;
    case 'skipped':
      return `skipped ${event.slot} ${event.reason}${'error' in event ? ` (${String(event.error)})` : ''}`;
    case 'missed':
      return `missed ${event.slot} ×${event.count}${event.reason ? ` ${event.reason}` : ''}`;
    case 'triggered':
      return `triggered ${event.slot}${byWhom(event)}`;
    case 'paused':
    case 'resumed':
      return event.type + byWhom(event);
    case 'rescheduled':
      return `rescheduled to ${event.nextAt}${byWhom(event)}`;
    case 'overdue':
      return `overdue ${event.slot} by ${event.lateBy}`;
    case 'cancelling':
      return event.slot === undefined ? undefined : `revoked ${event.slot} by ${String(event.cause)}`;
    case 'slot-failed':
      return `failed ${event.slot} ${String(event.error)}`;
    case 'result-dropped':
      return `dropped ${event.slot}${event.error ? ` ${String(event.error)}` : ''}`;
    case 'done':
      return `done ${event.outcome.status}`;
    default:
      return undefined;
  }
}

function byWhom({ by }: { readonly by?: string }): string {
  return by === undefined ? '' : ` by ${by}`;
}

/** Returns an `execute` that takes some ms and then yields its slot. */
export function takes(ms: number): (ctx: RunContext) => Observable<number | undefined> {
  return ({ scheduler, slot }) => timer(ms, scheduler).pipe(map(() => slot));
}

/** Returns the slots that a cron runs within some ms from `now` on, each with the time at which it runs. */
export function runsOf(
  schedule: number | string | Schedule,
  options: CronOptions,
  ms: number,
  now = 0,
): [slot: number, at: number][] {
  const runs: [number, number][] = [];
  const { clock, cancel } = startCron(
    ({ slot = NaN, scheduler }) => runs.push([slot, scheduler.now()]),
    schedule,
    options,
    virtualClock(now),
  );
  clock.advance(ms);
  cancel();
  expect(clock.timers).to.equal(0);
  return runs;
}

/** Returns the slots that a cron runs, as {@link runsOf} does, and expects each to run exactly on time. */
export function slotsOf(schedule: number | string | Schedule, options: CronOptions, ms: number, now = 0): number[] {
  return runsOf(schedule, options, ms, now).map(([slot, at]) => {
    expect(at).to.equal(slot);
    return slot;
  });
}

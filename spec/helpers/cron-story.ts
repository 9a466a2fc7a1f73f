import { map, timer, type Observable } from 'rxjs';
import {
  cron,
  task,
  withCancel,
  type CancelFunc,
  type Context,
  type CronOptions,
  type RunContext,
  type Schedule,
  type TaskDefinition,
  type TaskEvent,
  type TaskRunner,
} from '../../lib/index.js';
import { virtualClock, type VirtualClock } from '../../lib/testing/index.js';
import { collect } from './collect.js';

/** A cron that has been started on a machine. */
export interface Played<T> {
  readonly machine: VirtualClock;
  readonly runner: TaskRunner<T>;
  readonly ctx: Context;
  readonly cancel: CancelFunc;
  /** What its stream has told. */
  readonly told: (T | 'complete' | Error)[];
  /** What its events have told. */
  readonly story: string[];
}

/** Starts a cron on a machine of its own, or on one that others are on, too. */
export function play<T>(
  work: TaskDefinition<T>['execute'] | TaskDefinition<T>,
  schedule: number | string | Schedule,
  options: CronOptions = {},
  machine: VirtualClock = virtualClock(),
): Played<T> {
  const [ctx, cancel] = withCancel(undefined, { scheduler: machine });
  const runner = cron(task('x', typeof work === 'function' ? { execute: work } : work), schedule, options);
  const story = storyOf(runner);
  return { machine, runner, ctx, cancel, story, told: collect(runner.start(ctx, cancel)) };
}

/** What happens to a cron's slots, and how it ends: `12: started 10` says that the slot of 10 is run at 12. */
export function storyOf(runner: TaskRunner): string[] {
  const story: string[] = [];
  runner.events$.subscribe((event) => {
    const line = lineOf(event);
    if (line !== undefined) story.push(`${event.at}: ${line}`);
  });
  return story;
}

function lineOf(event: TaskEvent): string | undefined {
  switch (event.type) {
    case 'slot-started':
      return `started ${event.slot}`;
    case 'skipped':
      return `skipped ${event.slot} ${event.reason}${'error' in event ? ` (${String(event.error)})` : ''}`;
    case 'missed':
      return `missed ${event.slot} ×${event.count}`;
    case 'overdue':
      return `overdue ${event.slot} by ${event.lateBy}`;
    case 'cancelling':
      return event.slot === undefined ? undefined : `lost ${event.slot} to ${String(event.cause)}`;
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

/** A run of some length, which then yields its slot. */
export function lasting(ms: number): (ctx: RunContext) => Observable<number | undefined> {
  return ({ scheduler, slot }) => timer(ms, scheduler).pipe(map(() => slot));
}

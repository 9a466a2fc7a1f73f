import { NEVER, type Observable } from 'rxjs';
import {
  task,
  TaskError,
  withCancel,
  type CancelFunc,
  type Context,
  type SimpleTask,
  type TaskEvent,
  type TaskRunner,
} from '../../lib/index.js';
import { virtualClock, type VirtualClock } from '../../lib/testing/index.js';
import { collect } from '../helpers/collect.js';

/** Delays of exactly 3, 6, 12 ms and so on. */
export const exactBackoff = { initial: 3, jitter: 0 };

/** Creates a task whose runs are these, one after another. After the last one it runs until it is cancelled. */
export function taskOf<T>(...runs: readonly Observable<T>[]): SimpleTask<T> {
  let n = 0;
  return task('x', () => runs[n++] ?? NEVER);
}

export const boom = (name = 'x'): TaskError => new TaskError(name, 'execute', new Error('boom'));

/** Collects the events of a runner as lines: `5: x restarting 1 in 3 (x failed in execute: boom)`. */
export function eventLines(runner: TaskRunner): string[] {
  const log: string[] = [];
  runner.events$.subscribe((event) => log.push(`${event.at}: ${event.task} ${describeEvent(event)}`));
  return log;
}

export function describeEvent(event: TaskEvent): string {
  switch (event.type) {
    case 'restarting':
      return `restarting ${event.restart} in ${event.delay}${event.error ? ` (${event.error.message})` : ''}`;
    case 'done':
      return `done ${event.outcome.status}`;
    case 'result-dropped':
      return `result dropped in ${event.phase}${event.error ? ` (${event.error.message})` : ''}`;
    default:
      return event.type;
  }
}

/** A runner that was started on a virtual clock. */
export interface StartedRunner<T, R extends TaskRunner<T> = TaskRunner<T>> {
  readonly clock: VirtualClock;
  readonly runner: R;
  readonly ctx: Context;
  readonly cancel: CancelFunc;
  /** The values and the end of its stream. */
  readonly emitted: (T | 'complete' | Error)[];
  /** Its events. */
  readonly log: string[];
}

/** Starts a runner on a virtual clock of its own. */
export function startRunner<T, R extends TaskRunner<T>>(
  create: (scheduler: VirtualClock) => R & TaskRunner<T>,
): StartedRunner<T, R> {
  const clock = virtualClock();
  const [ctx, cancel] = withCancel(undefined, { scheduler: clock });
  const runner = create(clock);
  const log = eventLines(runner);
  return { clock, runner, ctx, cancel, log, emitted: collect(runner.start(ctx, cancel)) };
}

/** Collects the delays of the restarts of a runner. */
export function delaysOf(runner: TaskRunner): number[] {
  const delays: number[] = [];
  runner.events$.subscribe((event) => {
    if (event.type === 'restarting') delays.push(event.delay);
  });
  return delays;
}

import { Observable } from 'rxjs';
import type { Context } from '../context.js';
import { expectNumber, expectOptions, expectString } from '../internal/expect.js';
import type { TaskRunner } from '../outcome.js';
import { taskRunner } from '../runner.js';
import { task, type TaskOutput } from '../task.js';
import type { JobEvent } from './job-event.js';
import type { JobQueue } from './queue.js';
import { Shift } from './shift.js';

/** The job that a handler does. */
export interface Job {
  readonly id: string;
  readonly queue: string;
  /** Counts its runs, from 1. */
  readonly attempt: number;
  /** Tells all processes how far it is, in whatever JSON can hold. */
  progress(progress: unknown): void;
}

/**
 * Does a job. Its last value is the job's result; what it throws fails the attempt.
 *
 * @param ctx is cancelled when the job is no longer to be done here, with a `JobCancelledError`, `JobLostError`, `DeadlineError`,
 * `FleetCancelledError`, or the cause of the runner's own cancel.
 */
export type JobHandler<In, Out> = (input: In, ctx: Context, job: Job) => TaskOutput<Out>;

/** How a worker goes about jobs. */
export interface WorkerOptions {
  /** How many it does at a time; 1 unless said. */
  concurrency?: number;
  /** Its name in reports and events; the queue's unless said. */
  name?: string;
}

/** A runner that does the jobs of a queue until it is cancelled. */
export function worker<In, Out>(
  queue: JobQueue<In, Out>,
  handler: JobHandler<In, Out>,
  options: WorkerOptions,
): TaskRunner<JobEvent> {
  expectOptions(options, ['concurrency', 'name']);
  const { concurrency = 1, name = queue.name } = options;
  expectNumber('concurrency', 1, 10_000, concurrency);
  expectString('name', name);
  return taskRunner(
    task(name, {
      initialize: () => queue.open(),
      execute: (ctx) =>
        new Observable<JobEvent>((subscriber) =>
          new Shift(queue, handler, Math.floor(concurrency), ctx, subscriber).begin(),
        ),
      // It ends by itself, when all that it has begun has ended.
      grace: Infinity,
    }),
  );
}

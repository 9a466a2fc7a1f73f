import { Observable } from 'rxjs';
import { validateOptions, validateString, validateInteger } from '../util/validate.js';
import type { TaskRunner } from '../task/types.js';
import { taskRunner } from '../task/runner.js';
import { task } from '../task/task.js';
import type { JobEvent } from './job-event.js';
import type { JobHandler, WorkerOptions } from './job.js';
import type { JobQueue } from './job-queue.js';
import { Shift } from './shift.js';

/** A runner that does the jobs of a queue until it is cancelled. */
export function worker<In, Out>(
  queue: JobQueue<In, Out>,
  handler: JobHandler<In, Out>,
  options: WorkerOptions,
): TaskRunner<JobEvent> {
  validateOptions(options, ['concurrency', 'name']);
  const { concurrency = 1, name = queue.name } = options;
  validateInteger('concurrency', 1, 10_000, concurrency);
  validateString('name', name);
  return taskRunner(
    task(name, {
      initialize: () => queue.open(),
      execute: (ctx) =>
        new Observable<JobEvent>((subscriber) => new Shift(queue, handler, concurrency, ctx, subscriber).begin()),
      // It ends by itself, when all that it has begun has ended.
      grace: Infinity,
    }),
  );
}

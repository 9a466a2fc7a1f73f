import { Observable } from 'rxjs';
import { taskRunner } from '../task/runner.js';
import { task } from '../task/task.js';
import type { TaskRunner } from '../task/types.js';
import { validateInteger, validateNumber, validateOptions, validateString } from '../util/validate.js';
import type { QueueHandle } from './queue-handle.js';
import { validateSupported } from './queue-policy.js';
import type { JobEvent, JobHandler, WorkerOptions } from './queue-types.js';
import { WorkerRun } from './worker-run.js';

/** Creates a runner that runs the jobs of a queue until it is cancelled. */
export function worker<In, Out>(
  queue: QueueHandle,
  handler: JobHandler<In, Out>,
  options: WorkerOptions,
): TaskRunner<JobEvent> {
  validateOptions(options, ['concurrency', 'groupConcurrency', 'rate', 'name']);
  const { concurrency = 1, groupConcurrency, rate, name = queue.name } = options;
  validateInteger('concurrency', 1, 10_000, concurrency);
  validateString('name', name);
  if (groupConcurrency !== undefined && groupConcurrency !== Infinity)
    validateInteger('groupConcurrency', 1, 10_000, groupConcurrency);
  if (rate !== undefined) {
    validateOptions(rate, ['jobs', 'per'], 'rate');
    validateInteger('rate.jobs', 1, 1_000_000, rate.jobs);
    validateNumber('rate.per', 1, 86_400_000, rate.per);
  }
  validateSupported(options, queue.services.jobs.unsupported);
  const limits = {
    ...(groupConcurrency !== Infinity && { groupConcurrency }),
    ...(rate && { rate: { jobs: rate.jobs, per: rate.per } }),
  };
  return taskRunner(
    task(name, {
      initialize: () => queue.open(),
      execute: (ctx) =>
        new Observable<JobEvent>((subscriber) =>
          new WorkerRun(queue, handler, concurrency, limits, ctx, subscriber).start(),
        ),
      // After a cancel it completes by itself, when all its jobs have ended.
      grace: Infinity,
    }),
  );
}

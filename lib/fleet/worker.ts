import { Observable } from 'rxjs';
import { taskRunner } from '../task/runner.js';
import { task } from '../task/task.js';
import type { TaskRunner } from '../task/types.js';
import type { QueueHandle } from './queue-handle.js';
import { validateSupported } from './queue-policy.js';
import type { JobEvent, JobHandler, WorkerOptions } from './queue-types.js';
import { readWorkerOptions } from './worker-options.js';
import { WorkerRun } from './worker-run.js';

/** Creates a runner that runs the jobs of a queue until it is cancelled. */
export function worker<In, Out>(
  queue: QueueHandle,
  handler: JobHandler<In, Out>,
  options: WorkerOptions,
): TaskRunner<JobEvent> {
  const { name, concurrency, limits } = readWorkerOptions(options, queue.name);
  validateSupported(limits, queue.services.jobs.unsupported);
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

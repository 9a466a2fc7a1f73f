import { lastValueFrom } from 'rxjs';
import { connectFleet } from '../../dist/fleet/index.js';
import { launch } from '../../dist/index.js';
import { concurrency, queue, queueNames, resultOf } from './jobs.js';
import { rowsLeft } from './rows-left.js';

export { startPostgres as startServer } from './servers.js';

/** Connects a process that submits jobs. */
export async function connect(url) {
  const fleet = await connectFleet({ url });
  const jobs = fleet.queue(queue);
  return {
    fill: (n) => Promise.all(Array.from({ length: n }, (_, i) => jobs.enqueue(i))),
    enqueue: (n) => jobs.enqueue(n),
    submit: (n) => lastValueFrom(jobs.submit(n)),
    close: () => fleet.close(),
  };
}

/** Returns the function that starts the workers of this process. */
export async function prepareWork(url, { queues = 1, alike = false } = {}) {
  const fleet = await connectFleet({ url });
  const workers = queueNames(queues).map((name) =>
    fleet.queue(name).worker((n) => Promise.resolve(resultOf(n, alike)), { concurrency }),
  );
  return () => void launch(workers);
}

export function watch(url) {
  return rowsLeft(url, `rxjs_tasks_jobs.job where name = '${queue}' and state in ('created', 'retry', 'active')`);
}

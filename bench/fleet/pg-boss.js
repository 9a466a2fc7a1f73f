import { PgBoss } from 'pg-boss';
import { concurrency, queue, queueNames, resultOf } from './jobs.js';
import { rowsLeft } from './rows-left.js';

export { startPostgres as startServer } from './servers.js';

async function start(url) {
  const boss = new PgBoss({ connectionString: url, schedule: false });
  boss.on('error', console.error);
  return boss.start();
}

/** Connects a process that sends jobs. */
export async function connect(url) {
  const boss = await start(url);
  await boss.createQueue(queue);
  return {
    async fill(n) {
      for (let from = 0; from < n; from += 500)
        await boss.insert(
          queue,
          Array.from({ length: Math.min(500, n - from) }, (_, i) => ({ data: { n: from + i } })),
        );
    },
    enqueue: (n) => boss.send(queue, { n }),
    close: () => boss.stop({ graceful: false }),
  };
}

/** Returns the function that starts the workers of this process. Each fetches a batch, which has one result. */
export async function prepareWork(url, { queues = 1 } = {}) {
  const boss = await start(url);
  for (const name of queueNames(queues)) await boss.createQueue(name);
  const handler = ([job]) => Promise.resolve(resultOf(job.data.n));
  return () => {
    for (const name of queueNames(queues))
      void boss.work(name, { batchSize: concurrency, burstWhenBatchFull: true }, handler);
  };
}

export function watch(url) {
  return rowsLeft(url, `pgboss.job where name = '${queue}' and state in ('created', 'retry', 'active')`);
}

import { Queue, QueueEvents, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import { concurrency, queue, queueNames, resultOf } from './jobs.js';

export { startRedis as startServer } from './servers.js';

const connectionTo = (url) => new Redis(url, { maxRetriesPerRequest: null });

/** Connects a process that adds jobs. */
export async function connect(url) {
  const connection = connectionTo(url);
  const jobs = new Queue(queue, { connection });
  const events = new QueueEvents(queue, { connection });
  // Each wait for a result listens to both.
  jobs.setMaxListeners(0);
  events.setMaxListeners(0);
  await Promise.all([jobs.waitUntilReady(), events.waitUntilReady()]);
  return {
    async fill(n) {
      for (let from = 0; from < n; from += 500)
        await jobs.addBulk(
          Array.from({ length: Math.min(500, n - from) }, (_, i) => ({ name: queue, data: from + i })),
        );
    },
    enqueue: (n) => jobs.add(queue, n),
    submit: async (n) => (await jobs.add(queue, n)).waitUntilFinished(events),
    async close() {
      await Promise.all([jobs.close(), events.close()]);
      connection.disconnect();
    },
  };
}

/** Returns the function that starts the workers of this process. Like the jobs of a fleet, completed jobs are kept. */
export async function prepareWork(url, { queues = 1 } = {}) {
  const connection = connectionTo(url);
  const workers = queueNames(queues).map(
    (name) =>
      new Worker(name, ({ data }) => Promise.resolve(resultOf(data)), { connection, concurrency, autorun: false }),
  );
  await Promise.all(workers.map((worker) => worker.waitUntilReady()));
  return () => {
    for (const worker of workers) void worker.run();
  };
}

export async function watch(url) {
  const connection = connectionTo(url);
  const jobs = new Queue(queue, { connection });
  await jobs.waitUntilReady();
  return {
    left: () => jobs.getJobCountByTypes('waiting', 'active'),
    async close() {
      await jobs.close();
      connection.disconnect();
    },
  };
}

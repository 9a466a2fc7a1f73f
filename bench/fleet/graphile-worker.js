import { Logger, makeWorkerUtils, run, runMigrations } from 'graphile-worker';
import pg from 'pg';
import { concurrency, queue, queueNames } from './jobs.js';
import { rowsLeft } from './rows-left.js';

export { startPostgres as startServer } from './servers.js';

/** The settings of its own benchmark: a local queue, and jobs that are completed in batches. */
const preset = {
  worker: {
    concurrentJobs: concurrency,
    localQueue: { size: 500 },
    completeJobBatchDelay: 0,
    failJobBatchDelay: 0,
    logger: new Logger(() => () => undefined),
  },
};

/** Creates the tables, and returns the options of a process. */
async function migrate(url) {
  const pgPool = new pg.Pool({ connectionString: url });
  // Connections that are being closed may see the end of the server.
  pgPool.on('error', () => undefined);
  pgPool.on('connect', (client) => client.on('error', () => undefined));
  await runMigrations({ preset, pgPool });
  return { preset, pgPool };
}

/** Connects a process that adds jobs. */
export async function connect(url) {
  const options = await migrate(url);
  const utils = await makeWorkerUtils(options);
  return {
    fill: (n) => utils.addJobs(Array.from({ length: n }, (_, i) => ({ identifier: queue, payload: { n: i } }))),
    enqueue: (n) => utils.addJob(queue, { n }),
    async close() {
      await utils.release();
      await options.pgPool.end();
    },
  };
}

/** Returns the function that starts the workers of this process. A task may return something, but it is not stored. */
export async function prepareWork(url, { queues = 1 } = {}) {
  const options = await migrate(url);
  const taskList = Object.fromEntries(queueNames(queues).map((name) => [name, () => Promise.resolve()]));
  return () => void run({ ...options, taskList });
}

/** Connects a process that adds jobs and runs them itself. There is no result to wait for: it waits for the start. */
export async function connectWithWorker(url) {
  const options = await migrate(url);
  const waiting = new Map();
  const start = ({ n }) => waiting.get(n)();
  const runner = await run({ ...options, taskList: { [queue]: start } });
  return {
    submit: (n) =>
      new Promise((resolve, reject) => {
        waiting.set(n, resolve);
        runner.addJob(queue, { n }).catch(reject);
      }),
    async close() {
      await runner.stop();
      await options.pgPool.end();
    },
  };
}

/** A job that has ended is deleted. */
export function watch(url) {
  return rowsLeft(url, 'graphile_worker._private_jobs');
}

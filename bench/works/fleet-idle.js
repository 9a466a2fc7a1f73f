import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { loadPeer, prepareWorkers } from '../fleet/worker-process.js';

export const title = 'fleet-idle: what an idle process with workers of n queues asks of PostgreSQL, in transactions';
export const unit = 'tx/s';
export const sizes = [1, 50];
export const label = (n) => `${n} ${n === 1 ? 'queue' : 'queues'}`;
export const repetitions = 1;
export const limit = 200_000;
/** The contenders are idle, so they do not disturb each other. */
export const together = true;

/** The ms before the measurement and in it. Each minute pg-boss maintains its tables, in the first with more work. */
const [before, during] = [75_000, 60_000];

/** Without BullMQ, which has no PostgreSQL: its idle workers wait in a blocking command of Redis. */
export const contenders = { 'rxjs-tasks': {}, 'pg-boss': {}, 'graphile-worker': {} };

/** Measures transactions a second. */
export async function measure(contender, queues) {
  const { startServer, connect } = await loadPeer(contender);
  const server = await startServer();
  // A client of another database does not count its own transactions.
  const client = new pg.Client({ connectionString: server.url.replace(/\w+$/, 'template1') });
  try {
    await (await connect(server.url)).close();
    const worker = await prepareWorkers(contender, server.url, { queues });
    worker.begin();
    await client.connect();
    await sleep(before);
    const from = await transactions(client);
    await sleep(during);
    const to = await transactions(client);
    worker.kill();
    return ((to.count - from.count) * 1000) / (to.at - from.at);
  } finally {
    await client.end();
    await server.stop();
  }
}

async function transactions(client) {
  const { rows } = await client.query(
    `select (xact_commit + xact_rollback)::int as count from pg_stat_database where datname = 'postgres'`,
  );
  return { count: rows[0].count, at: performance.now() };
}

export const targets = [
  { what: 'an idle worker of a fleet', n: 1, figure: 2 },
  { what: 'an idle worker of a fleet', n: 50, figure: 3 },
  ...sizes.flatMap((n) =>
    ['graphile-worker', 'pg-boss'].map((against) => ({ what: 'an idle worker of a fleet', n, against })),
  ),
];

import pg from 'pg';
import { connectFleet } from '../../dist/fleet/index.js';
import { callConcurrently } from '../fleet/jobs.js';
import { startPostgres } from '../fleet/servers.js';

export const title = 'fleet-transactions: a transaction that inserts a row and enqueues a job, of n concurrent callers';
export const unit = 'µs';
export const sizes = [10, 50];
export const label = (n) => `${n} callers`;
export const repetitions = 3;
export const limit = 120_000;

/** The ms of warming up, and of the measurement. */
const [before, during] = [2000, 4000];

/** The transaction of each: with the options of `enqueue`, or without a job. */
const options = { 'without a message': { notify: false }, 'with a message': {}, 'without a job': undefined };
export const contenders = { 'without a message': {}, 'with a message': {}, 'without a job': {} };

/** Measures µs a transaction, the inverse of the throughput. */
export async function measure(contender, callers) {
  const server = await startPostgres();
  const pool = new pg.Pool({ connectionString: server.url, max: callers });
  const ignore = () => undefined;
  // Connections that close may still receive the end of the server.
  pool.on('error', ignore).on('connect', (client) => client.on('error', ignore));
  const fleet = await connectFleet({ url: server.url });
  const queue = fleet.queue('bench');
  await pool.query('create table orders (id int primary key)');
  const transaction = async (n) => {
    const db = await pool.connect();
    try {
      await db.query('begin');
      await db.query('insert into orders values ($1)', [n]);
      if (options[contender]) await queue.enqueue(n, { db, ...options[contender] });
      await db.query('commit');
    } finally {
      db.release();
    }
  };
  try {
    const { calls: warm } = await callConcurrently(callers, before, 0, transaction);
    const { calls, took } = await callConcurrently(callers, during, warm, transaction);
    return (took * 1000) / calls;
  } finally {
    await fleet.close();
    await pool.end();
    await server.stop();
  }
}

const [what, ours] = ['a transaction that enqueues a job and sends no message', 'without a message'];
export const targets = sizes.flatMap((n) => [
  { what, n, ours, against: 'with a message' },
  { what, n, ours, against: 'without a job' },
]);

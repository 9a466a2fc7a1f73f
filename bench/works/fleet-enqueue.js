import { callConcurrently } from '../fleet/jobs.js';
import { loadPeer } from '../fleet/worker-process.js';

export { skip } from '../fleet/servers.js';

export const title = 'fleet-enqueue: a job written by one process, for n concurrent callers that wait for nothing else';
export const unit = 'µs';
export const sizes = [50];
export const label = (n) => `${n} callers`;
export const repetitions = 3;
export const limit = 120_000;

/** The ms of warming up, and of the measurement. */
const [before, during] = [2000, 4000];

/** Each calls what adds one job: `queue.enqueue`, `send`, `addJob` or `queue.add`. */
export const contenders = { 'rxjs-tasks': {}, 'pg-boss': {}, 'graphile-worker': {}, BullMQ: {} };

/** Measures µs a job. */
export async function measure(contender, callers) {
  const { startServer, connect } = await loadPeer(contender);
  const server = await startServer();
  try {
    const { enqueue, close } = await connect(server.url);
    const { calls: warm } = await callConcurrently(callers, before, 0, enqueue);
    const { calls, took } = await callConcurrently(callers, during, warm, enqueue);
    await close();
    return (took * 1000) / calls;
  } finally {
    await server.stop();
  }
}

export const targets = [
  { what: 'enqueue a job of a fleet, concurrent callers', n: 50, against: 'BullMQ', ratio: 1 },
  { what: 'enqueue a job of a fleet, concurrent callers', n: 50, against: 'graphile-worker' },
  { what: 'enqueue a job of a fleet, concurrent callers', n: 50, against: 'pg-boss' },
];

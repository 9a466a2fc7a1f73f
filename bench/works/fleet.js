import { setTimeout as sleep } from 'node:timers/promises';
import { loadPeer, prepareWorkers } from '../fleet/worker-process.js';

export { skip } from '../fleet/servers.js';

export const title = 'fleet: a job from the table to its end, worked by n processes';
export const unit = 'µs';
export const sizes = [1, 2, 4];
export const label = (n) => `${n} ${n === 1 ? 'worker' : 'workers'}`;
export const repetitions = 3;
export const limit = 120_000;

/** Jobs before the measurement for each process, whose code is compiled by then, and jobs in the measurement. */
const [before, jobs] = [10_000, 20_000];

/**
 * The options of each contender's workers. A job of rxjs-tasks and BullMQ has a result of its own, which is stored.
 * pg-boss stores one for each batch, graphile-worker none.
 */
export const contenders = {
  'rxjs-tasks': {},
  'rxjs-tasks, results alike': { alike: true },
  'pg-boss': {},
  'graphile-worker': {},
  BullMQ: {},
};

/** Measures µs a job. */
export async function measure(contender, workers) {
  const { startServer, connect, watch } = await loadPeer(contender);
  const server = await startServer();
  try {
    const producer = await connect(server.url);
    await producer.fill(workers * before + jobs);
    await producer.close();
    const { left, close } = await watch(server.url);
    const children = await Promise.all(
      Array.from({ length: workers }, () => prepareWorkers(contender, server.url, contenders[contender])),
    );
    for (const child of children) child.begin();
    const from = await untilLeft(left, jobs);
    const to = await untilLeft(left, 0);
    for (const child of children) child.kill();
    await close();
    return ((to.at - from.at) * 1000) / from.count;
  } finally {
    await server.stop();
  }
}

/** Polls until no more than so many jobs are left. Waits longer after a slow count, which costs the workers time. */
async function untilLeft(left, most) {
  for (;;) {
    const at = performance.now();
    // A count up to the limit, which is quick at the end.
    const count = await left(most + 1);
    if (count <= most) return { count, at };
    await sleep(Math.max(5, 10 * (performance.now() - at)));
  }
}

const compare = (against, ratio) =>
  sizes.map((n) => ({ what: 'a job of a fleet', n, against, ours: 'rxjs-tasks', ratio }));

export const targets = [
  ...compare('BullMQ', 0.6),
  ...compare('graphile-worker', 1.4),
  // At least 0.9 times its throughput.
  ...compare('pg-boss', 1.11),
  ...sizes.map((n) => ({
    what: 'the same, results alike',
    n,
    ours: 'rxjs-tasks, results alike',
    against: 'rxjs-tasks',
    within: 0.15,
  })),
];

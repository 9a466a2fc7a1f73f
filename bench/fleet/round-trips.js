import { isDeepStrictEqual } from 'node:util';
import { callConcurrently, resultOf } from './jobs.js';
import { loadPeer, prepareWorkers } from './worker-process.js';

/** The ms of warming up, and of the measurement. */
const [before, during] = [2000, 4000];

/**
 * Submits jobs to a worker in another process, from so many submitters that wait for each result.
 *
 * @returns the ms of each job, and µs by the number of jobs.
 */
export async function roundTrips(contender, submitters) {
  const { startServer, connect, connectWithWorker } = await loadPeer(contender);
  const server = await startServer();
  try {
    const producer = await (connectWithWorker ?? connect)(server.url);
    const worker = connectWithWorker ? undefined : await prepareWorkers(contender, server.url);
    worker?.begin();
    const submit = async (n) => {
      const result = await producer.submit(n);
      if (worker && !isDeepStrictEqual(result, resultOf(n)))
        throw new Error(`Expected the result of job ${n}, got ${JSON.stringify(result)}`);
    };
    const { calls: warm } = await callConcurrently(50, before, 0, submit);
    const latencies = [];
    const { calls, took } = await callConcurrently(submitters, during, warm, async (n) => {
      const start = performance.now();
      await submit(n);
      latencies.push(performance.now() - start);
    });
    worker?.kill();
    await producer.close();
    return { latencies, usPerJob: (took * 1000) / calls };
  } finally {
    await server.stop();
  }
}

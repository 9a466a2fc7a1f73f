export const queue = 'bench';
/** The number of jobs that a worker process runs at a time. */
export const concurrency = 50;

/** Returns the result of job n: its own, or one that all jobs have alike. */
export function resultOf(n, alike) {
  return alike ? { text: 'a result' } : { n, text: `result ${n}` };
}

/** Returns the names of n queues, of which the first is that of the jobs. */
export function queueNames(n) {
  return Array.from({ length: n }, (_, i) => (i === 0 ? queue : `${queue}-${i}`));
}

/**
 * Makes the calls from, from + 1, … for so many ms, by so many callers. Each caller waits for its call before it makes
 * the next.
 *
 * @returns the number of calls, and the ms until the last has ended.
 */
export async function callConcurrently(callers, ms, from, call) {
  const start = performance.now();
  let next = from;
  const caller = async () => {
    while (performance.now() - start < ms) await call(next++);
  };
  await Promise.all(Array.from({ length: callers }, caller));
  return { calls: next - from, took: performance.now() - start };
}

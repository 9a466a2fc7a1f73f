import type { FleetHistory } from './fleet-history.js';

/**
 * Returns a fault for each call of `cancel`, `remove`, `promote` or `retry` whose answer is not what happened to the
 * job.
 */
export function checkCalls({ entries, jobs, changes }: FleetHistory): string[] {
  const stored = new Map(jobs.map(({ id, state }) => [id, state]));
  const claimed = new Set(changes.filter(({ state }) => state === 'active').map(({ job }) => job));
  const startsOf = new Map<string, number>();
  for (const entry of entries)
    if (entry.type === 'started') startsOf.set(entry.job, (startsOf.get(entry.job) ?? 0) + 1);
  return entries.flatMap((entry) => {
    if (entry.type !== 'answered') return [];
    const { call, job, done } = entry;
    const state = stored.get(job) ?? 'missing';
    if (!done)
      return [
        ...(call !== 'retry' && !claimed.has(job) ? [`${call} of job ${job} was refused, but it never started`] : []),
        ...(call === 'retry' ? [`retry of job ${job} was refused, but it had failed`] : []),
        ...(call === 'cancel' && state === 'cancelled'
          ? [`cancel of job ${job} was refused, but it is cancelled`]
          : []),
        ...(call === 'remove' && state === 'missing' ? [`remove of job ${job} was refused, but it is missing`] : []),
      ];
    return [
      ...(call === 'cancel' && state !== 'cancelled' ? [`job ${job} is ${state}, but was cancelled`] : []),
      ...(call === 'remove' && state !== 'missing' ? [`job ${job} is ${state}, but was removed`] : []),
      ...(call === 'retry' && (startsOf.get(job) ?? 0) < 2 ? [`job ${job} did not run again after its retry`] : []),
    ];
  });
}

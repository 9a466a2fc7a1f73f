import type { FleetHistory } from './fleet-history.js';

/**
 * Returns a fault for each job of a transaction that exists without its order, or does not exist with it, and each job
 * of a transaction that was rolled back.
 */
export function checkTransactions({ entries, changes, orders }: FleetHistory): string[] {
  const existing = new Set(changes.map(({ job }) => job));
  const ordered = new Set(orders);
  return entries.flatMap((entry) => {
    if (entry.type === 'rolled-back')
      return entry.jobs.filter((job) => existing.has(job)).map((job) => `job ${job} exists, but was rolled back`);
    if (entry.type !== 'ordered') return [];
    return entry.jobs
      .filter((job) => existing.has(job) !== ordered.has(job))
      .map((job) => `job ${job} ${existing.has(job) ? 'exists without its order' : 'is missing, but has its order'}`);
  });
}

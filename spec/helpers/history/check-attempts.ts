import { Calls } from './calls.js';
import type { FleetHistory } from './fleet-history.js';

/**
 * Returns a fault for each job of the queue `doomed`, whose error is unrecoverable, that ran again without a `retry`,
 * although its process had not lost it.
 */
export function checkAttempts({ entries, changes }: FleetHistory): string[] {
  const calls = new Calls(entries);
  const doomed = new Set(changes.filter(({ queue }) => queue === 'doomed').map(({ job }) => job));
  const starts = entries.filter((entry) => entry.type === 'started');
  const lost = new Set(entries.flatMap((entry) => (entry.type === 'lost' ? [`${entry.job} ${entry.attempt}`] : [])));
  const hasEnded = (by: string, at: number) =>
    entries.some((entry) => entry.by === by && (entry.type === 'killed' || entry.type === 'closing') && entry.at <= at);
  return [...doomed].flatMap((job) => {
    const sorted = starts.filter((start) => start.job === job).toSorted((a, b) => a.attempt - b.attempt);
    const kept = sorted.filter(({ attempt, by }, index) => {
      const next = sorted[index + 1];
      return next && !lost.has(`${job} ${attempt}`) && !hasEnded(by, next.at);
    });
    const allowed = calls.has('retry', job) ? 1 : 0;
    return kept.length > allowed ? [`job ${job} ran again after an unrecoverable error`] : [];
  });
}

import type { JobChange } from './database-record.js';
import type { RecordedEntry } from './entries.js';
import type { FleetHistory } from './fleet-history.js';

/** A job with a key, and the calls that have got its id. */
interface KeyedJob {
  readonly job: string;
  readonly changes: readonly JobChange[];
  readonly calls: readonly Extract<RecordedEntry, { type: 'enqueued' }>[];
}

/**
 * Returns a fault for each job that was inserted while another with its key waited, or within the window of its key,
 * and each job whose id was returned although it did not wait any more and its window was over.
 */
export function checkKeys(history: FleetHistory): string[] {
  const keyed = history.changes.filter(({ key }) => key !== null);
  return [...new Set(keyed.map(({ key }) => key))].flatMap((key) => {
    const changes = keyed.filter((change) => change.key === key);
    const jobs = [...new Set(changes.map(({ job }) => job))].map((job) => toKeyedJob(history, changes, job));
    return [
      ...checkWaiting(history, changes, jobs),
      ...jobs.flatMap((job, index) => checkWindow(job, jobs[index - 1])),
      ...jobs.flatMap((job) => checkReturned(history, job)),
    ];
  });
}

function toKeyedJob({ entries }: FleetHistory, changes: readonly JobChange[], job: string): KeyedJob {
  return {
    job,
    changes: changes.filter((change) => change.job === job),
    calls: entries.filter((entry) => entry.type === 'enqueued').filter((call) => call.job === job),
  };
}

function checkWaiting({ entries }: FleetHistory, changes: readonly JobChange[], jobs: readonly KeyedJob[]): string[] {
  const faults: string[] = [];
  /** The waiting jobs, each with the time at which that was acknowledged. */
  const waiting = new Map<string, number>();
  const asked = new Map(jobs.map(({ job, calls }) => [job, Math.min(...calls.map(({ since }) => since))]));
  for (const change of changes) {
    const { job, state, attempt } = change;
    if (change === jobs.find((inserted) => inserted.job === job)?.changes[0]) {
      const since = asked.get(job) ?? Infinity;
      for (const [other, knownAt] of waiting)
        if (knownAt < since) faults.push(`job ${job} was inserted while job ${other} with its key waited`);
      // Insertions with one key follow one another. Retries do not, so they count from their acknowledgement.
      waiting.set(job, -Infinity);
    } else if (state === 'retry') {
      const retried = entries.find(
        (entry) => entry.type === 'retrying' && entry.job === job && entry.attempt === attempt,
      );
      waiting.set(job, retried?.at ?? Infinity);
    } else waiting.delete(job);
  }
  return faults;
}

/** The window begins no sooner than the call that has inserted the last job. */
function checkWindow({ job, changes, calls }: KeyedJob, last: KeyedJob | undefined): string[] {
  const windowMs = Math.min(...calls.map(({ keyWindow = 0 }) => keyWindow));
  const lastAt = last ? Math.min(...last.calls.map(({ since }) => since)) : -Infinity;
  const ms = (changes[0]?.at ?? NaN) - lastAt;
  return Number.isFinite(ms) && Number.isFinite(windowMs) && ms < windowMs
    ? [`job ${job} was inserted ${ms} ms after job ${last?.job}, within the window of its key`]
    : [];
}

function checkReturned({ entries }: FleetHistory, { job, changes, calls }: KeyedJob): string[] {
  return calls.flatMap(({ since, at, keyWindow = 0 }) => {
    if (since < (changes[0]?.at ?? NaN) + keyWindow) return [];
    // The last time that it may have begun to wait before the answer, and the claim that has ended that.
    const index = changes.findLastIndex((change) => isWaiting(change) && change.at <= at);
    const claim = changes[index + 1];
    const isOver = entries.some(
      (entry) => entry.type === 'started' && entry.job === job && entry.attempt === claim?.attempt && entry.at < since,
    );
    return isOver ? [`job ${job} was returned for its key, but it had started before`] : [];
  });
}

function isWaiting({ state }: JobChange): boolean {
  return state === 'created' || state === 'retry';
}

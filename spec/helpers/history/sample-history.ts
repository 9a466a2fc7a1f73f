import type { JobChange } from './database-record.js';
import type { HistoryEntry, RecordedEntry } from './entries.js';
import { checkHistory, type FleetHistory, type StoredJob } from './fleet-history.js';

/** Creates entries, one in each ms. */
export function entries(...list: (readonly [by: string, entry: HistoryEntry])[]): RecordedEntry[] {
  return list.map(([by, entry], at) => ({ ...entry, at, by }));
}

/** Creates changes of jobs, one in each ms. */
export function changes(...list: (Pick<JobChange, 'job' | 'state'> & Partial<JobChange>)[]): JobChange[] {
  return list.map((change, at) => ({
    ...{ queue: 'work', attempt: 1, key: null, group: null, at, begun: change.at ?? at },
    ...change,
  }));
}

/** A job that was submitted by `a`, and run by `b`, as it should be. */
export const regular: readonly RecordedEntry[] = entries(
  ['a', { type: 'enqueued', job: '1', queue: 'work', n: 1, since: 0 }],
  ['b', { type: 'started', job: '1', attempt: 1 }],
  ['b', { type: 'completed', job: '1', attempt: 1, value: 'x' }],
  ['a', { type: 'result', job: '1', value: 'x' }],
);
export const regularJob: StoredJob = { id: '1', state: 'completed', n: 1, output: { value: 'x' } };
const regularChanges = changes(
  { job: '1', state: 'created' },
  { job: '1', state: 'active' },
  { job: '1', state: 'completed' },
);

/** Returns the faults of the regular history, of which some parts have others in their places. */
export function faultsOf(history: Partial<FleetHistory>): string[] {
  return checkHistory({
    ...{ entries: regular, jobs: [regularJob], changes: regularChanges, grants: [], orders: [] },
    ...history,
  });
}

/** Returns the faults of a history whose jobs nobody waits for. */
export function faultsAmong(history: Partial<FleetHistory>): string[] {
  return faultsOf({ entries: [], jobs: [], changes: [], ...history });
}

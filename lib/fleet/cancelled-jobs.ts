import type { FleetDatabase } from './fleet-database.js';
import { readJobs, toKeyText, type JobKey } from './job-reader.js';

/** Returns the ids of those jobs that were cancelled. */
export async function readCancelled(database: FleetDatabase, keys: readonly JobKey[]): Promise<readonly string[]> {
  if (keys.length === 0) return [];
  const rows = await readJobs(database, keys, 0);
  return keys.filter((key) => isCancelled(rows.get(toKeyText(key))?.state)).map(({ job }) => job);
}

/** A job that was deleted is cancelled, too. */
function isCancelled(state: string | undefined): boolean {
  return state === 'cancelled' || state === undefined;
}

import type { FleetDatabase } from './fleet-database.js';
import { parseJobRow, type JobRow } from './job-row.js';
import { readStoredJobs } from './read-function.js';

/** The largest integer of a statement's parameter. */
const maxInt = 2 ** 31 - 1;

/** The name of a job: that of its queue, and its id. */
export interface JobKey {
  readonly queue: string;
  readonly job: string;
}

/** Returns the text that identifies a job. The name of a queue has no slash. */
export function toKeyText({ queue, job }: JobKey): string {
  return `${queue}/${job}`;
}

/**
 * Reads jobs from the table with one statement. Returns those that exist, by the texts of their keys.
 *
 * @param maxOutputBytes longer outputs are left out. Default: none.
 */
export async function readJobs(
  database: FleetDatabase,
  keys: readonly JobKey[],
  maxOutputBytes?: number,
): Promise<ReadonlyMap<string, JobRow>> {
  const rows = await database.queryWithRetry(
    readStoredJobs(database.schema),
    [keys.map(({ queue }) => queue), keys.map(({ job }) => job), maxOutputBytes ?? maxInt],
    undefined,
    // No id is refused, so that the error passes.
    false,
  );
  const jobs = new Map<string, JobRow>();
  for (const row of rows) {
    const job = parseJobRow(row);
    if (job) jobs.set(toKeyText({ queue: job.queue, job: job.id }), job);
  }
  return jobs;
}

import { NEVER, type Subscription } from 'rxjs';
import type { FleetDatabase } from './fleet-database.js';
import type { JobStore } from './job-store.js';

/** The interval between two deletions of a process, in ms. */
const deleteMs = 60_000;
/** The maximum number of jobs of a queue that one statement deletes. */
const maxCount = 1000;

/** Deletes the ended jobs of all queues whose retention is over, each minute, until it is unsubscribed. */
export function deletePeriodically(database: FleetDatabase, jobs: JobStore): Subscription {
  return database.poll(deleteMs, NEVER, async () => {
    let deleted: number;
    do deleted = await jobs.deleteEnded(maxCount);
    while (deleted >= maxCount && !database.closing);
  });
}

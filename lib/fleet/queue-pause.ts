import type { FleetDatabase } from './fleet-database.js';

/**
 * Stores the pause of a queue. Does nothing if the queue is paused. A retry may pause a queue that was resumed in
 * between, which is the safe side.
 */
export async function pauseQueue(database: FleetDatabase, queue: string, by: string): Promise<void> {
  await database.queryWithRetry(
    `insert into "${database.schema}".queue as known (name, options, paused_at, paused_by) values ($1, '{}', now(), $2)
     on conflict (name) do update set paused_at = now(), paused_by = $2 where known.paused_at is null`,
    [queue, by],
  );
}

/** Ends the current pause of a queue. A retry does not end a pause that came in between. */
export async function resumeQueue(database: FleetDatabase, queue: string): Promise<void> {
  const { schema } = database;
  const [pause] = await database.queryWithRetry<{ pausedAt: string }>(
    `select paused_at::text as "pausedAt" from "${schema}".queue where name = $1 and paused_at is not null`,
    [queue],
  );
  if (!pause) return;
  await database.queryWithRetry(
    `update "${schema}".queue set paused_at = null, paused_by = null where name = $1 and paused_at = $2::timestamptz`,
    [queue, pause.pausedAt],
  );
}

export async function isPaused(database: FleetDatabase, queue: string): Promise<boolean> {
  const rows = await database.query(
    `select from "${database.schema}".queue where name = $1 and paused_at is not null`,
    [queue],
  );
  return rows.length > 0;
}

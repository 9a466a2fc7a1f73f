import type { FleetDatabase } from './fleet-database.js';
import { toKeyText, type JobKey } from './job-reader.js';
import { jobsSchema } from './schema-names.js';

/** The progress of an attempt of a job. */
export interface JobProgress extends JobKey {
  /** From 1. */
  readonly attempt: number;
  /** Any JSON. */
  readonly value: unknown;
}

/** The maximum number of rows that one statement deletes. */
const maxDeleted = 10_000;

/**
 * Returns the statement that creates the table, unless it exists. It is not logged: a crash of the server deletes the
 * progress, and no write waits for the disk.
 */
export function createProgressTable(schema: string): string {
  return `create unlogged table if not exists "${schema}".progress (
      queue text,
      job uuid,
      attempt int not null,
      value jsonb not null,
      at timestamptz not null,
      primary key (queue, job)
    );`;
}

/** Stores the last progress of jobs. That of an earlier attempt does not replace that of a later one. */
export async function storeProgress(database: FleetDatabase, progress: readonly JobProgress[]): Promise<void> {
  await database.queryWithRetry(
    `insert into "${database.schema}".progress as last (queue, job, attempt, value, at)
     select queue, job, attempt, value, now()
     from rows from (unnest($1::text[], $2::uuid[], $3::int[]), jsonb_array_elements($4::jsonb))
       as reported (queue, job, attempt, value)
     order by queue, job
     on conflict (queue, job) do update set attempt = excluded.attempt, value = excluded.value, at = excluded.at
       where last.attempt <= excluded.attempt`,
    [
      progress.map(({ queue }) => queue),
      progress.map(({ job }) => job),
      progress.map(({ attempt }) => attempt),
      JSON.stringify(progress.map(({ value }) => value)),
    ],
  );
}

/** Reads the last progress of jobs. Returns it by the texts of their keys. */
export async function readProgress(
  database: FleetDatabase,
  keys: readonly JobKey[],
): Promise<ReadonlyMap<string, JobProgress>> {
  if (keys.length === 0) return new Map();
  const rows = await database.queryWithRetry<JobProgress>(
    `select queue, job, attempt, value from "${database.schema}".progress
     where (queue, job) in (select * from unnest($1::text[], $2::uuid[]))`,
    [keys.map(({ queue }) => queue), keys.map(({ job }) => job)],
  );
  return new Map(rows.map((row) => [toKeyText(row), row]));
}

/** Deletes the progress of jobs that have ended. Other processes had time to read it. */
export async function deleteOldProgress(database: FleetDatabase): Promise<void> {
  const { schema } = database;
  // A subquery for each row follows the index of the jobs, whatever the statistics are.
  await database.query(
    `delete from "${schema}".progress where (queue, job) in (
       select queue, job from "${schema}".progress old
       where at < now() - interval '1 min' and coalesce((
         select state::text from ${jobsSchema(schema)}.job where name = old.queue and id = old.job limit 1
       ), '') <> 'active'
       limit ${maxDeleted} for update skip locked
     )`,
  );
}

import type { FleetDatabase } from './fleet-database.js';
import { toKeyText, type JobKey } from './job-reader.js';
import { jobsSchema } from './schema-names.js';

/**
 * Returns the statement that creates the table of the mark of the time since the last crash of the server. A crash
 * empties the table, because it is unlogged, as does the promotion of a standby.
 */
export function createMarkTable(schema: string): string {
  return `
    create unlogged table if not exists "${schema}".crash_mark (
      one boolean primary key default true check (one),
      id uuid not null default gen_random_uuid()
    );
    ${insertMark(schema)};`;
}

/** Returns the statement that inserts a new mark, unless there is one. */
export function insertMark(schema: string): string {
  return `insert into "${schema}".crash_mark default values on conflict do nothing`;
}

/** Returns an expression for the current mark. */
export function currentMark(schema: string): string {
  return `(select id from "${schema}".crash_mark)`;
}

/** A job whose insertion a crash may undo while the mark is another one. */
export interface MarkedJob extends JobKey {
  readonly mark: string | undefined;
}

/**
 * Reads those of the jobs that do not exist. Returns whether a crash has undone their insertion, by the texts of their
 * keys. Otherwise, they were deleted.
 */
export async function readMissing(
  database: FleetDatabase,
  jobs: readonly MarkedJob[],
): Promise<ReadonlyMap<string, boolean>> {
  if (jobs.length === 0) return new Map();
  const { schema } = database;
  const rows = await database.queryWithRetry<JobKey & { undone: boolean }>(
    `select queue, id as job, coalesce(mark <> ${currentMark(schema)}, mark is not null) as undone
     from unnest($1::text[], $2::uuid[], $3::uuid[]) as asked (queue, id, mark)
     where (select true from ${jobsSchema(schema)}.job where name = asked.queue and id = asked.id limit 1) is null`,
    [jobs.map(({ queue }) => queue), jobs.map(({ job }) => job), jobs.map(({ mark }) => mark)],
    undefined,
    false,
  );
  return new Map(rows.map((row) => [toKeyText(row), row.undone]));
}

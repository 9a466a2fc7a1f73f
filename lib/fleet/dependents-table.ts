import type { FleetDatabase } from './fleet-database.js';
import { jobsSchema } from './schema-names.js';

/** The maximum number of rows that one statement deletes. */
const maxDeleted = 10_000;

/**
 * Returns the statements that create the table, unless it exists. It has a row for each dependency of each dependent.
 * `completed` is null until the dependency has ended, and `output` is then its output or its failure. The rows of a job
 * that starts are deleted. Those with an output stay if the job fails instead, because it may be retried.
 */
export function createDependentsTable(schema: string): string {
  return `create table if not exists "${schema}".job_after (
      queue text,
      job uuid,
      position int,
      after_queue text not null,
      after_job uuid not null,
      completed boolean,
      output jsonb,
      primary key (queue, job, position)
    );
    create index if not exists job_after_dependency on "${schema}".job_after (after_job) where completed is null;`;
}

/**
 * Returns the end of a query of the rows that wait for the job of an id. It follows an index, whatever the statistics
 * are: an order by a column that equals a value would not.
 */
export function fromDependentsOf(schema: string, id: string): string {
  return `from "${schema}".job_after where completed is null and after_job between ${id} and ${id} order by after_job`;
}

/** Returns the condition that any job waits for another, in the order of an index. */
export function hasAnyDependents(schema: string): string {
  return `(select true from "${schema}".job_after where completed is null order by after_job limit 1) is not null`;
}

/** Returns the condition that jobs wait for the job of an id. One read is enough while no job waits for another. */
export function hasDependents(schema: string, id: string): string {
  return `(${hasAnyDependents(schema)} and (select true ${fromDependentsOf(schema, id)} limit 1) is not null)`;
}

/** Deletes the outputs that were kept for dependents which do not exist any more. */
export async function deleteOldDependents(database: FleetDatabase): Promise<void> {
  const { schema } = database;
  await database.query(
    `delete from "${schema}".job_after where (queue, job, position) in (
       select queue, job, position from "${schema}".job_after old
       where completed and (
         select true from ${jobsSchema(schema)}.job where name = old.queue and id = old.job limit 1
       ) is null
       limit ${maxDeleted} for update skip locked
     )`,
  );
}

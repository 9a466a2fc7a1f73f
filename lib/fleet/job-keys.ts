import type { FleetDatabase } from './fleet-database.js';
import { jobsSchema } from './schema-names.js';

/** The maximum number of keys that one statement deletes. */
const maxDeleted = 10_000;

/** Deletes the keys of a queue that allow the next job: their windows have ended, and their jobs do not wait. */
export async function deleteOldKeys(database: FleetDatabase, queue: string): Promise<void> {
  const { schema } = database;
  // A minute later, so that no insertion of now is concerned. A locked key is in use.
  await database.query(
    `delete from "${schema}".job_key where (name, key) in (
       select name, key from "${schema}".job_key old
       where name = $1 and until < now() - interval '1 min' and coalesce((
         select state < 'active' from ${jobsSchema(schema)}.job where name = old.name and id = old.job limit 1
       ), false) = false
       limit ${maxDeleted} for update skip locked
     )`,
    [queue],
  );
}

import type { FleetDatabase } from './fleet-database.js';

/** The maximum number of keys that one statement deletes. */
const maxDeleted = 10_000;

/** Deletes the keys of a queue whose windows have ended. A waiting job has its key in its own row. */
export async function deleteOldKeys(database: FleetDatabase, queue: string): Promise<void> {
  const { schema } = database;
  // Not before a minute after the window, so that no current insertion uses the key. A locked key is in use.
  await database.query(
    `delete from "${schema}".job_key where (name, key) in (
       select name, key from "${schema}".job_key
       where name = $1 and until < now() - interval '1 min'
       limit ${maxDeleted} for update skip locked
     )`,
    [queue],
  );
}

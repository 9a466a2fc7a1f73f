import type { FleetDatabase } from './fleet-database.js';
import type { GroupState } from './queue-types.js';
import { jobsSchema } from './schema-names.js';

/** The maximum number of waiting jobs to count: no index has their groups. */
const maxWaiting = 100_000;

/** Counts the jobs of the groups that have the most of them, the largest group first. */
export async function readGroups(database: FleetDatabase, queue: string, limit: number): Promise<GroupState[]> {
  const jobs = jobsSchema(database.schema);
  const groups = await database.queryWithRetry<GroupState>(
    `select group_id as group, count(*) filter (where state < 'active')::int as waiting,
       count(*) filter (where state = 'active')::int as running
     from (
       (
         select group_id, state from ${jobs}.job where name = $1 and state < 'active' and not blocked
         order by priority desc, created_on limit ${maxWaiting}
       )
       union all
       select group_id, state from ${jobs}.job where name = $1 and state = 'active'
     ) live
     where group_id is not null group by group_id order by count(*) desc, group_id limit $2`,
    [queue, limit],
  );
  return [...groups];
}

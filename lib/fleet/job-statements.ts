import { jobsSchema } from './schema.js';

/**
 * Returns the statement that completes jobs of a queue, each with its own output, and only while the claim is the job's
 * current one. It returns the ids of those that were completed.
 *
 * Its values are the queue, the ids, and an object with the output of each claim by `<id>:<number of the claim>`. The
 * ids alone select the rows: a join with a list of values is at the mercy of the planner while a table has no
 * statistics.
 */
export function completeJobs(schema: string): string {
  const jobs = jobsSchema(schema);
  const claim = `(id::text || ':' || retry_count::text)`;
  return `update ${jobs}.job
    set state = 'completed', completed_on = ${jobs}.job_now(), output = $3::jsonb -> ${claim}
    where name = $1 and id = any($2::uuid[]) and state = 'active' and $3::jsonb ? ${claim}
    returning id`;
}

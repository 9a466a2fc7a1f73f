import { returnQuery, type DatabaseFunction } from './database-function.js';
import { hasDependents } from './dependents-table.js';

/**
 * Completes jobs, each with its own output, and only while the claim is its current one. It returns whether other jobs
 * wait for them.
 */
export const completeFunction: DatabaseFunction = {
  name: 'complete_jobs',
  parameters: 'queue_name text, ids uuid[], claims integer[], outputs jsonb',
  returns: 'table (id uuid, has_dependents boolean)',
  volatileCommit: false,
  keepsPlan: false,
  body: returnQuery(
    (jobs, schema) => `
    update ${jobs}.job set state = 'completed', completed_on = ${jobs}.job_now(), output = ended.output
    from (
      select ended.*, queue_name as name
      from rows from (unnest(ids, claims), jsonb_array_elements(outputs)) as ended (id, claim, output) offset 0
    ) ended
    where ${isCurrentClaim('ended')}
    returning job.id, ${hasDependents(schema, 'job.id')}`,
  ),
};

/** Lets another process claim jobs at once. A higher retry limit makes up for the attempt. */
export const releaseFunction: DatabaseFunction = {
  name: 'release_jobs',
  parameters: 'queue_name text, ids uuid[], claims integer[]',
  returns: 'setof uuid',
  volatileCommit: false,
  keepsPlan: false,
  body: returnQuery(
    (jobs) => `
    update ${jobs}.job set state = 'retry', retry_limit = retry_limit + 1, start_after = ${jobs}.job_now()
    from (select held.*, queue_name as name from unnest(ids, claims) as held (id, claim) offset 0) held
    where ${isCurrentClaim('held')}
    returning job.id`,
  ),
};

/** Sends a heartbeat for jobs of several queues. */
export const touchFunction: DatabaseFunction = {
  name: 'touch_jobs',
  parameters: 'queues text[], ids uuid[], claims integer[]',
  returns: 'setof uuid',
  // Heartbeats follow one another.
  volatileCommit: true,
  keepsPlan: false,
  body: returnQuery(
    (jobs) => `
    update ${jobs}.job set heartbeat_on = ${jobs}.job_now()
    from (select * from unnest(queues, ids, claims) as held (name, id, claim) offset 0) held
    where ${isCurrentClaim('held')}
    returning job.id`,
  ),
};

/** Returns the condition for the rows of a list of claims. As text, the state is no condition for an index. */
function isCurrentClaim(claims: string): string {
  return `job.name = ${claims}.name and job.id = ${claims}.id and job.retry_count = ${claims}.claim
      and job.state::text = 'active'`;
}

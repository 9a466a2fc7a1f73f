import { claimTime } from './claim-function.js';
import { functionName, returnQuery, type DatabaseFunction } from './database-function.js';
import { fromJob } from './dependents-functions.js';
import { hasDependents } from './dependents-table.js';
import { eventsChannel } from './schema-names.js';

/**
 * Completes jobs, each with the output that has its id as the key, and only while the claim is its current one. It
 * returns whether other jobs wait for them.
 */
export const completeFunction: DatabaseFunction = {
  name: 'complete_jobs',
  parameters: 'queue_name text, ids uuid[], claims integer[], times text[], outputs jsonb',
  returns: 'table (id uuid, has_dependents boolean)',
  volatileCommit: false,
  keepsPlan: true,
  body: (jobs, schema) => `
  declare
    places tid[];
  begin
    -- A locked row cannot move, so its place identifies it.
    select array_agg(current.ctid) into places
      from unnest(ids, claims, times) as held (id, claim, at) cross join lateral (
        select ctid ${fromJob(jobs, 'queue_name', 'held.id', isClaim('held'))} for update
      ) current;
    return query
      update ${jobs}.job set state = 'completed', completed_on = ${jobs}.job_now(), output = outputs->job.id::text
      where name || '' = queue_name and ctid = any(places)
      returning job.id, ${hasDependents(schema, 'job.id')};
  end`,
};

/**
 * Completes jobs, and then notifies the other processes by a message, unless a claim was not the current one. All
 * transactions that notify commit one after another, so only a second one, which does not wait for the disk, does so.
 */
export const completeProcedure: DatabaseFunction = {
  name: 'complete_and_notify',
  parameters: `${completeFunction.parameters}, message text, inout completed jsonb`,
  returns: undefined,
  volatileCommit: false,
  keepsPlan: true,
  body: (_, schema) => `
    select coalesce(jsonb_agg(jsonb_build_object('id', id, 'hasDependents', has_dependents)), '[]') into completed
      from ${functionName(schema, completeFunction)}(queue_name, ids, claims, times, outputs);
    if jsonb_array_length(completed) < cardinality(ids) then return; end if;
    commit;
    perform set_config('synchronous_commit', 'off', true), pg_notify('${eventsChannel(schema)}', message)`,
};

/** Lets another process claim jobs at once. A higher retry limit makes up for the attempt. */
export const releaseFunction: DatabaseFunction = {
  name: 'release_jobs',
  parameters: 'queue_name text, ids uuid[], claims integer[], times text[]',
  returns: 'setof uuid',
  volatileCommit: false,
  keepsPlan: false,
  body: returnQuery(
    (jobs) => `
    update ${jobs}.job set state = 'retry', retry_limit = retry_limit + 1, start_after = ${jobs}.job_now()
    from (${heldJobs}) held
    where ${isCurrentClaim('held')}
    returning job.id`,
  ),
};

/**
 * Makes sure that no crash of the server undoes claims, and forbids retries after them if they are `final`. Afterwards
 * their numbers identify them.
 */
export const keepFunction: DatabaseFunction = {
  name: 'keep_claims',
  parameters: 'queue_name text, ids uuid[], claims integer[], times text[], final boolean',
  returns: 'setof uuid',
  volatileCommit: false,
  keepsPlan: false,
  body: returnQuery(
    (jobs) => `
    update ${jobs}.job set retry_limit = case when final then retry_count else retry_limit end
    from (${heldJobs}) held
    where ${isCurrentClaim('held')}
    returning job.id`,
  ),
};

/** Sends a heartbeat for jobs of several queues. */
export const touchFunction: DatabaseFunction = {
  name: 'touch_jobs',
  parameters: 'queues text[], ids uuid[], claims integer[], times text[]',
  returns: 'setof uuid',
  // Heartbeats follow one another.
  volatileCommit: true,
  keepsPlan: false,
  body: returnQuery(
    (jobs) => `
    update ${jobs}.job set heartbeat_on = ${jobs}.job_now()
    from (select * from unnest(queues, ids, claims, times) as held (name, id, claim, at) offset 0) held
    where ${isCurrentClaim('held')}
    returning job.id`,
  ),
};

/** The query of the claims of one queue. */
const heldJobs = 'select held.*, queue_name as name from unnest(ids, claims, times) as held (id, claim, at) offset 0';

/** Returns the condition for the rows of a list of claims. */
function isCurrentClaim(claims: string): string {
  return `job.name = ${claims}.name and job.id = ${claims}.id and ${isClaim(claims)}`;
}

/** Returns the condition that a claim is the current one. As text, the state is no condition for an index. */
function isClaim(claims: string): string {
  return `job.retry_count = ${claims}.claim
      and ${claimTime('job.started_on')} = ${claims}.at and job.state::text = 'active'`;
}

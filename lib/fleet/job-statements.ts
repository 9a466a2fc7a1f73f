import { jobsSchema } from './schema-names.js';

/** The version of pg-boss's tables that these statements are written for. */
export const knownJobsVersion = 46;
/** The suffix of the functions. Increase it with every change: several versions of this library may share a schema. */
const revision = 1;

/**
 * Settings of the functions. An index leads to every row that they read, so no state of the statistics, such as that of
 * a table which was never analyzed, may make the planner read and sort other rows. The server keeps their plans.
 */
const settings = ['seqscan', 'bitmapscan', 'sort', 'hashjoin', 'mergejoin']
  .map((method) => `set enable_${method} = off`)
  .join(' ');

/** A function in the database. */
interface DatabaseFunction {
  readonly name: string;
  readonly parameters: string;
  readonly returns: string;
  /** Whether a crash of the server may undo its last calls. */
  readonly volatileCommit: boolean;
  /** Whether the server keeps the plan, because it suits every size of the table. */
  readonly keepsPlan: boolean;
  readonly body: (jobs: string) => string;
}

/** Claims up to `max_count` jobs, those of the highest priority first. Every claim of a job has another number. */
const claimFunction: DatabaseFunction = {
  name: 'claim_jobs',
  parameters: 'queue text, max_count integer, heartbeat integer',
  returns: 'table (id uuid, data jsonb, claim integer)',
  // The number of a claim that is undone would be given again, and two processes could complete the job.
  volatileCommit: false,
  keepsPlan: true,
  // A locked row cannot move, so its place identifies it. The name is no condition for an index, which would compete.
  body: (jobs) => `
    with claimed as (
      update ${jobs}.job set state = 'active', started_on = ${jobs}.job_now(), heartbeat_on = ${jobs}.job_now(),
        heartbeat_seconds = heartbeat,
        retry_count = case when started_on is null then retry_count else retry_count + 1 end
      where name || '' = queue and ctid = any(array(
        select ctid from ${jobs}.job
        where name = queue and state < 'active' and not blocked and start_after <= ${jobs}.job_now()
        order by priority desc, created_on limit max_count for update skip locked
      ))
      returning id, data, retry_count, priority, created_on
    )
    select id, data, retry_count from claimed order by priority desc, created_on`,
};

/** Completes jobs, each with its own output, and only while the claim is its current one. */
const completeFunction: DatabaseFunction = {
  name: 'complete_jobs',
  parameters: 'queue text, ids uuid[], claims integer[], outputs jsonb',
  returns: 'setof uuid',
  volatileCommit: false,
  keepsPlan: false,
  body: (jobs) => `
    update ${jobs}.job set state = 'completed', completed_on = ${jobs}.job_now(), output = ended.output
    from (
      select ended.*, queue as name
      from rows from (unnest(ids, claims), jsonb_array_elements(outputs)) as ended (id, claim, output) offset 0
    ) ended
    where ${isCurrentClaim('ended')}
    returning job.id`,
};

/** Lets another process claim jobs at once. A higher retry limit makes up for the attempt. */
const releaseFunction: DatabaseFunction = {
  name: 'release_jobs',
  parameters: 'queue text, ids uuid[], claims integer[]',
  returns: 'setof uuid',
  volatileCommit: false,
  keepsPlan: false,
  body: (jobs) => `
    update ${jobs}.job set state = 'retry', retry_limit = retry_limit + 1, start_after = ${jobs}.job_now()
    from (select held.*, queue as name from unnest(ids, claims) as held (id, claim) offset 0) held
    where ${isCurrentClaim('held')}
    returning job.id`,
};

/** Sends a heartbeat for jobs of several queues. */
const touchFunction: DatabaseFunction = {
  name: 'touch_jobs',
  parameters: 'queues text[], ids uuid[], claims integer[]',
  returns: 'setof uuid',
  // Heartbeats follow one another.
  volatileCommit: true,
  keepsPlan: false,
  body: (jobs) => `
    update ${jobs}.job set heartbeat_on = ${jobs}.job_now()
    from (select * from unnest(queues, ids, claims) as held (name, id, claim) offset 0) held
    where ${isCurrentClaim('held')}
    returning job.id`,
};

const functions = [claimFunction, completeFunction, releaseFunction, touchFunction];

/** Returns the condition for the rows of a list of claims. As text, the state is no condition for an index. */
function isCurrentClaim(claims: string): string {
  return `job.name = ${claims}.name and job.id = ${claims}.id and job.retry_count = ${claims}.claim
      and job.state::text = 'active'`;
}

/** Returns the signatures of the functions, to check whether they exist. */
export function functionSignatures(schema: string): string[] {
  return functions.map(({ name, parameters }) => {
    const types = parameters.split(', ').map((parameter) => parameter.split(' ')[1]);
    return `"${schema}".${name}_${revision}(${types.join(', ')})`;
  });
}

/** Returns the statements that create the functions, or replace them. */
export function createFunctions(schema: string): string {
  return functions
    .map(
      ({ name, parameters, returns, volatileCommit, keepsPlan, body }) => `
  create or replace function "${schema}".${name}_${revision}(${parameters}) returns ${returns} language plpgsql
  ${settings} set plan_cache_mode = force_${keepsPlan ? 'generic' : 'custom'}_plan as $function$
  #variable_conflict use_column
  begin
    ${volatileCommit ? "perform set_config('synchronous_commit', 'off', true);" : ''}
    return query ${body(jobsSchema(schema))};
  end $function$;`,
    )
    .join('');
}

/** Returns the statement that claims up to `$2` jobs of the queue `$1`, with a heartbeat at least every `$3` s. */
export function claimJobs(schema: string): string {
  return `select id, data, claim as "retryCount" from "${schema}".claim_jobs_${revision}($1, $2, $3)`;
}

/** Returns the statement that completes jobs of a queue. It returns the ids of those that were completed. */
export function completeJobs(schema: string): string {
  return `select id from "${schema}".complete_jobs_${revision}($1, $2, $3, $4) id`;
}

/** Returns the statement that releases jobs of a queue. It returns the ids of those that were released. */
export function releaseJobs(schema: string): string {
  return `select id from "${schema}".release_jobs_${revision}($1, $2, $3) id`;
}

/** Returns the statement that sends a heartbeat. It returns the ids of the jobs whose claim is the current one. */
export function touchJobs(schema: string): string {
  return `select id from "${schema}".touch_jobs_${revision}($1, $2, $3) id`;
}

/**
 * Returns two columns of a query, each an array of the names of queues. `due` has those with a job that may start.
 * `lost` has those with a job whose process gives no sign of life, or that takes too long.
 *
 * @param names an expression for the names of the queues.
 */
export function selectDueQueues(schema: string, names: string): string {
  const jobs = jobsSchema(schema);
  // A subquery with a limit reads one row of each queue. An `exists` may become a join with all rows.
  const anyJob = (condition: string) => `(select true from ${jobs}.job where name = queue and ${condition} limit 1)`;
  const queuesWhere = (condition: string) =>
    `(select coalesce(json_agg(queue), '[]') from unnest(${names}) queue where ${condition})`;
  const now = `${jobs}.job_now()`;
  const isLate = (since: string, seconds: string) => `${since} + ${seconds} * interval '1 s' < ${now}`;
  const [expired, silent] = [isLate('started_on', 'expire_seconds'), isLate('heartbeat_on', 'heartbeat_seconds')];
  // In the order of an index, so that no state of the statistics makes the planner read all rows.
  const due = (state: string) =>
    anyJob(`state = '${state}' and not blocked and start_after <= ${now} order by start_after`);
  return `
    ${queuesWhere(`${due('created')} or ${due('retry')}`)} as due,
    ${queuesWhere(anyJob(`state = 'active' and (${expired} or ${silent})`))} as lost`;
}

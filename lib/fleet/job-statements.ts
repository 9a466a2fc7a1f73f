import { jobsSchema } from './schema.js';

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

/**
 * Returns the statement that claims up to `$2` jobs of the queue `$1`, in the order of their priority and their age.
 * Each claim of a job has another number: that of the attempt. pg-boss's own statement finds the rows again by their
 * ids, which takes longer with many waiting jobs. A locked row cannot move, so its place identifies it.
 */
export function fetchJobs(schema: string): string {
  const jobs = jobsSchema(schema);
  const now = `${jobs}.job_now()`;
  return `with next as (
      select tableoid, ctid from ${jobs}.job
      where name = $1 and state < 'active' and not blocked and start_after <= ${now}
      order by priority desc, created_on limit $2 for update skip locked
    )
    update ${jobs}.job set state = 'active', started_on = ${now}, heartbeat_on = ${now},
      retry_count = case when started_on is null then retry_count else retry_count + 1 end
    from next where job.name = $1 and job.tableoid = next.tableoid and job.ctid = next.ctid
    returning job.id, job.data, job.retry_count as "retryCount"`;
}

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

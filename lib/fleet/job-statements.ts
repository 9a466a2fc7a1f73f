import { claimFunction } from './claim-function.js';
import { createFunction, functionName, signatureOf } from './database-function.js';
import { deleteFunction } from './delete-function.js';
import { endFunction, findFunction, settleFunction } from './dependents-functions.js';
import { insertFunction } from './insert-function.js';
import { readFunction } from './read-function.js';
import { retryFunction } from './retry-function.js';
import { jobsSchema } from './schema-names.js';
import {
  completeFunction,
  completeProcedure,
  keepFunction,
  releaseFunction,
  touchFunction,
} from './settle-functions.js';

/** The version of pg-boss's tables that these statements are written for. */
export const knownJobsVersion = 46;
const functions = [
  claimFunction,
  settleFunction,
  insertFunction,
  completeFunction,
  completeProcedure,
  releaseFunction,
  keepFunction,
  touchFunction,
  deleteFunction,
  endFunction,
  findFunction,
  retryFunction,
  readFunction,
];

/** Returns the signatures of the functions, to check whether they exist. */
export function functionSignatures(schema: string): string[] {
  return functions.map((each) => signatureOf(schema, each));
}

/** Returns the statements that create the functions, or replace them. */
export function createFunctions(schema: string): string {
  return functions.map((each) => createFunction(schema, each)).join('');
}

/**
 * Returns the statement that claims up to `$2` jobs of the queue `$1`, with a heartbeat at least every `$3` s, up to
 * `$4` of each group, and `$5` within `$6` ms.
 */
export function claimJobs(schema: string): string {
  return `select id, data, claim as "retryCount", claimed_at as at
    from ${functionName(schema, claimFunction)}($1, $2, $3, $4, $5, $6)`;
}

/**
 * Returns the statement that inserts jobs. It returns the ids of those that were not inserted, with the jobs in their
 * places or the dependencies that do not exist, and of those that have failed at once. The JSON is passed as text,
 * because some clients encode each value for a parameter of type jsonb. Its commit does not wait for the disk while
 * `$3` is the mark of the time since the last crash. It notifies the other processes by the payload `$4`, if any.
 */
export function insertJobs(schema: string): string {
  return `select asked, job, missing, failure
    from ${functionName(schema, insertFunction)}($1, $2::text::jsonb, $3, $4)`;
}

/**
 * Returns the statement that completes jobs of a queue. It returns the ids of those that were completed, and whether
 * other jobs wait for them.
 */
export function completeJobs(schema: string): string {
  return `select id, has_dependents as "hasDependents"
    from ${functionName(schema, completeFunction)}($1, $2, $3, $4, $5)`;
}

/**
 * Returns the statement that completes jobs of a queue and then, if it has completed all of them, notifies the other
 * processes by the payload `$6`.
 */
export function completeAndNotify(schema: string): string {
  return `call ${functionName(schema, completeProcedure)}($1, $2, $3, $4, $5, $6, null)`;
}

/** Returns the statement that releases jobs of a queue. It returns the ids of those that were released. */
export function releaseJobs(schema: string): string {
  return `select id from ${functionName(schema, releaseFunction)}($1, $2, $3, $4) id`;
}

/** Returns the statement that keeps claims of a queue. It returns the ids of those whose claim is the current one. */
export function keepClaims(schema: string): string {
  return `select id from ${functionName(schema, keepFunction)}($1, $2, $3, $4, $5) id`;
}

/** Returns the statement that sends a heartbeat. It returns the ids of the jobs whose claim is the current one. */
export function touchJobs(schema: string): string {
  return `select id from ${functionName(schema, touchFunction)}($1, $2, $3, $4) id`;
}

/** Returns the statement that deletes up to `$1` jobs of each queue whose retention is over, and returns how many. */
export function deleteEndedJobs(schema: string): string {
  return `select ${functionName(schema, deleteFunction)}($1) as deleted`;
}

/** Returns the statement that settles the dependents of those of the jobs `$1` that have ended. */
export function endDependencies(schema: string): string {
  return `select queue, job, failed, failure, awaited from ${functionName(schema, endFunction)}($1)`;
}

/**
 * Returns the statement that retries the job `$2` of the queue `$1`, whose dead letters are in the queue `$3`, if it
 * ended at `$4`.
 */
export function retryStoredJob(schema: string): string {
  return `select after, failed, failure, awaited from ${functionName(schema, retryFunction)}($1, $2, $3, $4)`;
}

/** Returns the statement that finds dependencies after the id `$1` which have ended and were not recorded. */
export function findDependencies(schema: string): string {
  return `select job, ended, number from ${functionName(schema, findFunction)}($1)`;
}

/**
 * Returns columns of a query, each an array of the names of queues. `due` has those with a job that may start.
 * `lost` has those with a job whose process gives no sign of life, or that takes too long. `paused` has those that are
 * paused.
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
    ${queuesWhere(anyJob(`state = 'active' and (${expired} or ${silent})`))} as lost,
    (select coalesce(json_agg(name), '[]') from "${schema}".queue
     where name = any(${names}) and paused_at is not null) as paused`;
}

/**
 * Returns the statement that counts the jobs of the queue `$1` that wait for a worker, up to `$2`. Those with a
 * delay or with dependencies do not count.
 */
export function countWaiting(schema: string): string {
  return `select count(*)::int as waiting from (
    select from ${jobsSchema(schema)}.job
    where name = $1 and state < 'active' and not blocked and start_after <= now() limit $2
  ) few`;
}

import { invalid } from '../util/validate.js';
import { changeOnce } from './change-once.js';
import { affectedJobs, type FleetDatabase } from './fleet-database.js';
import { retryStoredJob } from './job-statements.js';
import { parseFailure, parseJobData, parseOutput } from './job-row.js';
import type { JobsFilter, JobState } from './queue-types.js';
import { jobsSchema, toDeadQueue } from './schema-names.js';

/** A job in the table. Other programs may have written its columns. */
interface StoredJob {
  readonly id: string;
  /** Null for a state of a later version of pg-boss. */
  readonly state: JobState['state'] | null;
  readonly data: unknown;
  readonly output: unknown;
  readonly progress: unknown;
  readonly hasProgress: boolean;
  readonly attempt: number;
  readonly priority: number;
  readonly key: string | null;
  readonly group: string | null;
  readonly createdAt: Date;
  readonly dueAt: Date;
  readonly startedAt: Date | null;
  readonly endedAt: Date | null;
}

/** A job that was retried. */
interface RetriedJob {
  /** The jobs that it waits for. */
  readonly after?: readonly string[] | null;
  /** Whether it has failed again at once, because of one of them. */
  readonly failed?: boolean | null;
  readonly failure?: unknown;
  readonly awaited?: boolean | null;
}

/** The condition of each state. */
const conditions: Readonly<Record<JobState['state'], string>> = {
  waiting: `state = 'created' and not blocked and start_after <= now()`,
  delayed: `state = 'created' and not blocked and start_after > now()`,
  blocked: `state < 'active' and blocked`,
  retrying: `state = 'retry' and not blocked`,
  active: `state = 'active'`,
  completed: `state = 'completed'`,
  failed: `state = 'failed'`,
  cancelled: `state = 'cancelled'`,
};

/** Returns a query of the jobs of the queue `$1` that fulfil a condition. */
function selectJobs(schema: string, condition: string): string {
  const states = Object.entries(conditions).map(([state, test]) => `when ${test} then '${state}'`);
  return `select job.id, case ${states.join(' ')} end as state, job.data, job.output, progress.value as progress,
      progress.value is not null as "hasProgress",
      case when started_on is null then 0 else retry_count + 1 end as attempt, priority, singleton_key as key,
      group_id as group, created_on as "createdAt", start_after as "dueAt", started_on as "startedAt",
      completed_on as "endedAt"
    from ${jobsSchema(schema)}.job left join "${schema}".progress on progress.queue = job.name and progress.job = job.id
    where job.name = $1 and ${condition}`;
}

/** Reads a job. */
export async function readJob<In, Out>(
  database: FleetDatabase,
  queue: string,
  id: string,
): Promise<JobState<In, Out> | undefined> {
  const rows = await database.queryWithRetry<StoredJob>(selectJobs(database.schema, 'job.id = $2'), [queue, id]);
  const [job] = rows.map((row) => toJobState<In, Out>(row));
  return job;
}

/**
 * Reads jobs, the oldest first.
 *
 * @throws RangeError if the job `after` does not exist: the page would be empty, like the one after the last job.
 */
export async function readPage<In, Out>(
  database: FleetDatabase,
  queue: string,
  { state, limit = 100, after }: JobsFilter,
): Promise<JobState<In, Out>[]> {
  const { schema } = database;
  const isLater = `(created_on, job.id) > (
    select last.created_on, last.id from ${jobsSchema(schema)}.job last where last.name = $1 and last.id = $3)`;
  const isAsked = `${state ? conditions[state] : 'true'} and ${after === undefined ? '$3::uuid is null' : isLater}`;
  const rows = await database.queryWithRetry<StoredJob>(
    `${selectJobs(schema, isAsked)} order by created_on, job.id limit $2`,
    [queue, limit, after ?? null],
  );
  if (rows.length === 0 && after !== undefined && (await readJob(database, queue, after)) === undefined)
    throw new RangeError(invalid('after', `a job of ${queue}`, after));
  return rows.map((row) => toJobState<In, Out>(row)).filter((job) => job !== undefined);
}

function toJobState<In, Out>(job: StoredJob): JobState<In, Out> | undefined {
  const { id, state, data, output, attempt, priority, key, group, createdAt, dueAt, startedAt, endedAt } = job;
  if (state === null) return undefined;
  const { input, after } = parseJobData<In>(data);
  return {
    id,
    state,
    input,
    ...(state === 'completed' && { output: parseOutput(output).value as Out }),
    ...((state === 'failed' || (state === 'retrying' && output !== null)) && { failure: parseFailure(output) }),
    ...(job.hasProgress && { progress: job.progress }),
    attempt,
    priority,
    ...(key !== null && { key }),
    ...(group !== null && { group }),
    ...(after && { after }),
    createdAt,
    ...((state === 'delayed' || state === 'retrying') && { dueAt }),
    ...(startedAt !== null && { startedAt }),
    ...(endedAt !== null && { endedAt }),
  };
}

/** Cancels a job. Returns whether it had not ended. */
export async function cancelJob(database: FleetDatabase, queue: string, id: string): Promise<boolean> {
  const { answer, isUnclear } = await changeOnce(database, () => database.boss.cancel(queue, id));
  return affectedJobs(answer).length > 0 || (isUnclear && isNow(database, queue, id, `state = 'cancelled'`));
}

/**
 * Lets a job that waits for its time, or for its next attempt, start now. Returns whether it did wait. A blocked job
 * waits for more than that.
 */
export async function promoteJob(database: FleetDatabase, queue: string, id: string): Promise<boolean> {
  const { answer, isUnclear } = await changeOnce(database, () =>
    database.query(
      `update ${jobsSchema(database.schema)}.job set start_after = now()
       where name = $1 and id = $2 and state < 'active' and not blocked and start_after > now() returning id`,
      [queue, id],
    ),
  );
  const mayHaveStarted = `state >= 'active' or (not blocked and start_after <= now())`;
  return answer.length > 0 || (isUnclear && isNow(database, queue, id, mayHaveStarted));
}

/**
 * Lets a failed or cancelled job run again, with one attempt. One that is still blocked waits for its dependencies
 * again. Returns undefined for a job in another state.
 */
export async function retryJob(database: FleetDatabase, queue: string, id: string): Promise<RetriedJob | undefined> {
  const { schema } = database;
  const [ended] = await database.queryWithRetry<{ at: string | null }>(
    `select completed_on::text as at from ${jobsSchema(schema)}.job
     where name = $1 and id = $2 and state in ('failed', 'cancelled')`,
    [queue, id],
  );
  if (!ended) return undefined;
  // Undoes this end alone: after a lost answer, the job may have failed again.
  const values = [queue, id, toDeadQueue(queue), ended.at];
  const { answer, isUnclear } = await changeOnce(database, () =>
    database.query<RetriedJob>(retryStoredJob(schema), values),
  );
  return answer[0] ?? (isUnclear ? {} : undefined);
}

/** Deletes a job that does not run. Returns whether there was one. */
export async function removeJob(database: FleetDatabase, queue: string, id: string): Promise<boolean> {
  const { answer, isUnclear } = await changeOnce(database, () =>
    database.query(
      `delete from ${jobsSchema(database.schema)}.job where name = $1 and id = $2 and state <> 'active' returning id`,
      [queue, id],
    ),
  );
  return answer.length > 0 || (isUnclear && !(await isNow(database, queue, id, 'true')));
}

/** Whether a job fulfils a condition. */
async function isNow(database: FleetDatabase, queue: string, id: string, condition: string): Promise<boolean> {
  const rows = await database.queryWithRetry(
    `select from ${jobsSchema(database.schema)}.job where name = $1 and id = $2 and (${condition})`,
    [queue, id],
  );
  return rows.length > 0;
}

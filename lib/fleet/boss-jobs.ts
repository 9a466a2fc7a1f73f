import type { JobFailure } from './errors.js';
import { affectedJobs, type FleetDatabase } from './fleet-database.js';
import { parseJobData } from './job-row.js';
import type {
  Claim,
  ClaimedJob,
  ClaimLimits,
  CompletedJob,
  Completion,
  InsertedJob,
  JobStore,
  NewJob,
  QueueClaim,
} from './job-store.js';
import { expireSecondsOf } from './queue-policy.js';
import { rowsOf } from './query-client.js';
import { isPaused } from './queue-pause.js';
import type { QueryClient } from './queue-types.js';
import { jobsSchema } from './schema-names.js';

/** pg-boss's own functions, for a version of its tables that this library does not know. */
export class BossJobs implements JobStore {
  /** pg-boss has no options of the same meaning. */
  readonly unsupported: ReadonlySet<string> = new Set(['key', 'keyWindow', 'groupConcurrency', 'rate', 'after']);
  private readonly database: FleetDatabase;

  constructor(database: FleetDatabase) {
    this.database = database;
  }

  async insert<In>(
    queue: string,
    jobs: readonly NewJob<In>[],
    client?: QueryClient,
  ): Promise<ReadonlyMap<string, InsertedJob>> {
    const db = client && {
      executeSql: async (text: string, values: unknown[] = []) => {
        const rows = await rowsOf(client, text, values);
        return { rows: [...rows] };
      },
    };
    await this.database.boss.insert(queue, jobs.map(toBossJob), db && { db });
    return new Map();
  }

  async claim<In>(queue: string, { maxCount }: ClaimLimits): Promise<readonly ClaimedJob<In>[]> {
    const { database } = this;
    if (await isPaused(database, queue)) return [];
    const rows = await database.boss.fetch<unknown>(queue, { batchSize: maxCount, includeMetadata: true });
    return rows.map(({ id, retryCount, data }) => ({ id, retryCount, data: parseJobData(data) }));
  }

  /** pg-boss stores one output for all jobs of a call. The next poll finds their dependents. */
  async complete(queue: string, completions: readonly Completion[]): Promise<readonly CompletedJob[]> {
    const { boss } = this.database;
    const responses = completions.map(({ claim, output }) => boss.complete(queue, [claim], output));
    const ids = (await Promise.all(responses)).flatMap(affectedJobs);
    return ids.map((id) => ({ id, hasDependents: false }));
  }

  /** Keeps nothing unless `final`: a claim of pg-boss is on disk when it is answered. */
  async keep(queue: string, claims: readonly Claim[], final: boolean): Promise<readonly string[]> {
    const { database } = this;
    const ids = claims.map(({ id }) => id);
    if (!final) return ids;
    const rows = await database.query<{ id: string }>(forbidRetries(database.schema), [
      queue,
      ids,
      claims.map(({ retryCount }) => retryCount),
    ]);
    return rows.map(({ id }) => id);
  }

  /** Fails the jobs, which uses an attempt of each: pg-boss has no function that gives them back. */
  async release(queue: string, claims: readonly Claim[], reason: JobFailure): Promise<readonly string[]> {
    return affectedJobs(await this.database.boss.fail(queue, [...claims], reason));
  }

  async touch(claims: readonly QueueClaim[]): Promise<readonly string[]> {
    const { boss } = this.database;
    const queues = new Map<string, Claim[]>();
    for (const { queue, claim } of claims) queues.set(queue, [...(queues.get(queue) ?? []), claim]);
    const responses = Array.from(queues, ([queue, held]) => boss.touch(queue, held));
    return (await Promise.all(responses)).flatMap(affectedJobs);
  }

  /** pg-boss deletes them by itself, each day. */
  deleteEnded(): Promise<number> {
    return Promise.resolve(0);
  }
}

/** Returns the statement that makes the current attempts of jobs the last ones, for their queue, ids and claims. */
function forbidRetries(schema: string): string {
  return `update ${jobsSchema(schema)}.job set retry_limit = retry_count
    from unnest($2::uuid[], $3::int[]) as failed (id, claim)
    where job.name = $1 and job.id = failed.id and job.retry_count = failed.claim and job.state = 'active'
    returning job.id`;
}

function toBossJob<In>({ id, data, options }: NewJob<In>): object {
  const { priority = 0, delay = 0, group, retries } = options;
  const startAfter = typeof delay === 'number' ? `${delay} milliseconds` : delay.toISOString();
  const expireInSeconds = expireSecondsOf(options);
  return {
    id,
    data,
    priority,
    ...(delay !== 0 && { startAfter }),
    ...(group !== undefined && { group: { id: group } }),
    ...(retries !== undefined && { retryLimit: retries }),
    ...(expireInSeconds !== undefined && { expireInSeconds }),
  };
}

import { expireSecondsOf } from './queue-policy.js';
import type { FleetDatabase } from './fleet-database.js';
import { claimJobs, completeJobs, insertJobs, releaseJobs, touchJobs } from './job-statements.js';
import { parseJobData } from './job-row.js';
import type { Claim, ClaimedJob, ClaimLimits, Completion, JobStore, NewJob, QueueClaim } from './job-store.js';
import type { QueryClient } from './queue-types.js';

/** The statements of this library, for a version of pg-boss's tables that it knows. */
export class FunctionJobs implements JobStore {
  readonly unsupported: ReadonlySet<string> = new Set<string>();
  private readonly database: FleetDatabase;

  constructor(database: FleetDatabase) {
    this.database = database;
  }

  async insert<In>(
    queue: string,
    jobs: readonly NewJob<In>[],
    client?: QueryClient,
  ): Promise<ReadonlyMap<string, string>> {
    const { database } = this;
    const values = [queue, JSON.stringify(jobs.map(toRecord))];
    const statement = insertJobs(database.schema);
    const rows = client ? (await client.query(statement, values)).rows : await database.query(statement, values);
    return new Map((rows as { asked: string; job: string }[]).map(({ asked, job }) => [asked, job]));
  }

  async claim<In>(queue: string, limits: ClaimLimits): Promise<readonly ClaimedJob<In>[]> {
    const { database } = this;
    const { maxCount, heartbeatMs, groupConcurrency = null, rate } = limits;
    const values = [queue, maxCount, Math.ceil(heartbeatMs / 1000), groupConcurrency, rate?.jobs, rate?.per];
    const rows = await database.query<Claim & { data: unknown }>(claimJobs(database.schema), values);
    return rows.map(({ id, retryCount, data }) => ({ id, retryCount, data: parseJobData(data) }));
  }

  complete(queue: string, completions: readonly Completion[]): Promise<readonly string[]> {
    const outputs = JSON.stringify(completions.map(({ output }) => output));
    return this.idsOf(completeJobs, [queue, ...toColumns(completions.map(({ claim }) => claim)), outputs]);
  }

  release(queue: string, claims: readonly Claim[]): Promise<readonly string[]> {
    return this.idsOf(releaseJobs, [queue, ...toColumns(claims)]);
  }

  touch(claims: readonly QueueClaim[]): Promise<readonly string[]> {
    return this.idsOf(touchJobs, [claims.map(({ queue }) => queue), ...toColumns(claims.map(({ claim }) => claim))]);
  }

  private async idsOf(statement: (schema: string) => string, values: readonly unknown[]): Promise<readonly string[]> {
    const { database } = this;
    const rows = await database.query<{ id: string }>(statement(database.schema), values);
    return rows.map(({ id }) => id);
  }
}

/** Returns the ids and the numbers of claims as two arrays. */
function toColumns(claims: readonly Claim[]): [ids: string[], numbers: number[]] {
  return [claims.map(({ id }) => id), claims.map(({ retryCount }) => retryCount)];
}

/** Delays are durations, so that the database's clock decides when they end. */
function toRecord<In>({ id, data, options }: NewJob<In>): object {
  const { priority, delay, key, keyWindow, group, retries } = options;
  const due = delay instanceof Date ? { at: delay.toISOString() } : { delay };
  return { id, data, priority, ...due, key, key_window: keyWindow, group, retries, expire: expireSecondsOf(options) };
}

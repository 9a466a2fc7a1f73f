import { invalid } from '../util/validate.js';
import { expireSecondsOf } from './queue-policy.js';
import type { CurrentMark } from './crash-mark.js';
import { rowsOf } from './query-client.js';
import type { FleetDatabase } from './fleet-database.js';
import {
  claimJobs,
  completeAndNotify,
  completeJobs,
  deleteEndedJobs,
  insertJobs,
  keepClaims,
  releaseJobs,
  touchJobs,
} from './job-statements.js';
import { parseFailure, parseJobData } from './job-row.js';
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
import type { QueryClient } from './queue-types.js';

/** A row about a job that was not inserted, or that has failed at once. */
interface InsertRow {
  readonly asked: string;
  /** The job in its place. */
  readonly job: string | null;
  /** A dependency that does not exist. */
  readonly missing: string | null;
  readonly failure: unknown;
}

/** The statements of this library, for a version of pg-boss's tables that it knows. */
export class FunctionJobs implements JobStore {
  readonly unsupported: ReadonlySet<string> = new Set<string>();
  private readonly database: FleetDatabase;
  private readonly crashMark: CurrentMark;

  constructor(database: FleetDatabase, crashMark: CurrentMark = {}) {
    this.database = database;
    this.crashMark = crashMark;
  }

  async insert<In>(
    queue: string,
    jobs: readonly NewJob<In>[],
    client?: QueryClient,
    message?: string,
  ): Promise<ReadonlyMap<string, InsertedJob>> {
    const { database } = this;
    // They share a commit, which waits for the disk if it must for any of them.
    const mark = !client && jobs.every((job) => job.volatile) ? this.crashMark.current : undefined;
    const values = [queue, JSON.stringify(jobs.map(toRecord)), mark ?? null, (mark && message) ?? null];
    const statement = insertJobs(database.schema);
    const rows = client ? await rowsOf(client, statement, values) : await database.query(statement, values);
    const results = new Map<string, InsertedJob>();
    if (mark !== undefined) for (const { id } of jobs) results.set(id, { id, mark });
    for (const row of rows as InsertRow[]) results.set(row.asked, toInserted(row));
    return results;
  }

  async claim<In>(queue: string, limits: ClaimLimits): Promise<readonly ClaimedJob<In>[]> {
    const { database } = this;
    const { maxCount, heartbeatMs, groupConcurrency = null, rate } = limits;
    const values = [queue, maxCount, Math.ceil(heartbeatMs / 1000), groupConcurrency, rate?.jobs, rate?.per];
    const rows = await database.query<Required<Claim> & { data: unknown }>(claimJobs(database.schema), values);
    return rows.map(({ id, retryCount, at, data }) => ({ id, retryCount, at, data: parseJobData(data) }));
  }

  async complete(
    queue: string,
    completions: readonly Completion[],
    message?: string,
  ): Promise<readonly CompletedJob[]> {
    const { database } = this;
    const outputs = `{${completions.map(({ claim, json }) => `"${claim.id}":${json}`).join()}}`;
    const values = [queue, ...toColumns(completions.map(({ claim }) => claim)), outputs];
    if (message === undefined) return database.query<CompletedJob>(completeJobs(database.schema), values);
    const [row] = await database.query<{ completed: CompletedJob[] }>(completeAndNotify(database.schema), [
      ...values,
      message,
    ]);
    const completed = row?.completed ?? [];
    return completed.map((job) => ({ ...job, notified: completed.length === completions.length }));
  }

  keep(queue: string, claims: readonly Claim[], final: boolean): Promise<readonly string[]> {
    return this.idsOf(keepClaims, [queue, ...toColumns(claims), final]);
  }

  release(queue: string, claims: readonly Claim[]): Promise<readonly string[]> {
    return this.idsOf(releaseJobs, [queue, ...toColumns(claims)]);
  }

  touch(claims: readonly QueueClaim[]): Promise<readonly string[]> {
    return this.idsOf(touchJobs, [claims.map(({ queue }) => queue), ...toColumns(claims.map(({ claim }) => claim))]);
  }

  async deleteEnded(maxCount: number): Promise<number> {
    const { database } = this;
    const [row] = await database.query<{ deleted: number }>(deleteEndedJobs(database.schema), [maxCount]);
    return row?.deleted ?? 0;
  }

  private async idsOf(statement: (schema: string) => string, values: readonly unknown[]): Promise<readonly string[]> {
    const { database } = this;
    const rows = await database.query<{ id: string }>(statement(database.schema), values);
    return rows.map(({ id }) => id);
  }
}

/** Returns the ids, the numbers and the times of claims as three arrays. */
function toColumns(claims: readonly Claim[]): unknown[][] {
  return [claims.map(({ id }) => id), claims.map(({ retryCount }) => retryCount), claims.map(({ at }) => at)];
}

function toInserted({ asked, job, missing, failure }: InsertRow): InsertedJob {
  if (missing !== null) return { refusal: new RangeError(invalid('after', 'ids of jobs of the fleet', missing)) };
  return job === null ? { id: asked, failure: parseFailure(failure) } : { id: job };
}

/** Delays are durations, so that the database's clock decides when they end. */
function toRecord<In>({ id, data, options }: NewJob<In>): object {
  const { priority, delay, key, keyWindow, group, retries, after } = options;
  const due = delay instanceof Date ? { at: delay.toISOString() } : { delay };
  return {
    id,
    data,
    priority,
    ...due,
    key,
    key_window: keyWindow,
    group,
    retries,
    expire: expireSecondsOf(options),
    ...(after && after.length > 0 && { after }),
  };
}

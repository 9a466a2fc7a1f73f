import { invalid } from '../util/validate.js';
import { expireSecondsOf } from './queue-policy.js';
import { rowsOf } from './query-client.js';
import type { FleetDatabase } from './fleet-database.js';
import { claimJobs, completeJobs, deleteEndedJobs, insertJobs, releaseJobs, touchJobs } from './job-statements.js';
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

  constructor(database: FleetDatabase) {
    this.database = database;
  }

  async insert<In>(
    queue: string,
    jobs: readonly NewJob<In>[],
    client?: QueryClient,
  ): Promise<ReadonlyMap<string, InsertedJob>> {
    const { database } = this;
    const values = [queue, JSON.stringify(jobs.map(toRecord))];
    const statement = insertJobs(database.schema);
    const rows = client ? await rowsOf(client, statement, values) : await database.query(statement, values);
    return new Map((rows as InsertRow[]).map((row) => [row.asked, toInserted(row)]));
  }

  async claim<In>(queue: string, limits: ClaimLimits): Promise<readonly ClaimedJob<In>[]> {
    const { database } = this;
    const { maxCount, heartbeatMs, groupConcurrency = null, rate } = limits;
    const values = [queue, maxCount, Math.ceil(heartbeatMs / 1000), groupConcurrency, rate?.jobs, rate?.per];
    const rows = await database.query<Claim & { data: unknown }>(claimJobs(database.schema), values);
    return rows.map(({ id, retryCount, data }) => ({ id, retryCount, data: parseJobData(data) }));
  }

  complete(queue: string, completions: readonly Completion[]): Promise<readonly CompletedJob[]> {
    const { database } = this;
    const outputs = JSON.stringify(completions.map(({ output }) => output));
    const values = [queue, ...toColumns(completions.map(({ claim }) => claim)), outputs];
    return database.query<CompletedJob>(completeJobs(database.schema), values);
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

/** Returns the ids and the numbers of claims as two arrays. */
function toColumns(claims: readonly Claim[]): [ids: string[], numbers: number[]] {
  return [claims.map(({ id }) => id), claims.map(({ retryCount }) => retryCount)];
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

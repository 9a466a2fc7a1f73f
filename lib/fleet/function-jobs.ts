import type { FleetDatabase } from './fleet-database.js';
import { claimJobs, completeJobs, releaseJobs, touchJobs } from './job-statements.js';
import { parseJobData } from './job-row.js';
import type { Claim, ClaimedJob, Completion, JobStore, QueueClaim } from './job-store.js';

/** The statements of this library, for a version of pg-boss's tables that it knows. */
export class FunctionJobs implements JobStore {
  private readonly database: FleetDatabase;

  constructor(database: FleetDatabase) {
    this.database = database;
  }

  async claim<In>(queue: string, maxCount: number, heartbeatMs: number): Promise<readonly ClaimedJob<In>[]> {
    const { database } = this;
    const rows = await database.query<Claim & { data: unknown }>(claimJobs(database.schema), [
      queue,
      maxCount,
      Math.ceil(heartbeatMs / 1000),
    ]);
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

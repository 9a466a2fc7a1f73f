import type { JobFailure } from './errors.js';
import { affectedJobs, type FleetDatabase } from './fleet-database.js';
import { parseJobData } from './job-row.js';
import type { Claim, ClaimedJob, Completion, JobStore, QueueClaim } from './job-store.js';

/** pg-boss's own functions, for a version of its tables that this library does not know. */
export class BossJobs implements JobStore {
  private readonly database: FleetDatabase;

  constructor(database: FleetDatabase) {
    this.database = database;
  }

  async claim<In>(queue: string, maxCount: number): Promise<readonly ClaimedJob<In>[]> {
    const rows = await this.database.boss.fetch<unknown>(queue, { batchSize: maxCount, includeMetadata: true });
    return rows.map(({ id, retryCount, data }) => ({ id, retryCount, data: parseJobData(data) }));
  }

  /** pg-boss stores one output for all jobs of a call. */
  async complete(queue: string, completions: readonly Completion[]): Promise<readonly string[]> {
    const { boss } = this.database;
    const responses = completions.map(({ claim, output }) => boss.complete(queue, [claim], output));
    return (await Promise.all(responses)).flatMap(affectedJobs);
  }

  /** It has no function for this, so that an attempt is used. */
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
}

import type { JobAttempt } from 'pg-boss';
import { Batcher } from './batcher.js';
import type { JobFailure } from './errors.js';
import { affectedJobs } from './fleet-database.js';
import type { QueueHandle } from './queue-handle.js';
import { jobsSchema } from './schema.js';

/** The result of an attempt. */
export type AttemptResult = { readonly output: { readonly value?: unknown } } | { readonly failure: JobFailure };

/** The state of a job after the result of an attempt was written. */
export type JobOutcome = 'completed' | 'retrying' | 'failed';

interface EndedAttempt {
  readonly claim: JobAttempt;
  readonly result: AttemptResult;
}

/** The state of a job in the table. */
interface JobRow {
  readonly id: string;
  readonly attempt: number;
  readonly state: string;
}

/** The maximum number of results in one statement. */
const maxBatch = 500;

/** Writes the results of attempts, each only while its attempt is the job's current one. */
export class AttemptResultWriter {
  private readonly queue: QueueHandle;
  private readonly batcher: Batcher<EndedAttempt, JobOutcome | undefined>;

  constructor(queue: QueueHandle) {
    this.queue = queue;
    this.batcher = new Batcher((attempts) => this.writeBatch(attempts), maxBatch);
  }

  /** Returns undefined if another attempt was the job's current one. */
  write(claim: JobAttempt, result: AttemptResult): Promise<JobOutcome | undefined> {
    return this.batcher.add({ claim, result });
  }

  private async writeBatch(attempts: readonly EndedAttempt[]): Promise<(JobOutcome | undefined)[]> {
    // One statement for all attempts with equal results.
    const groups = new Map<string, EndedAttempt[]>();
    for (const attempt of attempts) {
      const key = JSON.stringify(attempt.result);
      const group = groups.get(key);
      if (group) group.push(attempt);
      else groups.set(key, [attempt]);
    }
    const outcomes = new Map<string, JobOutcome>();
    await Promise.all([...groups.values()].map((group) => this.writeEqual(group, outcomes)));
    return attempts.map(({ claim }) => outcomes.get(claim.id));
  }

  private async writeEqual(attempts: readonly EndedAttempt[], outcomes: Map<string, JobOutcome>): Promise<void> {
    const { name, services } = this.queue;
    const { boss } = services.database;
    const claims = attempts.map(({ claim }) => claim);
    const result = attempts[0]?.result ?? { output: {} };
    let tries = 0;
    const response = await services.database.retry(() => {
      tries++;
      return 'failure' in result ? boss.fail(name, claims, result.failure) : boss.complete(name, claims, result.output);
    });
    const written = new Set(affectedJobs(response));
    if ('output' in result) for (const id of written) outcomes.set(id, 'completed');
    // If the answer to the first try was lost with the connection, the table shows whether the statement was executed.
    if ('output' in result && (tries === 1 || written.size === claims.length)) return;
    const rows = new Map((await this.readJobs(claims)).map((row) => [row.id, row]));
    for (const { id, retryCount } of claims) {
      const { state, attempt } = rows.get(id) ?? {};
      const writtenBefore = tries > 1 && attempt === retryCount;
      if ('output' in result) {
        if (writtenBefore && state === 'completed') outcomes.set(id, state);
      } else if (written.has(id) || (writtenBefore && (state === 'retry' || state === 'failed')))
        outcomes.set(id, state === 'failed' ? state : 'retrying');
    }
  }

  private readJobs(claims: readonly JobAttempt[]): Promise<readonly JobRow[]> {
    const { name, services } = this.queue;
    const { database } = services;
    return database.queryWithRetry<JobRow>(
      `select id, retry_count as attempt, state::text from ${jobsSchema(database.schema)}.job
       where name = $1 and id = any($2::uuid[])`,
      [name, claims.map(({ id }) => id)],
    );
  }
}

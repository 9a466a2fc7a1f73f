import type { JobAttempt } from 'pg-boss';
import { Batcher } from './batcher.js';
import { isTransient } from './connection-errors.js';
import type { JobFailure } from './errors.js';
import { affectedJobs } from './fleet-database.js';
import { toJobFailure } from './job-failure.js';
import { completeJobs } from './job-statements.js';
import type { QueueHandle } from './queue-handle.js';
import { jobsSchema } from './schema.js';

/** The result of an attempt. */
export type AttemptResult = { readonly output: { readonly value?: unknown } } | { readonly failure: JobFailure };

/** The result of an attempt as it was written: a failure, if the output could not be stored. */
export type WrittenResult =
  | { readonly output: { readonly value?: unknown } }
  | { readonly failure: JobFailure; readonly outcome: 'retrying' | 'failed' };

interface EndedAttempt {
  readonly claim: JobAttempt;
  readonly result: AttemptResult;
  /** The length of the result's JSON, in characters. */
  readonly length: number;
}

/** An attempt whose handler has ended well. */
interface Completion {
  readonly claim: JobAttempt;
  readonly output: { readonly value?: unknown };
}

/** Attempts with equal failures. */
interface Failures {
  readonly claims: JobAttempt[];
  readonly failure: JobFailure;
}

/** The state of a job in the table. */
interface JobRow {
  readonly id: string;
  readonly attempt: number;
  readonly state: string;
}

/** The maximum number of results in one statement. */
const maxBatch = 500;
/** The maximum length of the results in one statement, in characters. A single longer result has its own. */
const maxBatchLength = 4_000_000;

/** Writes the results of attempts, each only while its attempt is the job's current one. */
export class AttemptResultWriter {
  private readonly queue: QueueHandle;
  private readonly batcher: Batcher<EndedAttempt, WrittenResult | undefined>;

  constructor(queue: QueueHandle) {
    this.queue = queue;
    this.batcher = new Batcher((attempts) => this.writeBatch(attempts), maxBatch, {
      lengthOf: ({ length }) => length,
      max: maxBatchLength,
    });
  }

  /** Returns undefined if another attempt was the job's current one. */
  write(claim: JobAttempt, result: AttemptResult): Promise<WrittenResult | undefined> {
    return this.batcher.add({ claim, result, length: JSON.stringify(result).length });
  }

  private async writeBatch(attempts: readonly EndedAttempt[]): Promise<(WrittenResult | undefined)[]> {
    const written = new Map<string, WrittenResult>();
    const completions: Completion[] = [];
    // One statement for all equal failures.
    const failures = new Map<string, Failures>();
    for (const { claim, result } of attempts) {
      if ('output' in result) completions.push({ claim, output: result.output });
      else {
        const key = JSON.stringify(result.failure);
        const equal: Failures = failures.get(key) ?? { claims: [], failure: result.failure };
        equal.claims.push(claim);
        failures.set(key, equal);
      }
    }
    await Promise.all([
      completions.length > 0 && this.complete(completions, written),
      ...Array.from(failures.values(), (equal) => this.fail(equal, written)),
    ]);
    return attempts.map(({ claim }) => written.get(claim.id));
  }

  private async complete(completions: readonly Completion[], written: Map<string, WrittenResult>): Promise<void> {
    const { name, services } = this.queue;
    const { database } = services;
    const claims = completions.map(({ claim }) => claim);
    const outputs = completions.map(({ claim, output }) => [`${claim.id}:${claim.retryCount}`, output]);
    const values = [name, idsOf(claims), JSON.stringify(Object.fromEntries(outputs))];
    let tries = 0;
    let completed: ReadonlySet<string>;
    try {
      const rows = await database.retry(() => {
        tries++;
        return database.query<{ id: string }>(completeJobs(database.schema), values);
      });
      completed = new Set(rows.map(({ id }) => id));
    } catch (error) {
      if (isTransient(error) || database.closing) throw error;
      return this.completeParts(completions, error, written);
    }
    // If the answer to the first try was lost with the connection, the table shows whether the statement was executed.
    const rows = tries > 1 && completed.size < claims.length ? await this.readJobs(claims) : undefined;
    for (const { claim, output } of completions) {
      const { state, attempt } = rows?.get(claim.id) ?? {};
      if (completed.has(claim.id) || (state === 'completed' && attempt === claim.retryCount))
        written.set(claim.id, { output });
    }
  }

  /** Completes the halves of a batch that the server has refused. Fails a single job whose output cannot be stored. */
  private async completeParts(
    completions: readonly Completion[],
    error: unknown,
    written: Map<string, WrittenResult>,
  ): Promise<void> {
    const half = completions.length >> 1;
    if (half === 0)
      return this.fail({ claims: completions.map(({ claim }) => claim), failure: toJobFailure(error) }, written);
    for (const part of [completions.slice(0, half), completions.slice(half)]) await this.complete(part, written);
  }

  private async fail({ claims, failure }: Failures, written: Map<string, WrittenResult>): Promise<void> {
    const { name, services } = this.queue;
    const { database } = services;
    let tries = 0;
    const response = await database.retry(() => {
      tries++;
      return database.boss.fail(name, claims, failure);
    });
    const failed = new Set(affectedJobs(response));
    const rows = await this.readJobs(claims);
    for (const { id, retryCount } of claims) {
      const { state, attempt } = rows.get(id) ?? {};
      const failedBefore = tries > 1 && attempt === retryCount && (state === 'retry' || state === 'failed');
      if (failed.has(id) || failedBefore)
        written.set(id, { failure, outcome: state === 'failed' ? 'failed' : 'retrying' });
    }
  }

  /** Reads jobs from the table. Returns them by their ids. */
  private async readJobs(claims: readonly JobAttempt[]): Promise<ReadonlyMap<string, JobRow>> {
    const { name, services } = this.queue;
    const { database } = services;
    const rows = await database.queryWithRetry<JobRow>(
      `select id, retry_count as attempt, state::text from ${jobsSchema(database.schema)}.job
       where name = $1 and id = any($2::uuid[])`,
      [name, idsOf(claims)],
    );
    return new Map(rows.map((row) => [row.id, row]));
  }
}

function idsOf(claims: readonly JobAttempt[]): string[] {
  return claims.map(({ id }) => id);
}

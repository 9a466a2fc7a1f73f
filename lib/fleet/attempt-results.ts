import { Batcher } from './batcher.js';
import { kindOf } from './connection-errors.js';
import type { JobFailure } from './errors.js';
import { affectedJobs } from './fleet-database.js';
import { toJobFailure } from './job-failure.js';
import { claimTime } from './claim-function.js';
import { hasDependents } from './dependents-table.js';
import type { Claim, CompletedJob, Completion } from './job-store.js';
import type { QueueHandle } from './queue-handle.js';
import { jobsSchema } from './schema-names.js';

/** The result of an attempt. A released job was interrupted, and another process runs it. */
export type AttemptResult =
  | { readonly output: { readonly value?: unknown }; /** The JSON of the output. */ readonly json: string }
  /** A final failure is not retried. */
  | { readonly failure: JobFailure; readonly final?: boolean }
  | { readonly released: JobFailure };

/**
 * The result of an attempt as it was written: a failure, if the output could not be stored. `notified` is whether the
 * other processes have got the message about it.
 */
export type WrittenResult =
  | { readonly output: { readonly value?: unknown }; readonly notified?: boolean }
  | { readonly failure: JobFailure; readonly outcome: 'retrying' | 'failed' };

interface EndedAttempt {
  readonly claim: Claim;
  readonly result: AttemptResult;
  /** Whether the submitter of the job waits for it. */
  readonly awaited: boolean;
}

/** Attempts that failed, or were released, for the same reason. */
interface Failures {
  readonly claims: Claim[];
  readonly failure: JobFailure;
  readonly kind: 'retried' | 'final' | 'released';
}

/** The state of a job in the table. */
interface JobRow {
  readonly id: string;
  readonly attempt: number;
  /** The time of its last claim. */
  readonly at: string | null;
  readonly state: string;
  /** Whether other jobs wait for it. */
  readonly hasDependents: boolean;
}

/** The maximum number of results in one statement. */
const maxBatch = 500;
/** The maximum length of the results in one statement, in characters. A single longer result has its own. */
const maxBatchLength = 4_000_000;

/** Writes the results of attempts, each only while its claim is the job's current one. */
export class AttemptResultWriter {
  private readonly queue: QueueHandle;
  private readonly batcher: Batcher<EndedAttempt, WrittenResult | undefined>;

  constructor(queue: QueueHandle) {
    this.queue = queue;
    this.batcher = new Batcher((attempts) => this.writeBatch(attempts), {
      maxCount: maxBatch,
      // Failures are short.
      length: { lengthOf: ({ result }) => ('json' in result ? result.json.length : 0), max: maxBatchLength },
    });
  }

  /** Returns undefined if another claim was the job's current one. */
  write(claim: Claim, result: AttemptResult, awaited: boolean): Promise<WrittenResult | undefined> {
    return this.batcher.add({ claim, result, awaited });
  }

  private async writeBatch(attempts: readonly EndedAttempt[]): Promise<(WrittenResult | undefined)[]> {
    const written = new Map<string, WrittenResult>();
    const completions: Completion[] = [];
    // One statement for all equal failures.
    const failures = new Map<string, Failures>();
    for (const { claim, result, awaited } of attempts) {
      if ('output' in result) completions.push({ claim, ...result, awaited });
      else {
        const key = JSON.stringify(result);
        const equal: Failures = failures.get(key) ?? { claims: [], ...kindOfFailure(result) };
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
    const { database, events, jobs } = services;
    const awaited = completions.filter((completion) => completion.awaited);
    const message = events.completionsPayload(
      name,
      awaited.map(({ claim }) => ({ job: claim.id, attempt: claim.retryCount + 1 })),
    );
    let tries = 0;
    let answer: readonly CompletedJob[];
    try {
      answer = await database.retry(() => {
        tries++;
        return jobs.complete(name, completions, message);
      });
    } catch (error) {
      if (kindOf(error) !== 'value') throw error;
      return this.completeParts(completions, error, written);
    }
    const completed = new Map(answer.map((job) => [job.id, job]));
    // If the answer to the first try was lost with the connection, the table shows whether the statement was executed.
    const isUnclear = tries > 1 && completed.size < completions.length;
    const rows = isUnclear ? await this.readJobs(completions.map(({ claim }) => claim)) : undefined;
    const dependencies: string[] = [];
    for (const { claim, output } of completions) {
      const row = rows?.get(claim.id);
      const completedBefore = row?.state === 'completed' && isLastClaim(claim, row) ? row : undefined;
      const job = completed.get(claim.id) ?? completedBefore;
      if (job) written.set(claim.id, { output, notified: completed.get(claim.id)?.notified ?? false });
      if (job?.hasDependents) dependencies.push(claim.id);
    }
    services.dependents.settleInBackground(dependencies);
  }

  /** Completes the halves of a batch that the server has refused. Fails a single job whose output cannot be stored. */
  private async completeParts(
    completions: readonly Completion[],
    error: unknown,
    written: Map<string, WrittenResult>,
  ): Promise<void> {
    const half = completions.length >> 1;
    if (half === 0) {
      const claims = completions.map(({ claim }) => claim);
      return this.fail({ claims, failure: toJobFailure(error), kind: 'retried' }, written);
    }
    for (const part of [completions.slice(0, half), completions.slice(half)]) await this.complete(part, written);
  }

  private async fail({ claims, failure, kind }: Failures, written: Map<string, WrittenResult>): Promise<void> {
    let tries = 0;
    const { ids, stored } = await this.queue.services.database.retry(
      async () => {
        tries++;
        if (kind === 'released') return { ids: await this.release(claims, failure), stored: failure };
        return this.storeFailure(await this.keep(claims, kind === 'final'), failure);
      },
      undefined,
      undefined,
      kind !== 'released',
    );
    const failed = new Set(ids);
    const rows = await this.readJobs(claims);
    const dependencies: string[] = [];
    for (const claim of claims) {
      const { id } = claim;
      const row = rows.get(id);
      const state = row?.state;
      const failedBefore = tries > 1 && row && isLastClaim(claim, row) && (state === 'retry' || state === 'failed');
      if (failed.has(id) || failedBefore)
        written.set(id, { failure: stored, outcome: state === 'failed' ? 'failed' : 'retrying' });
      if (row?.state === 'failed' && row.hasDependents) dependencies.push(id);
    }
    this.queue.services.dependents.settleInBackground(dependencies);
  }

  private async release(claims: readonly Claim[], reason: JobFailure): Promise<readonly string[]> {
    const { name, services } = this.queue;
    const ids = await services.jobs.release(name, claims, reason);
    services.control.send({ type: 'work', queue: name });
    return ids;
  }

  /** Returns the current ones of the claims. No crash of the server undoes them, so that pg-boss can fail them. */
  private async keep(claims: readonly Claim[], final: boolean): Promise<readonly Claim[]> {
    const { name, services } = this.queue;
    const kept = new Set(await services.jobs.keep(name, claims, final));
    return claims.filter(({ id }) => kept.has(id));
  }

  /** Stores a failure, in plain letters if the encoding of the database lacks one of its characters. */
  private async storeFailure(
    claims: readonly Claim[],
    failure: JobFailure,
  ): Promise<{ readonly ids: readonly string[]; readonly stored: JobFailure }> {
    const { name, services } = this.queue;
    // pg-boss refuses an empty array.
    if (claims.length === 0) return { ids: [], stored: failure };
    const store = async (stored: JobFailure) => {
      const response = await services.database.boss.fail(name, [...claims], stored);
      return { ids: affectedJobs(response), stored };
    };
    try {
      return await store(failure);
    } catch (error) {
      if (kindOf(error) !== 'value') throw error;
      return store({ name: toAscii(failure.name), message: toAscii(failure.message) });
    }
  }

  /** Reads jobs from the table. Returns them by their ids. */
  private async readJobs(claims: readonly Claim[]): Promise<ReadonlyMap<string, JobRow>> {
    const { name, services } = this.queue;
    const { database } = services;
    const rows = await database.queryWithRetry<JobRow>(
      `select id, retry_count as attempt, ${claimTime('started_on')} as at, state::text,
         ${hasDependents(database.schema, 'id')} as "hasDependents"
       from ${jobsSchema(database.schema)}.job
       where name = $1 and id = any($2::uuid[])`,
      [name, claims.map(({ id }) => id)],
    );
    return new Map(rows.map((row) => [row.id, row]));
  }
}

/** Whether a claim is the last one of a job. pg-boss's own claims have no time. */
function isLastClaim({ retryCount, at }: Claim, row: JobRow): boolean {
  return row.attempt === retryCount && (at === undefined || row.at === at);
}

function kindOfFailure(result: Exclude<AttemptResult, { output: unknown }>): Pick<Failures, 'failure' | 'kind'> {
  if ('released' in result) return { failure: result.released, kind: 'released' };
  return { failure: result.failure, kind: result.final ? 'final' : 'retried' };
}

/** Replaces every character that is not in each encoding. */
function toAscii(text: string): string {
  return text.replaceAll(/[^\x20-\x7e]/gu, '?');
}

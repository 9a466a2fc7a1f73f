import type { JobFailure } from './errors.js';
import type { JobData } from './job-row.js';
import type { SubmitOptions, QueryClient } from './queue-types.js';

/** A claim of a job: the job, and the number of earlier attempts. Only the claim's owner may settle the job. */
export interface Claim {
  readonly id: string;
  readonly retryCount: number;
  /** Its time in µs since 1970, for a claim that a crash of the server may undo: a later one may have its number. */
  readonly at?: string;
}

/** A job that this process has claimed. */
export interface ClaimedJob<In> extends Claim {
  readonly data: JobData<In>;
}

/** A claim whose handler has ended well. */
export interface Completion {
  readonly claim: Claim;
  readonly output: { readonly value?: unknown };
  /** The JSON of the output. */
  readonly json: string;
  /** Whether the submitter waits for the result. Default: false. */
  readonly awaited?: boolean;
}

/** A job that was completed. */
export interface CompletedJob {
  readonly id: string;
  /** Whether other jobs wait for it. */
  readonly hasDependents: boolean;
  /** Whether the statement has notified the other processes. Default: false. */
  readonly notified?: boolean;
}

/** Limits of a claim. */
export interface ClaimLimits {
  readonly maxCount: number;
  /** The time without a heartbeat after which the jobs are lost, in ms. */
  readonly heartbeatMs: number;
  /** The maximum number of active jobs of each group. */
  readonly groupConcurrency?: number | undefined;
  /** The maximum number of jobs that are claimed within a time in ms. */
  readonly rate?: { readonly jobs: number; readonly per: number } | undefined;
}

/** A job to insert. */
export interface NewJob<In> {
  readonly id: string;
  readonly data: JobData<In>;
  readonly options: SubmitOptions;
  /** Whether a crash of the server may undo the insertion, because the submitter then inserts the job again. */
  readonly volatile?: boolean;
  /** The length of the data's JSON, in characters. */
  readonly length: number;
  /** Whether the caller no longer wants the job, so that it is not inserted. */
  dropped?: boolean;
}

/** A job that was inserted, or another that is in its place because of its key. */
export interface AcceptedJob {
  readonly id: string;
  /** The failure of a job that has failed at once, because of its dependencies. */
  readonly failure?: JobFailure;
  /** The mark that has changed if a crash of the server may have undone the insertion. Absent if none can undo it. */
  readonly mark?: string;
}

/** The result of the insertion of a job. */
export type InsertedJob = AcceptedJob | { readonly refusal: Error };

/** A claim of a job in a queue. */
export interface QueueClaim {
  readonly queue: string;
  readonly claim: Claim;
}

/** The statements of a job's life. All but the first return the jobs whose claim was the current one. */
export interface JobStore {
  /** The options of jobs and workers that it does not support. */
  readonly unsupported: ReadonlySet<string>;
  /**
   * Inserts jobs. Returns the results of those that were not inserted, because of their keys or dependencies, of those
   * that have failed at once, and of those whose insertion a crash may undo.
   *
   * @param client executes the statement within the caller's transaction.
   * @param message the payload that notifies the workers, if a crash may undo the insertion: such a commit is so quick
   * that other messages can wait for it.
   */
  insert<In>(
    queue: string,
    jobs: readonly NewJob<In>[],
    client?: QueryClient,
    message?: string,
  ): Promise<ReadonlyMap<string, InsertedJob>>;
  /** Claims jobs. */
  claim<In>(queue: string, limits: ClaimLimits): Promise<readonly ClaimedJob<In>[]>;
  /** @param message the payload that notifies the processes that wait for the results. */
  complete(queue: string, completions: readonly Completion[], message?: string): Promise<readonly CompletedJob[]>;
  /**
   * Makes sure that no crash of the server undoes claims, so that their numbers identify them.
   *
   * @param final whether no attempt may follow.
   */
  keep(queue: string, claims: readonly Claim[], final: boolean): Promise<readonly string[]>;
  /** Lets another process run jobs that this one gives back, without the use of an attempt. */
  release(queue: string, claims: readonly Claim[], reason: JobFailure): Promise<readonly string[]>;
  /** Sends a heartbeat for jobs. */
  touch(claims: readonly QueueClaim[]): Promise<readonly string[]>;
  /** Deletes up to `maxCount` ended jobs of each queue whose retention is over. Returns the total. */
  deleteEnded(maxCount: number): Promise<number>;
}

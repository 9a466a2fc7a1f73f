import type { JobFailure } from './errors.js';
import type { JobData } from './job-row.js';
import type { SubmitOptions, QueryClient } from './queue-types.js';

/** A claim of a job: the job, and the number of earlier attempts. Only the claim's owner may settle the job. */
export interface Claim {
  readonly id: string;
  readonly retryCount: number;
}

/** A job that this process has claimed. */
export interface ClaimedJob<In> extends Claim {
  readonly data: JobData<In>;
}

/** A claim whose handler has ended well. */
export interface Completion {
  readonly claim: Claim;
  readonly output: { readonly value?: unknown };
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
  /** The length of the data's JSON, in characters. */
  readonly length: number;
  /** Whether the caller no longer wants the job, so that it is not inserted. */
  dropped?: boolean;
}

/** A claim of a job in a queue. */
export interface QueueClaim {
  readonly queue: string;
  readonly claim: Claim;
}

/** The statements of a job's life. All but the first return the ids of the jobs whose claim was the current one. */
export interface JobStore {
  /** The options of jobs and workers that it does not support. */
  readonly unsupported: ReadonlySet<string>;
  /**
   * Inserts jobs. Returns the ids of those that were not inserted, because of their keys, and of the jobs in their
   * places.
   *
   * @param client executes the statement within the caller's transaction.
   */
  insert<In>(queue: string, jobs: readonly NewJob<In>[], client?: QueryClient): Promise<ReadonlyMap<string, string>>;
  /** Claims jobs. */
  claim<In>(queue: string, limits: ClaimLimits): Promise<readonly ClaimedJob<In>[]>;
  complete(queue: string, completions: readonly Completion[]): Promise<readonly string[]>;
  /** Lets another process run jobs that this one gives back, without the use of an attempt. */
  release(queue: string, claims: readonly Claim[], reason: JobFailure): Promise<readonly string[]>;
  /** Sends a heartbeat for jobs. */
  touch(claims: readonly QueueClaim[]): Promise<readonly string[]>;
}

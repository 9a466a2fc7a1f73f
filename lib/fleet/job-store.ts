import type { JobFailure } from './errors.js';
import type { JobData } from './job-row.js';

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

/** A claim of a job in a queue. */
export interface QueueClaim {
  readonly queue: string;
  readonly claim: Claim;
}

/** The statements of a job's life. All but the first return the ids of the jobs whose claim was the current one. */
export interface JobStore {
  /** Claims up to `maxCount` jobs. Each is lost after `heartbeatMs` without a heartbeat. */
  claim<In>(queue: string, maxCount: number, heartbeatMs: number): Promise<readonly ClaimedJob<In>[]>;
  complete(queue: string, completions: readonly Completion[]): Promise<readonly string[]>;
  /** Lets another process run jobs that this one gives back, without the use of an attempt. */
  release(queue: string, claims: readonly Claim[], reason: JobFailure): Promise<readonly string[]>;
  /** Sends a heartbeat for jobs. */
  touch(claims: readonly QueueClaim[]): Promise<readonly string[]>;
}

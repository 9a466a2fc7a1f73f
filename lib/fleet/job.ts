import type { Context } from '../context/types.js';
import type { TaskOutput } from '../task/types.js';

/** What stands in the table of a job. */
export interface JobData<In> {
  readonly input: In;
  /** A process waits for its result. */
  readonly awaited?: boolean;
}

/** The job that a handler does. */
export interface Job {
  readonly id: string;
  readonly queue: string;
  /** Counts its runs, from 1. */
  readonly attempt: number;
  /** Tells all processes how far it is, in whatever JSON can hold. */
  progress(progress: unknown): void;
}

/**
 * Does a job. Its last value is the job's result; what it throws fails the attempt.
 *
 * @param ctx is cancelled when the job is no longer to be done here, with a `JobCancelledError`, `JobLostError`, `DeadlineError`,
 * `FleetCancelledError`, or the cause of the runner's own cancel.
 */
export type JobHandler<In, Out> = (input: In, ctx: Context, job: Job) => TaskOutput<Out>;

/** How a worker goes about jobs. */
export interface WorkerOptions {
  /** How many it does at a time; 1 unless said. */
  concurrency?: number;
  /** Its name in reports and events; the queue's unless said. */
  name?: string;
}

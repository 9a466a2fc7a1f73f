import type { Observable } from 'rxjs';
import type { Context } from '../context/types.js';
import type { TaskOutput, TaskRunner } from '../task/types.js';
import type { JobFailure } from './errors.js';

/** A queue of jobs. Any process of the fleet submits and runs them: at least once, with one result each. */
export interface Queue<In, Out> {
  readonly name: string;
  /**
   * Creates a cold Observable that submits a job on each subscription. It emits the result of the handler, in whatever
   * process that runs, and completes. Unsubscribing cancels the job, waiting or running. Input and output are JSON.
   *
   * The Observable fails with a `JobError` when all attempts have failed, and with a `JobCancelledError` when another
   * caller cancels the job.
   *
   * @throws TypeError, as an error of the stream, for an input that JSON cannot represent.
   */
  submit(input: In, options?: SubmitOptions): Observable<Out>;
  /** Submits a job without waiting for its result. Returns its id once the job is in the database. */
  enqueue(input: In, options?: SubmitOptions): Promise<string>;
  /**
   * Emits the result of a job that any process has submitted. Unsubscribing does not affect the job.
   *
   * The Observable fails with a RangeError when the queue has no such job, or has already deleted it: see
   * {@link QueueOptions.retention}. It fails with a `JobDeletedError` when the job is deleted later.
   */
  result(job: string): Observable<Out>;
  /** Cancels a job. Returns whether the job had not ended yet. */
  cancel(job: string): Promise<boolean>;
  /**
   * Creates a runner that runs up to `concurrency` jobs at a time. The context of a handler is cancelled with the
   * runner's, and when its job is cancelled, its job is lost to another process, or the fleet is cancelled. Another
   * process runs the jobs that this runner did not complete before its cancel.
   *
   * While jobs are short, the runner claims up to 500 more than it has slots for: as many as it ends within 100 ms. A
   * job that waits for longer than a second, or until the cancel, is given back. A queue without retries claims none
   * in advance.
   */
  worker(handler: JobHandler<In, Out>, options?: WorkerOptions): TaskRunner<JobEvent>;
  /** Emits the events of the queue's jobs in all processes. */
  readonly events$: Observable<JobEvent>;
  /** Lists jobs whose last attempt has failed, the oldest first. Default: up to 100. */
  deadLetters(limit?: number): Promise<DeadLetter<In>[]>;
  /** Submits dead letters again, as new jobs. Default: all. Returns how many. */
  redrive(ids?: readonly string[]): Promise<number>;
}

/**
 * Options of a queue. They are stored and hold for all processes. An option that is not given remains as it is: a
 * process that only submits jobs, for example, changes nothing.
 */
export interface QueueOptions {
  /**
   * Number of retries of a job. Default: 2. An attempt that was lost with its process counts. One that a stopping worker
   * interrupts does not: another process begins it again at once.
   */
  retries?: number | undefined;
  /**
   * Wait before a retry, in ms, rounded up to whole seconds. It doubles from `initial` up to `max`. Default: 1,000 and
   * 60,000.
   */
  backoff?: { initial?: number | undefined; max?: number | undefined } | undefined;
  /** Longest duration of an attempt, in ms. Then it is cancelled and has failed. Default and maximum: one day. */
  timeout?: number | undefined;
  /** Time that ended jobs stay in the database, in ms. Default: one week. */
  retention?: number | undefined;
  /**
   * Maximum number of waiting jobs, those with a delay not counted. Further submissions wait until there is room. A
   * handler must not wait for room in its own queue, which may never come. Default: `Infinity`.
   */
  maxWaiting?: number | undefined;
}

/** Options of one job. */
export interface SubmitOptions {
  /** Jobs with a higher priority run first. Default: 0. */
  priority?: number | undefined;
  /**
   * Wait before the first attempt, in ms by the database's clock, or the time of it. Up to 365 days. Default: 0.
   */
  delay?: number | Date | undefined;
}

/** A job whose last attempt has failed and that `redrive` can submit again. */
export interface DeadLetter<In> {
  readonly id: string;
  /** The id of the failed job. */
  readonly job: string;
  readonly input: In;
  readonly failure: JobFailure;
  readonly at: Date;
}

/**
 * A function that runs a job. Its last value is the job's result. An error fails the attempt.
 *
 * @param ctx is cancelled when this process must no longer run the job. The cause is a `JobCancelledError`,
 * `JobLostError`, `DeadlineError`, `FleetCancelledError`, or the cause of the runner's own cancel.
 */
export type JobHandler<In, Out> = (input: In, ctx: Context, job: Job) => TaskOutput<Out>;

/** The job that a handler runs. */
export interface Job {
  readonly id: string;
  readonly queue: string;
  /** The number of the attempt, from 1. */
  readonly attempt: number;
  /**
   * Reports progress to all processes, as JSON of up to 7,500 bytes. Other processes get it within 250 ms, unless a
   * later one replaces it. The last one arrives before the end of the job.
   */
  progress(progress: unknown): void;
}

/** Options of a worker. */
export interface WorkerOptions {
  /** Maximum number of jobs at a time. Default: 1. */
  concurrency?: number | undefined;
  /** Name of the worker in reports and events. Default: the name of the queue. */
  name?: string | undefined;
}

/** An event of a job in any process. Delivery is best effort: a disconnected process misses events. */
export type JobEvent = {
  readonly queue: string;
  readonly job: string;
  /** In ms since 1970, by the clock of the process that emitted the event. */
  readonly at: number;
  /** The name of that process. */
  readonly by: string;
} & JobEventDetail;

/** The fields of each type of {@link JobEvent} besides job, time and process. */
export type JobEventDetail =
  | { readonly type: 'submitted' }
  /** An attempt began. Attempts count from 1. */
  | { readonly type: 'started'; readonly attempt: number }
  /** The handler reported progress. */
  | { readonly type: 'progress'; readonly attempt: number; readonly progress: unknown }
  /** The attempt failed, and another follows. */
  | { readonly type: 'retrying'; readonly attempt: number; readonly failure: JobFailure }
  /** The attempt completed. An output of more than 7,900 bytes is left out. */
  | { readonly type: 'completed'; readonly attempt: number; readonly output?: { readonly value?: unknown } }
  /** The last attempt failed. */
  | { readonly type: 'failed'; readonly attempt: number; readonly failure: JobFailure }
  /** The job no longer belonged to this process, which dropped the attempt's result. */
  | { readonly type: 'lost'; readonly attempt: number }
  | { readonly type: 'cancelled' };

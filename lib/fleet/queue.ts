import type { Observable } from 'rxjs';
import type { TaskRunner } from '../task/types.js';
import type { JobFailure } from './errors.js';
import type { JobEvent } from './job-event.js';
import type { JobHandler, WorkerOptions } from './job.js';

/** How the jobs of a queue are dealt with. They are the queue's own, for all processes: who has opened it last has the say. */
export interface QueueOptions {
  /**
   * How often a job is run again; 2 unless said. Each run that does not complete counts, also one that was given back, or lost with its
   * process: without a retry a deploy may fail a job.
   */
  retries?: number;
  /** How long it waits before that, in ms, rounded up to whole seconds: `initial`, then doubling, up to `max`; 1000 and 60,000 unless said. */
  backoff?: { initial?: number; max?: number };
  /** How long one run may take, in ms: it is then cancelled and has failed. A day unless said, and at most. */
  timeout?: number;
  /** For how long ended jobs can be looked at, in ms; a week unless said. */
  retention?: number;
  /** How many jobs may wait: who submits one more waits until there is room. `Infinity` unless said. */
  maxWaiting?: number;
}

/** How one job is dealt with. */
export interface SubmitOptions {
  /** The higher, the sooner; 0 unless said. */
  priority?: number;
  /** How long it waits before it is run at all, in ms. */
  delay?: number;
}

/** A job whose attempts are used up, as it waits to be sent again. */
export interface DeadLetter<In> {
  readonly id: string;
  /** The job that has failed. */
  readonly job: string;
  readonly input: In;
  readonly failure: JobFailure;
  readonly at: Date;
}

/** Work that any process of the fleet may submit, and any process may do. At least once, and each result once. */
export interface Queue<In, Out> {
  readonly name: string;
  /**
   * Submits a job, cold: each subscription is a job. It emits the result of its handler, wherever that runs, and completes.
   * Unsubscribing cancels the job, whether it waits or runs. Input and output are JSON.
   *
   * It errors with a `JobError` when the attempts are used up, with a `JobCancelledError` when someone else has cancelled it.
   *
   * @throws TypeError, as an error of the stream, for an input that JSON cannot hold.
   */
  submit(input: In, options?: SubmitOptions): Observable<Out>;
  /** Submits a job and leaves it to the fleet. Gives its id when it is in the database. */
  enqueue(input: In, options?: SubmitOptions): Promise<string>;
  /**
   * The result of a job that was submitted by anyone: unsubscribing leaves it alone.
   *
   * It errors with a RangeError when there is no such job, or no longer: see `keep`.
   */
  result(job: string): Observable<Out>;
  /** Cancels a job, and gives whether that came before its end. */
  cancel(job: string): Promise<boolean>;
  /**
   * A runner that does the jobs, `concurrency` of them at a time. Its handler's context is cancelled when the job is, when the job
   * is lost to another process, when the fleet is cancelled, and with the runner's own: what has not ended by then is done by
   * another process.
   */
  worker(handler: JobHandler<In, Out>, options?: WorkerOptions): TaskRunner<JobEvent>;
  /** What happens to its jobs in all processes. */
  readonly events$: Observable<JobEvent>;
  /** Jobs that have failed for good, the oldest first; 100 unless said. */
  deadLetters(limit?: number): Promise<DeadLetter<In>[]>;
  /** Sends dead letters again, all unless said, as new jobs. Gives how many. */
  redrive(ids?: readonly string[]): Promise<number>;
}

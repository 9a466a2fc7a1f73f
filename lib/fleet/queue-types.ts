import type { Observable } from 'rxjs';
import type { Context } from '../context/types.js';
import type { ByWhom } from '../task/by-whom.js';
import type { TaskOutput, TaskRunner } from '../task/types.js';
import type { JobFailure } from './errors.js';

/** A queue of jobs. Any process of the fleet submits and runs them: at least once, with one result each. */
export interface Queue<In, Out> {
  readonly name: string;
  /**
   * Creates a cold Observable that submits a job on each subscription. It emits the result of the handler, in whatever
   * process that runs, and completes. Unsubscribing cancels the job, waiting or running. Input and output are stored as
   * `JSON.stringify` writes them: a `Date` as its text, `NaN` as `null`, a `Map` as `{}`.
   *
   * The Observable fails with a `JobError` when all attempts have failed, and with a `JobCancelledError` when another
   * caller cancels the job.
   *
   * @throws TypeError, as an error of the stream, for an input that cannot be stored: a function, a symbol, a value
   * that `JSON.stringify` refuses, or text with a NUL or half a surrogate pair.
   */
  submit(input: In, options?: SubmitOptions): Observable<Out>;
  /**
   * Submits a job without waiting for its result. Returns its id once the job is in the database, or, with `db`, once
   * it is part of the transaction.
   *
   * @throws TypeError for an input that cannot be stored, as with {@link submit}; RangeError for a job of `after` that
   * does not exist; QueueFullError, with `db`, if the queue has no room.
   */
  enqueue(input: In, options?: EnqueueOptions): Promise<string>;
  /**
   * Submits jobs with the same options. Returns their ids, in the order of the inputs. With `db`, all of them are
   * inserted or none. Without it, jobs may be in the queue although the database has refused another input.
   */
  enqueueMany(inputs: readonly In[], options?: EnqueueOptions): Promise<string[]>;
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
  /**
   * Pauses the queue in all processes, and in those that start before {@link resume}: no job starts. Running jobs go
   * on, and those that a worker has claimed in advance are given back. The pause is stored.
   */
  pause(options?: ByWhom): Promise<void>;
  /** Ends the pause. */
  resume(): Promise<void>;
  /** Reads a job. Resolves to undefined if there is none: it may have been deleted after its retention. */
  job(id: string): Promise<JobState<In, Out> | undefined>;
  /**
   * Reads jobs, the oldest first. To read the next page, pass the id of the last job as `after`.
   *
   * @throws RangeError if the job `after` has been deleted. It rejects the promise.
   */
  jobs(filter?: JobsFilter): Promise<JobState<In, Out>[]>;
  /**
   * Lets a job start now that waits for its delay or for its next attempt, but not one that waits for other jobs.
   * Resolves to whether it did.
   */
  promote(id: string): Promise<boolean>;
  /**
   * Counts the jobs of the groups that have the most of them, the largest group first. Default: 10 groups, up to 1,000.
   * Blocked jobs do not count. If more than 100,000 jobs wait, those count that start first.
   */
  groups(limit?: number): Promise<GroupState[]>;
  /**
   * Lets a failed or cancelled job run again, with one attempt. A job that has failed with a job of its option `after`
   * waits for those jobs again: retry them first. Resolves to whether it was one.
   */
  retry(id: string): Promise<boolean>;
  /** Deletes a job that does not run at the moment. Resolves to whether there was one. */
  remove(id: string): Promise<boolean>;
  /** Emits the events of the queue's jobs in all processes. */
  readonly events$: Observable<JobEvent>;
  /** Lists jobs whose last attempt has failed, the oldest first. Default: up to 100. */
  deadLetters(limit?: number): Promise<DeadLetter<In>[]>;
  /** Submits the inputs of dead letters again, as new jobs. Default: all. Returns how many. */
  redrive(ids?: readonly string[]): Promise<number>;
}

/**
 * Options of a queue. They are stored and hold for all processes. An option that is not given remains as it is: a
 * process that only submits jobs, for example, changes nothing.
 */
export interface QueueOptions {
  /**
   * Number of retries of a job. Default: 2. An attempt that was lost with its process counts. One that a stopping
   * worker interrupts does not: another process begins it again at once.
   */
  retries?: number | undefined;
  /**
   * Wait before a retry, in ms, rounded up to whole seconds. It doubles from `initial` up to `max`, and chance makes it
   * up to twice as long, but not longer than `max`. Default: 1,000 and 60,000.
   */
  backoff?: { initial?: number | undefined; max?: number | undefined } | undefined;
  /** Longest duration of an attempt, in ms. Then it is cancelled and has failed. Default and maximum: one day. */
  timeout?: number | undefined;
  /** Time that ended jobs stay in the database, in ms. Default: one week. */
  retention?: number | undefined;
  /**
   * Maximum number of waiting jobs. Those with a delay, or that wait for other jobs, do not count. Further submissions
   * wait until there is room. A handler must not wait for room in its own queue, which may never come. Default:
   * `Infinity`.
   */
  maxWaiting?: number | undefined;
}

/** Options of one job. */
export interface SubmitOptions {
  /** Jobs with a higher priority run first. From -1,000,000 to 1,000,000. Default: 0. */
  priority?: number | undefined;
  /**
   * Wait before the first attempt, in ms by the database's clock, or the time of it. Up to 365 days. Default: 0.
   */
  delay?: number | Date | undefined;
  /** Number of retries of this job. Default: that of the queue. */
  retries?: number | undefined;
  /** Longest duration of an attempt of this job, in ms. Default: that of the queue. */
  timeout?: number | undefined;
  /**
   * While a job with this key waits, no other one is inserted: the id of the waiting job is returned, and the new input
   * is discarded. `submit` then emits the result of the waiting job, which only its own submitter can cancel by
   * unsubscribing. The key is free when the job starts. Up to 200 characters. With {@link EnqueueOptions.db}, other
   * insertions with this key wait for the end of the transaction.
   */
  key?: string | undefined;
  /**
   * Time after the insertion of a job with the key in which no other one is inserted, in ms, even if that job has
   * ended. Up to 365 days. Default: 0.
   */
  keyWindow?: number | undefined;
  /** The group of the job, such as a tenant: see {@link WorkerOptions.groupConcurrency}. Up to 200 characters. */
  group?: string | undefined;
  /**
   * The ids of up to 1,000 jobs of any queues of the fleet, except dead letters. The job waits until all of them have
   * completed, and its handler gets their outputs: see {@link Job.outputs}. If one of them fails for good, is cancelled
   * or is deleted, the job fails with that error, without an attempt and without a dead letter, and so do the jobs that
   * wait for it. A `delay` counts from the submission.
   */
  after?: readonly string[] | undefined;
}

/** A client of PostgreSQL within a transaction, such as one of `pg`. */
export interface QueryClient {
  /** Executes a statement. */
  query(text: string, values: unknown[]): Promise<{ readonly rows: readonly unknown[] }>;
}

/** Options of {@link Queue.enqueue}. */
export interface EnqueueOptions extends SubmitOptions {
  /**
   * Inserts the job within the transaction of this client. If the transaction is rolled back, there is no job. Workers
   * get it when the transaction is committed. An error does not abort the transaction. Calls with the same object
   * follow one another, so share it among the calls of a transaction.
   */
  db?: QueryClient | undefined;
  /**
   * Whether the transaction of `db` notifies the workers when it is committed. PostgreSQL commits transactions that
   * notify one after another. Without a notification, idle workers get the job at their next poll, within a second.
   * Default: true.
   */
  notify?: boolean | undefined;
}

/** The jobs that {@link Queue.jobs} reads. */
export interface JobsFilter {
  /** Default: jobs in all states. */
  state?: JobState['state'] | undefined;
  /** Maximum number of jobs, up to 10,000. Default: 100. */
  limit?: number | undefined;
  /** The id of a job: only later ones are read. Default: from the oldest on. */
  after?: string | undefined;
}

/** A job as it is stored. */
export interface JobState<In = unknown, Out = unknown> {
  readonly id: string;
  /** `delayed` jobs wait for their time, `retrying` ones for their next attempt, and `blocked` ones for other jobs. */
  readonly state: 'waiting' | 'delayed' | 'blocked' | 'active' | 'retrying' | 'completed' | 'failed' | 'cancelled';
  readonly input: In;
  /** The result of a completed job. */
  readonly output?: Out;
  /** The error of the last attempt, of a job that has failed or waits for its next attempt. */
  readonly failure?: JobFailure;
  /** The last progress that the handler has reported. It is deleted some time after the end. */
  readonly progress?: unknown;
  /** The number of attempts that have begun, including those that a stopping worker has given back. */
  readonly attempt: number;
  readonly priority: number;
  readonly key?: string;
  readonly group?: string;
  /** The ids of the jobs that it was submitted to wait for. */
  readonly after?: readonly string[];
  readonly createdAt: Date;
  /** The time at which a delayed or retrying job may start. */
  readonly dueAt?: Date;
  /** The start of the last attempt. */
  readonly startedAt?: Date;
  readonly endedAt?: Date;
}

/** The number of jobs of a group: see {@link SubmitOptions.group}. */
export interface GroupState {
  readonly group: string;
  /** Jobs that have not started, delayed ones included. */
  readonly waiting: number;
  /** Jobs in the state `active`. */
  readonly running: number;
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
  /**
   * The number of the attempt, from 1. An attempt that a stopping worker has given back counts here, but not against
   * `retries`.
   */
  readonly attempt: number;
  /** The outputs of the jobs of {@link SubmitOptions.after}, in their order. Empty without that option. */
  readonly outputs: readonly unknown[];
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
  /**
   * Maximum number of jobs of one group that run at a time, in all processes. Jobs without a group are not limited.
   * While a group is at its limit, a claim passes over its waiting jobs, and takes longer the more of them there are.
   * All workers of the queue need the same value. Default: `Infinity`.
   */
  groupConcurrency?: number | undefined;
  /** At most `jobs` jobs of the queue start within `per` ms, in all processes. All workers need the same value. */
  rate?: { jobs: number; per: number } | undefined;
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
  /**
   * The attempt failed, and another follows. With a failure named `Released`, a stopping worker has given the job back:
   * that attempt does not count against `retries`.
   */
  | { readonly type: 'retrying'; readonly attempt: number; readonly failure: JobFailure }
  /** The attempt completed. An output of more than 7,900 bytes is left out. */
  | { readonly type: 'completed'; readonly attempt: number; readonly output?: { readonly value?: unknown } }
  /** The last attempt failed, or a job that it waited for did. Such a job has begun no attempt, and `attempt` is 1. */
  | { readonly type: 'failed'; readonly attempt: number; readonly failure: JobFailure }
  /** The job no longer belonged to this process, which dropped the attempt's result. */
  | { readonly type: 'lost'; readonly attempt: number }
  | { readonly type: 'cancelled' };

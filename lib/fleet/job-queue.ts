import {
  defer,
  dematerialize,
  filter,
  ignoreElements,
  materialize,
  merge,
  mergeMap,
  Observable,
  repeat,
  Subject,
  tap,
} from 'rxjs';
import type { TaskRunner } from '../task/types.js';
import { invalid, validateArray, validateFunction, validateInteger } from '../util/validate.js';
import { closedError } from './closed-error.js';
import { JobDeletedError } from './errors.js';
import type { FleetServices } from './fleet-services.js';
import { readGroups } from './job-groups.js';
import { newJobId } from './job-id.js';
import { JobInserter } from './job-inserter.js';
import type { AcceptedJob, NewJob } from './job-store.js';
import { currentTrace, parseFailure, parseJobData, type JobData } from './job-row.js';
import { pauseQueue, resumeQueue } from './queue-pause.js';
import { cancelJob, promoteJob, readJob, readPage, removeJob, retryJob } from './stored-jobs.js';
import { readBy, type ByWhom } from '../task/by-whom.js';
import { inputName, validateInput, validateJsonb } from './jsonb.js';
import { printAs } from './print-as.js';
import type { QueueHandle } from './queue-handle.js';
import {
  validateJobId,
  validateJobIds,
  validateJobsFilter,
  validateQueueName,
  validateSupported,
  type QueuePolicy,
} from './queue-policy.js';
import type {
  DeadLetter,
  GroupState,
  JobEvent,
  JobHandler,
  JobsFilter,
  JobState,
  Queue,
  QueueOptions,
  EnqueueOptions,
  SubmitOptions,
  WorkerOptions,
} from './queue-types.js';
import { toDeadQueue } from './schema-names.js';
import { StoredQueue } from './stored-queue.js';
import { readEnqueueOptions, readSubmitOptions } from './submit-options.js';
import { worker } from './worker.js';

/** The length of an id in a list of JSON. */
const idLength = 39;
/** The maximum number of dead letters in one statement. */
const maxBatch = 500;

/** The submitting side of a queue. */
export class JobQueue<In, Out> implements Queue<In, Out>, QueueHandle {
  readonly name: string;
  readonly services: FleetServices;
  private readonly stored: StoredQueue;
  private readonly inserter: JobInserter<In>;

  static {
    printAs(this.prototype, ({ name }) => `Queue(${name})`);
  }

  constructor(services: FleetServices, name: string, options: QueueOptions) {
    validateQueueName(name);
    this.stored = new StoredQueue(services, name, options);
    this.services = services;
    this.name = name;
    this.inserter = new JobInserter(this);
  }

  submit(input: In, options: SubmitOptions = {}): Observable<Out> {
    const jobOptions = readSubmitOptions(options);
    validateSupported(jobOptions, this.services.jobs.unsupported);
    return defer(() => {
      const job: NewJob<In> = {
        ...this.toNewJob('input', { input, awaited: true, ...currentTrace() }, jobOptions),
        volatile: canInsertAgain(jobOptions),
      };
      let written: Promise<AcceptedJob> | undefined;
      const write$ = defer(() => (written = this.write(job)));
      // Another job with the same key may be in its place, and may have been deleted within the window of the key.
      const result$ =
        jobOptions.key === undefined
          ? this.resultOf(job, write$)
          : write$.pipe(mergeMap(({ id }) => this.resultOfStored(id, () => new JobDeletedError(this.name, id))));
      // Cancels after the write: before it there is no row to cancel, and after a failed write there is no job.
      const cancelWhenWritten = () => {
        job.dropped = true;
        return written?.then(
          ({ id }) => id === job.id && this.cancel(id),
          () => false,
        );
      };
      const { database } = this.services;
      return result$.pipe(
        tap({
          // With a result, the job has ended.
          next: () => (written = undefined),
          unsubscribe: () => database.runInBackground(Promise.resolve(cancelWhenWritten())),
        }),
      );
    });
  }

  async enqueue(input: In, options: EnqueueOptions = {}): Promise<string> {
    const [id = ''] = await this.enqueueMany([input], options);
    return id;
  }

  async enqueueMany(inputs: readonly In[], options: EnqueueOptions = {}): Promise<string[]> {
    validateArray('inputs', inputs);
    const { db, notify, jobOptions } = readEnqueueOptions(options);
    validateSupported(jobOptions, this.services.jobs.unsupported);
    const trace = currentTrace();
    const jobs = Array.from(inputs, (input, n) => this.toNewJob(inputName(inputs, n), { input, ...trace }, jobOptions));
    if (db === undefined) {
      const accepted = await Promise.all(jobs.map((job) => this.write(job)));
      return accepted.map(({ id }) => id);
    }
    await this.open();
    return this.inserter.insertWithin(db, jobs, notify);
  }

  result(job: string): Observable<Out> {
    validateJobId(job);
    return this.resultOfStored(job, () => new RangeError(invalid('job', `a job of ${this.name}`, job)));
  }

  async cancel(job: string): Promise<boolean> {
    validateJobId(job);
    const { database, control, events, dependents } = this.services;
    await this.stored.create();
    const cancelled = await cancelJob(database, this.name, job);
    if (cancelled) {
      control.send({ type: 'cancel', queue: this.name, job });
      // Always sent, because this process does not know whether the submitter waits.
      events.emit(this.name, job, { type: 'cancelled' }, true);
      await dependents.settle([job]);
    }
    return cancelled;
  }

  async pause(options: ByWhom = {}): Promise<void> {
    const { database, poller, name } = this.services;
    const { by = name } = readBy(options, 'pause');
    await pauseQueue(database, this.name, by);
    await poller.announce();
  }

  async resume(): Promise<void> {
    await resumeQueue(this.services.database, this.name);
    this.inserter.notifyWorkers();
  }

  async job(id: string): Promise<JobState<In, Out> | undefined> {
    validateJobId(id);
    return readJob(this.services.database, this.name, id);
  }

  async jobs(filter: JobsFilter = {}): Promise<JobState<In, Out>[]> {
    validateJobsFilter(filter);
    return readPage(this.services.database, this.name, filter);
  }

  async groups(limit = 10): Promise<GroupState[]> {
    validateInteger('limit', 1, 1000, limit);
    return readGroups(this.services.database, this.name, limit);
  }

  async promote(id: string): Promise<boolean> {
    validateJobId(id);
    const promoted = await promoteJob(this.services.database, this.name, id);
    if (promoted) this.inserter.notifyWorkers();
    return promoted;
  }

  async retry(id: string): Promise<boolean> {
    validateJobId(id);
    const { database, dependents } = this.services;
    const retried = await retryJob(database, this.name, id);
    if (!retried) return false;
    const { after, failed, failure, awaited } = retried;
    if (failed) dependents.emitFailed(this.name, id, failure, awaited === true);
    this.inserter.notifyWorkers();
    // They may have ended in between.
    if (after) await dependents.settle(after);
    return true;
  }

  async remove(id: string): Promise<boolean> {
    validateJobId(id);
    const { database, dependents } = this.services;
    // Its output may not have been recorded for its dependents yet.
    await dependents.settle([id]);
    const removed = await removeJob(database, this.name, id);
    if (removed) await dependents.settle([id]);
    return removed;
  }

  worker(handler: JobHandler<In, Out>, options: WorkerOptions = {}): TaskRunner<JobEvent> {
    validateFunction('handler', handler);
    return worker(this, handler, options);
  }

  get events$(): Observable<JobEvent> {
    return this.services.events.all$.pipe(filter(({ queue }) => queue === this.name));
  }

  async deadLetters(limit = 100): Promise<DeadLetter<In>[]> {
    validateInteger('limit', 1, 100_000, limit);
    const { database } = this.services;
    await this.stored.create();
    const dead = await database.retry(() => database.boss.findJobs<unknown>(toDeadQueue(this.name), { limit }));
    return dead.map(({ id, data, sourceId, sourceOutput, createdOn }) => ({
      id,
      job: sourceId ?? id,
      input: parseJobData<In>(data).input,
      failure: parseFailure(sourceOutput),
      at: createdOn,
    }));
  }

  async redrive(ids?: readonly string[]): Promise<number> {
    if (ids !== undefined) validateJobIds('ids', ids);
    // pg-boss refuses an empty array.
    if (ids?.length === 0) return 0;
    const { database } = this.services;
    await this.stored.create();
    // Excludes jobs that fail again in the meantime: with them, this loop might not end.
    const [{ now: createdBefore } = { now: new Date() }] = await database.queryWithRetry<{ now: Date }>(
      "select now() + interval '1 ms' as now",
    );
    const options = { createdBefore, limit: maxBatch, ...(ids && { ids: [...ids] }) };
    let sent = 0;
    let moved: number;
    do {
      moved = await database.retry(() => database.boss.redrive(toDeadQueue(this.name), options));
      if (moved > 0) this.inserter.notifyWorkers();
      sent += moved;
    } while (moved === maxBatch);
    return sent;
  }

  get policy(): QueuePolicy {
    return this.stored.policy;
  }

  open(): Promise<void> {
    return this.stored.open();
  }

  /** Emits the result of a job, even if it arrives before the answer to the write. Repeats a write that was undone. */
  private resultOf({ id }: NewJob<In>, write$: Observable<AcceptedJob>): Observable<Out> {
    const { results } = this.services;
    const key = { queue: this.name, job: id };
    const undone = new Subject<void>();
    const confirm = ({ mark }: AcceptedJob) =>
      results.confirm(key, mark === undefined ? undefined : { mark, onUndone: () => undone.next() });
    // `materialize` makes the end a value, so that `dematerialize` can end the merged stream before the write ends.
    const result$ = results.of<Out>(key).pipe(materialize());
    const written$ = write$.pipe(tap(confirm), ignoreElements(), repeat({ delay: () => undone }));
    return merge(result$, written$).pipe(dematerialize());
  }

  /** Emits the result of a job that any process has written. One that does not exist would never emit. */
  private resultOfStored(job: string, missingError: () => Error): Observable<Out> {
    return new Observable((subscriber) => {
      const { database, results, events } = this.services;
      const key = { queue: this.name, job };
      const subscription = results.of<Out>(key).subscribe(subscriber);
      subscription.add(events.follow());
      const poll = () => results.poll(key);
      poll().then(
        (found) => found || subscriber.error(missingError()),
        (error: unknown) => subscriber.error(error),
      );
      // The job may have ended before other processes knew that this process listens.
      database.runInBackground(
        events.listen().then(async () => {
          if (!subscriber.closed) await poll();
        }),
      );
      return subscription;
    });
  }

  /** @throws TypeError for an input that the database cannot store. */
  private toNewJob(name: string, data: JobData<In>, options: SubmitOptions): NewJob<In> {
    const { timeout, after = [] } = options;
    const stored = { ...data, ...(timeout !== undefined && { timeout }) };
    validateInput(name, data.input);
    // Before the job joins a batch, because an invalid input would fail the whole batch.
    const length = validateJsonb(name, stored).length + after.length * idLength;
    return { id: newJobId(), data: stored, options, length };
  }

  /** Returns the job, or the one with its key that is in its place. */
  private async write(job: NewJob<In>): Promise<AcceptedJob> {
    const { database, events, dependents, master } = this.services;
    if (database.closing) throw closedError(master.context.cause);
    await this.open();
    if (job.data.awaited || events.following) await events.listen();
    const accepted = await this.inserter.insert(job);
    const { id, failure } = accepted;
    if (!job.dropped && id === job.id) events.emit(this.name, id, { type: 'submitted' });
    if (failure) dependents.emitFailed(this.name, id, failure, job.data.awaited === true);
    return accepted;
  }
}

/** Whether the same job can be inserted a second time: nothing that happens in between changes what it means. */
function canInsertAgain({ key, delay = 0, after = [] }: SubmitOptions): boolean {
  return key === undefined && delay === 0 && after.length === 0;
}

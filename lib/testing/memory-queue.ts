import { defer, filter, firstValueFrom, mergeMap, Observable, tap, throwError } from 'rxjs';
import { JobDeletedError, QueueFullError } from '../fleet/errors.js';
import { currentTrace, type JobData } from '../fleet/job-row.js';
import { inputName, validateInput, validateJsonb } from '../fleet/jsonb.js';
import { printAs } from '../fleet/print-as.js';
import { toStored, type StoredOptions } from '../fleet/queue-options.js';
import {
  toPolicy,
  validateJobId,
  validateJobIds,
  validateJobsFilter,
  validateQueueName,
} from '../fleet/queue-policy.js';
import type {
  DeadLetter,
  EnqueueOptions,
  GroupState,
  JobEvent,
  JobHandler,
  JobsFilter,
  JobState,
  Queue,
  QueueOptions,
  SubmitOptions,
  WorkerOptions,
} from '../fleet/queue-types.js';
import { readEnqueueOptions, readSubmitOptions } from '../fleet/submit-options.js';
import { readWorkerOptions } from '../fleet/worker-options.js';
import { readBy, type ByWhom } from '../task/by-whom.js';
import { taskRunner } from '../task/runner.js';
import { task } from '../task/task.js';
import type { TaskRunner } from '../task/types.js';
import { keepAsyncContext } from '../util/keep-async-context.js';
import { invalid, validateArray, validateFunction, validateInteger } from '../util/validate.js';
import type { MemoryConnection } from './memory-connection.js';
import type { MemoryJob } from './memory-job.js';
import type { MemoryTable } from './memory-table.js';
import { MemoryWorkerRun } from './memory-worker-run.js';

/** A queue of a fleet in memory, as one process uses it. */
export class MemoryQueue<In, Out> implements Queue<In, Out> {
  readonly name: string;
  readonly #connection: MemoryConnection;
  #options: StoredOptions | undefined;

  static {
    printAs(this.prototype, ({ name }) => `Queue(${name})`);
  }

  constructor(connection: MemoryConnection, name: string, options: QueueOptions) {
    validateQueueName(name);
    toPolicy(options);
    this.name = name;
    this.#connection = connection;
    this.#options = toStored(options);
  }

  get events$(): Observable<JobEvent> {
    return this.#connection.store.events
      .asObservable()
      .pipe(filter((event): event is JobEvent => 'queue' in event && event.queue === this.name));
  }

  submit(input: In, options: SubmitOptions = {}): Observable<Out> {
    const connection = this.#connection;
    const jobOptions = readSubmitOptions(options, connection.store.now());
    return defer(() => {
      connection.validateOpen();
      let own: MemoryJob | undefined;
      return this.#insert(toData('input', { input, awaited: true }, jobOptions), jobOptions).pipe(
        tap(({ job, isNew }) => (own = isNew ? job : undefined)),
        // One that is deleted may still hold its key.
        mergeMap(({ job }) =>
          this.#table.get(job.id)
            ? connection.resultOf<Out>(job)
            : throwError(() => new JobDeletedError(this.name, job.id)),
        ),
        tap({ unsubscribe: () => own && this.#table.cancel(own.id, connection.name) }),
        keepAsyncContext(),
      );
    });
  }

  async enqueue(input: In, options: EnqueueOptions = {}): Promise<string> {
    const [id = ''] = await this.enqueueMany([input], options);
    return id;
  }

  enqueueMany(inputs: readonly In[], options: EnqueueOptions = {}): Promise<string[]> {
    return this.#connection.call(() => {
      validateArray('inputs', inputs);
      const { db, jobOptions } = readEnqueueOptions(options, this.#connection.store.now());
      const texts = Array.from(inputs, (input, n) => toData(inputName(inputs, n), { input }, jobOptions));
      if (db !== undefined && !this.#open().insertions.hasRoom(texts.length))
        throw new QueueFullError(this.name, this.#table.policy.maxWaiting);
      return Promise.all(texts.map(async (data) => (await firstValueFrom(this.#insert(data, jobOptions))).job.id));
    });
  }

  result(job: string): Observable<Out> {
    validateJobId(job);
    return defer(() => {
      this.#connection.validateOpen();
      const found = this.#table.get(job);
      // A job that does not exist would never emit.
      if (!found) throw new RangeError(invalid('job', `a job of ${this.name}`, job));
      return this.#connection.resultOf<Out>(found);
    });
  }

  cancel(job: string): Promise<boolean> {
    return this.#callFor(job, (table) => table.cancel(job, this.#connection.name));
  }

  worker(handler: JobHandler<In, Out>, options: WorkerOptions = {}): TaskRunner<JobEvent> {
    validateFunction('handler', handler);
    const resolved = readWorkerOptions(options, this.name);
    return taskRunner(
      task(resolved.name, {
        initialize: () => void this.#open(),
        execute: (ctx) =>
          new Observable<JobEvent>((subscriber) =>
            new MemoryWorkerRun(this.#connection, this.#table, handler, resolved, ctx, subscriber).start(),
          ),
        // After a cancel it completes by itself, when all its jobs have ended.
        grace: Infinity,
      }),
    );
  }

  pause(options: ByWhom = {}): Promise<void> {
    return this.#connection.call(() => {
      const { store, name } = this.#connection;
      const { by = name } = readBy(options, 'pause');
      this.#table.claims.paused ??= { by, at: store.now() };
    });
  }

  resume(): Promise<void> {
    return this.#connection.call(() => {
      this.#table.claims.paused = undefined;
      this.#table.claims.notify();
    });
  }

  job(id: string): Promise<JobState<In, Out> | undefined> {
    return this.#callFor(id, (table) => table.get(id)?.toState<In, Out>(this.#connection.store.now()));
  }

  jobs(filter: JobsFilter = {}): Promise<JobState<In, Out>[]> {
    return this.#connection.call(() => {
      validateJobsFilter(filter);
      const { state, limit = 100, after } = filter;
      const [jobs, now] = [this.#table.all(), this.#connection.store.now()];
      const first = jobs.findIndex(({ id }) => id === after) + 1;
      if (first === 0 && after !== undefined) throw new RangeError(invalid('after', `a job of ${this.name}`, after));
      return jobs
        .slice(first)
        .filter((job) => state === undefined || job.stateAt(now) === state)
        .slice(0, limit)
        .map((job) => job.toState<In, Out>(now));
    });
  }

  groups(limit = 10): Promise<GroupState[]> {
    return this.#connection.call(() => {
      validateInteger('limit', 1, 1000, limit);
      return this.#table.groups(limit);
    });
  }

  promote(id: string): Promise<boolean> {
    return this.#callFor(id, (table) => table.promote(id));
  }

  retry(id: string): Promise<boolean> {
    return this.#callFor(id, (table) => table.retry(id));
  }

  remove(id: string): Promise<boolean> {
    return this.#callFor(id, (table) => table.remove(id));
  }

  deadLetters(limit = 100): Promise<DeadLetter<In>[]> {
    return this.#connection.call(() => {
      validateInteger('limit', 1, 100_000, limit);
      return [...this.#table.dead.values()].slice(0, limit).map(({ id, job, failure, at }) => ({
        id,
        job: job.id,
        input: job.data<In>().input,
        failure,
        at: new Date(at),
      }));
    });
  }

  redrive(ids?: readonly string[]): Promise<number> {
    return this.#connection.call(() => {
      if (ids !== undefined) validateJobIds('ids', ids);
      const letters = [...this.#table.dead.values()].filter(({ id }) => ids?.includes(id) ?? true);
      for (const letter of letters) this.#table.redrive(letter);
      return letters.length;
    });
  }

  get #table(): MemoryTable {
    return this.#connection.store.table(this.name);
  }

  /** Stores the options that are given, once. */
  #open(): MemoryTable {
    this.#connection.validateOpen();
    const table = this.#table;
    if (this.#options) table.apply(this.#options);
    this.#options = undefined;
    return table;
  }

  /** Inserts a job as soon as there is room. Emits it, or the one with its key that is in its place. */
  #insert(data: string, options: SubmitOptions): Observable<{ readonly job: MemoryJob; readonly isNew: boolean }> {
    return new Observable((subscriber) => {
      // The code that creates the Observable may have unsubscribed.
      if (subscriber.closed) return;
      const dependencies = (options.after ?? []).map((id) => {
        const job = this.#connection.store.find(id);
        if (!job) throw new RangeError(invalid('after', 'ids of jobs of the fleet', id));
        return job;
      });
      subscriber.add(this.#connection.closing$.subscribe((closed) => subscriber.error(closed)));
      const onInserted = (job: MemoryJob, isNew: boolean) => {
        if (isNew) this.#connection.emit(this.name, job.id, { type: 'submitted' });
        subscriber.next({ job, isNew });
        subscriber.complete();
      };
      subscriber.add(this.#open().insertions.add({ data, options, dependencies, onInserted }));
    });
  }

  #callFor<T>(job: string, work: (table: MemoryTable) => T): Promise<T> {
    return this.#connection.call(() => {
      validateJobId(job);
      return work(this.#table);
    });
  }
}

/** Returns the data of a job as JSON. @throws TypeError for an input that a database cannot store. */
function toData(name: string, data: Pick<JobData<unknown>, 'input' | 'awaited'>, { timeout }: SubmitOptions): string {
  validateInput(name, data.input);
  return validateJsonb(name, { ...data, ...(timeout !== undefined && { timeout }), ...currentTrace() });
}

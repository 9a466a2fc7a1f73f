import { filter, Observable, type Subscriber, type Subscription } from 'rxjs';
import { JobCancelledError, JobError, type JobFailure } from './errors.js';
import type { FleetDatabase } from './fleet-database.js';
import type { JobEventChannel } from './job-event-channel.js';
import type { JobEvent } from './queue-types.js';
import { jobsSchema } from './schema-names.js';

/** The interval between polls for results without a message, in ms. */
const pollMs = 5000;
/** The maximum number of jobs in one poll. */
const maxBatch = 1000;

/** The state of a job in the table. */
interface JobRow {
  readonly id: string;
  readonly queue: string;
  readonly state: 'created' | 'retry' | 'active' | 'completed' | 'cancelled' | 'failed';
  readonly output: { readonly value?: unknown } & Partial<JobFailure>;
}

/** The subscribers that wait for the result of one job. */
interface AwaitedJob {
  readonly queue: string;
  readonly subscribers: Set<Subscriber<unknown>>;
}

/** The results that this process waits for. They arrive as messages, or are found in the table. */
export class JobResults {
  private readonly awaited = new Map<string, AwaitedJob>();
  private readonly database: FleetDatabase;
  private readonly events: JobEventChannel;
  private readonly polling: Subscription;
  /** The subscription to events, only while a result is awaited. */
  private listening: Subscription | undefined = undefined;
  /** The error of all results after the close. */
  private closed: Error | undefined = undefined;

  constructor(database: FleetDatabase, events: JobEventChannel) {
    this.database = database;
    this.polling = database.poll(pollMs, events.missed$, () => this.pollAll());
    this.events = events;
  }

  /** Emits the result of a job when it ends. */
  of<Out>(queue: string, job: string): Observable<Out> {
    return new Observable((subscriber) => {
      if (this.closed) return subscriber.error(this.closed);
      const { subscribers } = this.add(queue, job);
      subscribers.add(subscriber);
      this.listening ??= this.events.received$
        .pipe(filter((event) => this.awaited.has(event.job)))
        .subscribe((event) => this.onEvent(event));
      return () => {
        subscribers.delete(subscriber);
        if (subscribers.size === 0 && this.awaited.get(job)?.subscribers === subscribers) this.remove(job);
      };
    });
  }

  /** Reads awaited jobs from the table. Returns the ids of those that exist. */
  async poll(jobs: readonly string[]): Promise<ReadonlySet<string>> {
    const { database } = this;
    const rows = await database.queryWithRetry<JobRow>(
      // The index begins with the queue's name.
      `select id, name as queue, state::text, output from ${jobsSchema(database.schema)}.job
       where (name, id) in (select * from unnest($1::text[], $2::uuid[]))`,
      [jobs.map((job) => this.awaited.get(job)?.queue), jobs],
    );
    for (const { id, queue, state, output } of rows) {
      if (state === 'completed') this.complete(id, output.value);
      else if (state === 'failed') this.fail(id, new JobError(queue, id, failureIn(output)));
      else if (state === 'cancelled') this.fail(id, new JobCancelledError(queue, id));
    }
    return new Set(rows.map(({ id }) => id));
  }

  /** Fails all current and later results. */
  close(error: Error): void {
    this.closed = error;
    this.polling.unsubscribe();
    for (const job of this.awaited.keys()) this.fail(job, error);
  }

  private async pollAll(): Promise<void> {
    const jobs = [...this.awaited.keys()];
    for (let start = 0; start < jobs.length; start += maxBatch) await this.poll(jobs.slice(start, start + maxBatch));
  }

  private onEvent(event: JobEvent): void {
    const { type, queue, job } = event;
    if (type === 'completed' && event.output) this.complete(job, event.output.value);
    else if (type === 'completed') this.database.runInBackground(this.poll([job]));
    else if (type === 'failed') this.fail(job, new JobError(queue, job, event.failure));
    else if (type === 'cancelled') this.fail(job, new JobCancelledError(queue, job));
  }

  private complete(job: string, value: unknown): void {
    for (const subscriber of this.remove(job)) {
      subscriber.next(value);
      subscriber.complete();
    }
  }

  private fail(job: string, error: Error): void {
    for (const subscriber of this.remove(job)) subscriber.error(error);
  }

  private add(queue: string, job: string): AwaitedJob {
    const awaited = this.awaited.get(job) ?? { queue, subscribers: new Set() };
    this.awaited.set(job, awaited);
    return awaited;
  }

  /** Returns the subscribers that waited for the job. */
  private remove(job: string): Iterable<Subscriber<unknown>> {
    const { subscribers = [] } = this.awaited.get(job) ?? {};
    this.awaited.delete(job);
    if (this.awaited.size === 0) {
      this.listening?.unsubscribe();
      this.listening = undefined;
    }
    return subscribers;
  }
}

/** Returns the failure in a job's output. If pg-boss itself failed the job, the output has no name. */
export function failureIn(output: Partial<JobFailure> & { readonly value?: unknown }): JobFailure {
  const { name = 'Error', message, value } = output;
  const thrown = (value ?? {}) as Partial<JobFailure>;
  return { name: thrown.name ?? name, message: message ?? thrown.message ?? 'unknown' };
}

import { filter, Observable, type Subscriber, type Subscription } from 'rxjs';
import { JobCancelledError, JobError, type JobFailure } from './errors.js';
import type { Connection } from './connection.js';
import type { JobEvent } from './job-event.js';
import type { JobEvents } from './job-events.js';
import { jobsSchema } from './schema.js';

/** How often it is looked for results without being told, in ms. */
const lookEvery = 5000;
/** For how many jobs one look asks at a time. */
const most = 1000;

/** How a job stands. */
interface Row {
  readonly id: string;
  readonly queue: string;
  readonly state: 'created' | 'retry' | 'active' | 'completed' | 'cancelled' | 'failed';
  readonly output: { readonly value?: unknown } & Partial<JobFailure>;
}

/** The results that this process waits for, each told by a message, or found in the table. */
export class Results {
  private readonly waiting = new Map<
    string,
    { readonly queue: string; readonly subscribers: Set<Subscriber<unknown>> }
  >();
  private readonly connection: Connection;
  private readonly events: JobEvents;
  private readonly looking: Subscription;
  /** Only while there is something to wait for. */
  private listening: Subscription | undefined = undefined;
  private closed: Error | undefined = undefined;

  constructor(connection: Connection, events: JobEvents) {
    this.connection = connection;
    this.looking = connection.poll(lookEvery, events.missed$, () => this.lookAll());
    this.events = events;
  }

  /** The result of a job, when it is there. */
  of<Out>(queue: string, job: string): Observable<Out> {
    return new Observable((subscriber) => {
      if (this.closed) return subscriber.error(this.closed);
      const one = subscriber as Subscriber<unknown>;
      const all = this.waiting.get(job) ?? { queue, subscribers: new Set() };
      this.waiting.set(job, all);
      all.subscribers.add(one);
      this.listening ??= this.events.told$
        .pipe(filter((event) => this.waiting.has(event.job)))
        .subscribe((event) => this.told(event));
      return () => {
        all.subscribers.delete(one);
        if (all.subscribers.size === 0 && this.waiting.get(job) === all) this.forget(job);
      };
    });
  }

  /** Looks in the table for jobs that are waited for. Gives those that are there. */
  async look(jobs: readonly string[]): Promise<ReadonlySet<string>> {
    const { connection } = this;
    const rows = await connection.ask<Row>(
      // By its name, too, as the index has it.
      `select id, name as queue, state::text, output from ${jobsSchema(connection.schema)}.job
       where (name, id) in (select * from unnest($1::text[], $2::uuid[]))`,
      [jobs.map((job) => this.waiting.get(job)?.queue), jobs],
    );
    for (const { id, queue, state, output } of rows) {
      if (state === 'completed') this.settle(id, (one) => (one.next(output.value), one.complete()));
      else if (state === 'failed') this.settle(id, (one) => one.error(new JobError(queue, id, failureIn(output))));
      else if (state === 'cancelled') this.settle(id, (one) => one.error(new JobCancelledError(queue, id)));
    }
    return new Set(rows.map(({ id }) => id));
  }

  /** Whoever still waits is told why that has no end. */
  close(error: Error): void {
    this.closed = error;
    this.looking.unsubscribe();
    for (const job of this.waiting.keys()) this.settle(job, (one) => one.error(error));
  }

  private async lookAll(): Promise<void> {
    const jobs = [...this.waiting.keys()];
    for (let from = 0; from < jobs.length; from += most) await this.look(jobs.slice(from, from + most));
  }

  private told(event: JobEvent): void {
    const { type, queue, job } = event;
    if (type === 'completed' && event.output) {
      const { value } = event.output;
      this.settle(job, (one) => (one.next(value), one.complete()));
    } else if (type === 'completed') this.connection.aside(this.look([job]));
    else if (type === 'failed') this.settle(job, (one) => one.error(new JobError(queue, job, event.failure)));
    else if (type === 'cancelled') this.settle(job, (one) => one.error(new JobCancelledError(queue, job)));
  }

  private settle(job: string, tell: (subscriber: Subscriber<unknown>) => void): void {
    const { subscribers = [] } = this.waiting.get(job) ?? {};
    this.forget(job);
    for (const subscriber of subscribers) tell(subscriber);
  }

  private forget(job: string): void {
    this.waiting.delete(job);
    if (this.waiting.size > 0) return;
    this.listening?.unsubscribe();
    this.listening = undefined;
  }
}

/** What pg-boss itself has failed a job with has no name. */
export function failureIn(output: Partial<JobFailure> & { readonly value?: unknown }): JobFailure {
  const { name = 'Error', message, value } = output;
  const given = (value ?? {}) as Partial<JobFailure>;
  return { name: given.name ?? name, message: message ?? given.message ?? 'unknown' };
}

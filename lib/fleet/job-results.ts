import { filter, Observable, type Subscriber, type Subscription } from 'rxjs';
import { keepAsyncContext } from '../util/keep-async-context.js';
import { callWithoutStores } from '../util/call-in-context.js';
import { JobCancelledError, JobDeletedError, JobError } from './errors.js';
import { readMissing } from './crash-mark-table.js';
import type { FleetDatabase } from './fleet-database.js';
import { Hints } from './hints.js';
import type { JobEventChannel } from './job-event-channel.js';
import { isEnd } from './job-message.js';
import { readJobs, toKeyText, type JobKey } from './job-reader.js';
import { parseFailure, parseOutput, type JobRow } from './job-row.js';
import type { JobEvent } from './queue-types.js';

/** The interval between polls for results without a message, in ms. */
const pollMs = 5000;
/** The maximum number of jobs in one poll. */
const maxBatch = 500;
/** The time after which a job in the table is on disk, in ms: twice what the server allows with any setting. */
const onDiskMs = 60_000;

/** An insertion that a crash of the server may undo. */
export interface VolatileInsertion {
  /** The mark that has changed if there was a crash. */
  readonly mark: string;
  /** Called when a crash has undone the insertion. */
  readonly onUndone: () => void;
}

/** The subscribers that wait for the result of one job. */
interface AwaitedJob extends JobKey {
  readonly subscribers: Set<Subscriber<unknown>>;
  /** Whether the job is known to be in the table. If it is missing later, it was deleted. */
  confirmed: boolean;
  /** Its insertion, until the job is known to be on disk. */
  insertion?: (VolatileInsertion & { readonly at: number }) | undefined;
}

/**
 * The results that this process waits for. A message from another process only says that a job has ended: its result is
 * read from the table.
 */
export class JobResults {
  private readonly awaited = new Map<string, AwaitedJob>();
  private readonly database: FleetDatabase;
  private readonly events: JobEventChannel;
  private readonly polling: Subscription;
  private readonly hints: Hints<AwaitedJob>;
  /** The subscription to the ends in this process, only while a result is awaited. */
  private listening: Subscription | undefined = undefined;
  /** The error of all results after the close. */
  private closed: Error | undefined = undefined;

  constructor(database: FleetDatabase, events: JobEventChannel) {
    this.database = database;
    this.events = events;
    this.hints = new Hints((jobs) => this.check(jobs));
    this.polling = database.poll(pollMs, events.missed$, () => this.pollAll());
    events.messages$.pipe(filter(isEnd)).subscribe((message) => this.onHint(message));
  }

  /** Emits the result of a job when it ends, in the async context of the subscriber. */
  of<Out>(key: JobKey): Observable<Out> {
    const result$ = new Observable<Out>((subscriber) => {
      if (this.closed) return subscriber.error(this.closed);
      const awaited = this.add(key);
      awaited.subscribers.add(subscriber);
      this.listening ??= callWithoutStores(() => this.listenHere());
      return () => {
        awaited.subscribers.delete(subscriber);
        if (awaited.subscribers.size === 0) this.remove(awaited);
      };
    });
    return result$.pipe(keepAsyncContext());
  }

  /** Records that a job is in the table, and its insertion if a crash of the server may undo it. */
  confirm(key: JobKey, insertion?: VolatileInsertion): void {
    const awaited = this.awaited.get(toKeyText(key));
    if (!awaited) return;
    awaited.confirmed = true;
    awaited.insertion = insertion && { ...insertion, at: performance.now() };
  }

  /** Reads an awaited job from the table. Returns whether it exists, or is awaited no more. */
  async poll(key: JobKey): Promise<boolean> {
    const awaited = this.awaited.get(toKeyText(key));
    return awaited === undefined || (await this.read([awaited])).has(toKeyText(key));
  }

  /** Fails all current and later results. */
  close(error: Error): void {
    this.closed = error;
    this.polling.unsubscribe();
    for (const awaited of this.awaited.values()) this.fail(awaited, error);
  }

  private listenHere(): Subscription {
    return this.events.ends$.subscribe((event) => this.onLocalEnd(event));
  }

  private async pollAll(): Promise<void> {
    const jobs = [...this.awaited.values()];
    for (let start = 0; start < jobs.length; start += maxBatch) await this.read(jobs.slice(start, start + maxBatch));
  }

  private onHint(key: JobKey): void {
    const text = toKeyText(key);
    const awaited = this.awaited.get(text);
    if (awaited) this.hints.add(text, awaited);
  }

  private async check(jobs: readonly AwaitedJob[]): Promise<boolean> {
    try {
      await this.read(jobs);
    } catch (error) {
      this.database.report(error);
    }
    return jobs.some((awaited) => !this.isAwaited(awaited));
  }

  private async read(jobs: readonly AwaitedJob[]): Promise<ReadonlyMap<string, JobRow>> {
    // A job that is written while the statement is executed may be missing in its answer.
    const confirmed = jobs.filter((awaited) => awaited.confirmed);
    const rows = await readJobs(this.database, jobs);
    for (const awaited of jobs) {
      const row = rows.get(toKeyText(awaited));
      if (row) this.onRow(awaited, row);
    }
    await this.onMissing(confirmed.filter((awaited) => !rows.has(toKeyText(awaited))));
    return rows;
  }

  /** Fails those of the jobs that were deleted. Those whose insertion a crash has undone are inserted again. */
  private async onMissing(jobs: readonly AwaitedJob[]): Promise<void> {
    const marked = jobs.map((awaited) => ({ awaited, ...awaited, mark: awaited.insertion?.mark }));
    const missing = await readMissing(this.database, marked);
    for (const { awaited, mark } of marked) {
      const undone = missing.get(toKeyText(awaited));
      // Inserted again in the meantime.
      if (undone === undefined || awaited.insertion?.mark !== mark) continue;
      if (!undone) this.fail(awaited, new JobDeletedError(awaited.queue, awaited.job));
      else {
        awaited.confirmed = false;
        awaited.insertion?.onUndone();
      }
    }
  }

  private onRow(awaited: AwaitedJob, { state, output }: JobRow): void {
    const { queue, job } = awaited;
    awaited.confirmed = true;
    if (awaited.insertion && performance.now() - awaited.insertion.at > onDiskMs) awaited.insertion = undefined;
    if (state === 'completed') this.complete(awaited, parseOutput(output).value);
    else if (state === 'failed') this.fail(awaited, new JobError(queue, job, parseFailure(output)));
    else if (state === 'cancelled') this.fail(awaited, new JobCancelledError(queue, job));
  }

  private onLocalEnd(event: JobEvent): void {
    const { type, queue, job } = event;
    const awaited = this.awaited.get(toKeyText(event));
    if (!awaited) return;
    if (type === 'completed' && event.output) this.complete(awaited, event.output.value);
    else if (type === 'completed') this.onHint(event);
    else if (type === 'failed') this.fail(awaited, new JobError(queue, job, event.failure));
    else if (type === 'cancelled') this.fail(awaited, new JobCancelledError(queue, job));
  }

  private complete(awaited: AwaitedJob, value: unknown): void {
    this.remove(awaited);
    for (const subscriber of awaited.subscribers) {
      subscriber.next(value);
      subscriber.complete();
    }
  }

  private fail(awaited: AwaitedJob, error: Error): void {
    this.remove(awaited);
    for (const subscriber of awaited.subscribers) subscriber.error(error);
  }

  private isAwaited(awaited: AwaitedJob): boolean {
    return this.awaited.get(toKeyText(awaited)) === awaited;
  }

  private add({ queue, job }: JobKey): AwaitedJob {
    const text = toKeyText({ queue, job });
    const awaited = this.awaited.get(text) ?? { queue, job, subscribers: new Set(), confirmed: false };
    this.awaited.set(text, awaited);
    return awaited;
  }

  private remove(awaited: AwaitedJob): void {
    if (!this.isAwaited(awaited)) return;
    this.awaited.delete(toKeyText(awaited));
    if (this.awaited.size === 0) {
      this.listening?.unsubscribe();
      this.listening = undefined;
    }
  }
}

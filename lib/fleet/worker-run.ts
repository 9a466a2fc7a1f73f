import { exhaustMap, filter, merge, of, Subscription, timer, type Subscriber } from 'rxjs';
import { withCancel } from '../context/context.js';
import type { CancelFunc, Context } from '../context/types.js';
import { reportUnhandled } from '../util/report-unhandled.js';
import { AttemptResultWriter } from './attempt-results.js';
import { isTransient } from './connection-errors.js';
import { JobCancelledError, JobLostError } from './errors.js';
import { affectedJobs } from './fleet-database.js';
import { JobRun, type ClaimedJob, type WorkerRunPort } from './job-run.js';
import { fetchJobs } from './job-statements.js';
import type { QueueHandle } from './queue-handle.js';
import type { JobEvent, JobEventDetail, JobHandler } from './queue-types.js';

/** The maximum number of jobs that are fetched at a time. */
const maxBatch = 200;
/** The number of heartbeats within the timeout of one. */
const heartbeatsPerTimeout = 4;

/** One run of a worker. It fetches as many jobs as it has free slots, and sends heartbeats for the active jobs. */
export class WorkerRun<In, Out> implements WorkerRunPort<In, Out> {
  readonly queue: QueueHandle;
  readonly handler: JobHandler<In, Out>;
  readonly results: AttemptResultWriter;
  readonly ctx: Context;
  private readonly cancel: CancelFunc;
  private readonly subscriber: Subscriber<JobEvent>;
  private readonly subscriptions = new Subscription();
  private readonly active = new Map<string, JobRun<In, Out>>();
  /** The number of handlers that still run or whose result is not written, abandoned jobs included. */
  private runs = 0;
  private freeSlots: number;
  private fetching = false;
  private fetchAgain = false;
  /** When this process last confirmed that it owns all active jobs. */
  private lastConfirmedAt = performance.now();

  constructor(
    queue: QueueHandle,
    handler: JobHandler<In, Out>,
    concurrency: number,
    parent: Context,
    subscriber: Subscriber<JobEvent>,
  ) {
    this.queue = queue;
    this.handler = handler;
    this.freeSlots = concurrency;
    this.subscriber = subscriber;
    this.results = new AttemptResultWriter(queue);
    [this.ctx, this.cancel] = withCancel(parent);
  }

  start(): void {
    const { master, control, poller, database } = this.queue.services;
    const { queue, subscriptions, ctx, heartbeatMs } = this;
    subscriptions.add(master.context.cancelled$.subscribe((cause) => this.cancel(cause)));
    subscriptions.add(ctx.cancelled$.subscribe(() => this.completeIfDone()));
    if (ctx.cancelled) return;
    const ownMessages$ = control.messages$.pipe(
      filter((message) => 'queue' in message && message.queue === queue.name),
    );
    subscriptions.add(
      ownMessages$.subscribe((message) => {
        if (message.type === 'cancel')
          this.active.get(message.job)?.abandon(new JobCancelledError(queue.name, message.job));
        else void this.fetch();
      }),
    );
    subscriptions.add(merge(of(0), poller.due(queue.name), control.missed$).subscribe(() => void this.fetch()));
    // pg-boss fails the lost jobs, so that they are retried.
    const lost$ = poller.lost(queue.name);
    subscriptions.add(lost$.pipe(exhaustMap(() => database.maintain(queue.name))).subscribe());
    subscriptions.add(
      timer(heartbeatMs, heartbeatMs)
        .pipe(exhaustMap(() => this.heartbeat()))
        .subscribe(),
    );
  }

  emit(job: string, detail: JobEventDetail, awaited = false): void {
    const { services, name, policy } = this.queue;
    this.subscriber.next(services.events.emit(name, job, detail, awaited));
    // Another process may run the retry immediately.
    if (detail.type === 'retrying' && policy.backoff.initial === 0)
      services.control.send({ type: 'work', queue: name });
  }

  releaseSlot(run: JobRun<In, Out>): void {
    if (this.active.get(run.id) === run) this.active.delete(run.id);
    this.freeSlots++;
    void this.fetch();
  }

  fail(error: unknown): void {
    this.cancel(error);
    this.subscriber.error(error);
  }

  ended(): void {
    this.runs--;
    this.completeIfDone();
  }

  /** The interval between heartbeats, in ms. */
  private get heartbeatMs(): number {
    return this.queue.services.heartbeatTimeoutMs / heartbeatsPerTimeout;
  }

  private async fetch(): Promise<void> {
    this.fetchAgain = this.fetching;
    if (this.fetching || this.freeSlots === 0 || this.ctx.cancelled) return;
    this.fetching = true;
    // Fills the slots that become free in one turn together.
    await new Promise(setImmediate);
    const { queue, freeSlots } = this;
    const { database, heartbeatTimeoutMs } = queue.services;
    try {
      const values = [queue.name, Math.min(freeSlots, maxBatch)];
      const fetched = database.query<ClaimedJob<In>>(fetchJobs(database.schema), values);
      // If the answer arrives later, another process may already own the jobs.
      const jobs = await database.withTimeout(fetched, heartbeatTimeoutMs);
      for (const job of jobs) this.startJob(job);
      this.fetchAgain ||= jobs.length > 0;
    } catch (error) {
      // After a transient error, the next poll fetches again.
      if (!isTransient(error) || database.closing) this.fail(error);
    } finally {
      this.fetching = false;
    }
    if (this.fetchAgain) void this.fetch();
    this.completeIfDone();
  }

  private startJob(job: ClaimedJob<In>): void {
    this.runs++;
    this.freeSlots--;
    if (this.active.size === 0) this.lastConfirmedAt = performance.now();
    const run = new JobRun(this, job);
    // After a pause of the process, its own lost job may come back before the loss is noticed.
    this.active.get(job.id)?.abandon(new JobLostError(this.queue.name, job.id));
    this.active.set(job.id, run);
    run.start();
  }

  /** Sends heartbeats for the active jobs, and abandons those that this process no longer owns. */
  private async heartbeat(): Promise<void> {
    const { queue, active, heartbeatMs } = this;
    const { database, heartbeatTimeoutMs } = queue.services;
    const runs = [...active.values()];
    if (runs.length === 0) return;
    const sentAt = performance.now();
    const claims = runs.map(({ claim }) => claim);
    try {
      const response = await database.withTimeout(database.boss.touch(queue.name, claims), heartbeatMs);
      const owned = new Set(affectedJobs(response));
      this.lastConfirmedAt = sentAt;
      for (const run of runs) if (!owned.has(run.id)) run.abandon(new JobLostError(queue.name, run.id));
    } catch (error) {
      if (!isTransient(error)) reportUnhandled(error);
      if (performance.now() - this.lastConfirmedAt < heartbeatTimeoutMs) return;
      for (const run of runs) run.abandon(new JobLostError(queue.name, run.id));
    }
  }

  private completeIfDone(): void {
    if (!this.ctx.cancelled || this.runs > 0 || this.fetching) return;
    this.subscriptions.unsubscribe();
    this.subscriber.complete();
  }
}

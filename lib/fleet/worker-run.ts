import { exhaustMap, filter, from, interval, merge, of, Subscription, type Observable, type Subscriber } from 'rxjs';
import { withCancel } from '../context/context.js';
import type { CancelFunc, Context } from '../context/types.js';
import { captureAsyncContext } from '../util/async-context.js';
import { callInContext } from '../util/call-in-context.js';
import { answerWithin } from './answer-within.js';
import { AttemptResultWriter, type AttemptResult, type WrittenResult } from './attempt-results.js';
import { ClaimsAhead } from './claims-ahead.js';
import { EmptyClaims } from './empty-claims.js';
import { JobCancelledError, JobLostError } from './errors.js';
import type { ClaimOwner } from './heartbeats.js';
import { watchCancels } from './job-cancels.js';
import { releasedName } from './job-failure.js';
import { JobRun, type WorkerRunPort } from './job-run.js';
import type { Claim, ClaimedJob, ClaimLimits, QueueClaim } from './job-store.js';
import type { QueueHandle } from './queue-handle.js';
import type { JobEvent, JobEventDetail, JobHandler } from './queue-types.js';
import type { WorkerLimits } from './worker-options.js';

/** The maximum number of jobs that are claimed at a time. */
const maxBatch = 500;
/** The interval between looks for claimed jobs that wait too long, in ms. */
const lookMs = 1000;
/** The minimum interval between claims of a worker with a rate, in ms. */
const minRateMs = 50;

/**
 * One run of a worker. It claims as many jobs as it has free slots, and some more while they are short. Jobs that have
 * not started at its end are given back.
 */
export class WorkerRun<In, Out> implements WorkerRunPort<In, Out>, ClaimOwner {
  readonly queue: QueueHandle;
  readonly handler: JobHandler<In, Out>;
  private readonly results: AttemptResultWriter;
  readonly ctx: Context;
  private readonly cancel: CancelFunc;
  /** The async context of the code that has started the worker. Handlers run in it, whatever makes them start. */
  private readonly asyncContext = captureAsyncContext();
  private readonly subscriber: Subscriber<JobEvent>;
  private readonly subscriptions = new Subscription();
  private readonly active = new Map<string, JobRun<In, Out>>();
  /** Claimed jobs that wait for a free slot, in their order. */
  private readonly waiting = new Map<string, ClaimedJob<In>>();
  private readonly ahead: ClaimsAhead;
  private readonly emptyClaims = new EmptyClaims();
  private readonly limits: WorkerLimits;
  /** The number of handlers that still run or whose result is not written, abandoned jobs included. */
  private runs = 0;
  private freeSlots: number;
  private fetching = false;
  /** Whether the queue may have more jobs, according to the last claim and the messages since. */
  private mayHaveMore = false;
  /** The time of the last claim that got a job, by `performance.now()`. */
  private lastClaimAt = -Infinity;
  private starting = false;
  /** The number of pending calls that give jobs back. */
  private givingBack = 0;

  constructor(
    queue: QueueHandle,
    handler: JobHandler<In, Out>,
    concurrency: number,
    limits: WorkerLimits,
    parent: Context,
    subscriber: Subscriber<JobEvent>,
  ) {
    this.queue = queue;
    this.handler = handler;
    this.freeSlots = concurrency;
    this.limits = limits;
    this.ahead = new ClaimsAhead(concurrency);
    this.subscriber = subscriber;
    this.results = new AttemptResultWriter(queue);
    [this.ctx, this.cancel] = withCancel(parent);
  }

  start(): void {
    const { master, control, poller, database, heartbeats } = this.queue.services;
    const { queue, subscriptions, ctx } = this;
    subscriptions.add(master.context.cancelled$.subscribe((cause) => this.cancel(cause)));
    subscriptions.add(
      ctx.cancelled$.subscribe(() => {
        this.giveBackWaiting();
        this.completeIfDone();
      }),
    );
    if (ctx.cancelled) return;
    const isHeld = (job: string) => this.active.has(job) || this.waiting.has(job);
    subscriptions.add(watchCancels(queue, isHeld, (job) => this.onCancelled(job)));
    const work$ = control.messages$.pipe(
      filter((message) => message.type === 'work' && message.queue === queue.name),
      this.emptyClaims.limit(),
    );
    subscriptions.add(merge(of(0), work$, poller.due(queue.name), control.missed$).subscribe(() => this.onWork()));
    // pg-boss fails the lost jobs, so that they are retried.
    const lost$ = poller.lost(queue.name);
    subscriptions.add(lost$.pipe(exhaustMap(() => database.maintain(queue.name))).subscribe());
    subscriptions.add(heartbeats.add(this));
    subscriptions.add(poller.paused(queue.name).subscribe(() => this.giveBackWaiting()));
    const { rate } = this.limits;
    if (rate) subscriptions.add(interval(Math.max(minRateMs, rate.per / rate.jobs)).subscribe(() => this.onRate(rate)));
    subscriptions.add(
      interval(lookMs).subscribe(() => {
        if (this.ahead.stalled) this.giveBackWaiting();
      }),
    );
  }

  get claims(): QueueClaim[] {
    const queue = this.queue.name;
    const runs = Array.from(this.active.values(), ({ claim }) => ({ queue, claim }));
    return [...runs, ...Array.from(this.waiting.values(), (claim) => ({ queue, claim }))];
  }

  onLost({ claim }: QueueClaim): void {
    const run = this.active.get(claim.id);
    if (run?.claim === claim)
      callInContext(this.asyncContext, () => run.abandon(new JobLostError(this.queue.name, claim.id)));
    else if (this.waiting.get(claim.id) === claim) this.waiting.delete(claim.id);
  }

  onCancelled(job: string): void {
    this.waiting.delete(job);
    const run = this.active.get(job);
    callInContext(this.asyncContext, () => run?.abandon(new JobCancelledError(this.queue.name, job)));
  }

  write(claim: Claim, result: AttemptResult, awaited: boolean): Observable<WrittenResult | undefined> {
    return from(this.results.write(claim, result, awaited));
  }

  emit(job: string, detail: JobEventDetail, awaited = false, notified = false): void {
    const { services, name, policy } = this.queue;
    this.subscriber.next(services.events.emit(name, job, detail, awaited, notified));
    // Another process may run the retry immediately.
    if (detail.type === 'retrying' && policy.backoff.initial === 0)
      services.control.send({ type: 'work', queue: name });
  }

  releaseSlot(run: JobRun<In, Out>): void {
    if (this.active.get(run.id) === run) this.active.delete(run.id);
    this.freeSlots++;
    this.ahead.jobEnded(performance.now() - run.startedAt);
    this.startWaiting();
    void this.fetch();
  }

  fail(error: unknown): void {
    this.cancel(error);
    this.subscriber.error(error);
  }

  ended(): void {
    this.runs--;
    // The group of the job may have been at its limit until its result was written.
    if (this.limits.groupConcurrency !== undefined) this.onWork();
    this.completeIfDone();
  }

  /** The number of jobs that the worker can use now. */
  private get room(): number {
    const { freeSlots, waiting, queue, ahead } = this;
    // A job without retries that a crash hits would be lost, although it never started. A limit holds for the starts.
    const aheadCount = queue.policy.retries > 0 && !this.isLimited ? ahead.count : 0;
    // Not one by one, as they start.
    if (waiting.size > aheadCount / 2) return 0;
    return Math.min(freeSlots + aheadCount - waiting.size, maxBatch);
  }

  private get isLimited(): boolean {
    const { groupConcurrency, rate } = this.limits;
    return groupConcurrency !== undefined || rate !== undefined;
  }

  /** Claims again while the rate may have held back jobs: as long as the last claim that got some counts. */
  private onRate({ per }: NonNullable<ClaimLimits['rate']>): void {
    if (performance.now() - this.lastClaimAt < per + lookMs) this.onWork();
  }

  private onWork(): void {
    this.mayHaveMore = true;
    void this.fetch();
  }

  private async fetch(): Promise<void> {
    if (this.fetching || this.ctx.cancelled || !this.mayHaveMore || this.room <= 0) return;
    this.fetching = true;
    // Fills the slots that become free in one turn together.
    await new Promise(setImmediate);
    const { queue, ctx, room, limits } = this;
    const { database, jobs, heartbeatTimeoutMs } = queue.services;
    try {
      if (room > 0) {
        this.mayHaveMore = false;
        // If the answer arrives later, another process may already own the jobs.
        const claim = () =>
          answerWithin(
            jobs.claim<In>(queue.name, { ...limits, maxCount: room, heartbeatMs: heartbeatTimeoutMs }),
            heartbeatTimeoutMs,
          );
        const claimed = await database.retry(claim, Infinity, ctx, false);
        for (const job of claimed) this.add(job);
        this.emptyClaims.record(claimed.length);
        if (claimed.length > 0) this.lastClaimAt = performance.now();
        this.mayHaveMore ||= claimed.length === room;
        this.startWaiting();
      }
    } catch (error) {
      // The table is missing, or the fleet is closed.
      if (!ctx.cancelled) this.fail(error);
    } finally {
      this.fetching = false;
    }
    if (ctx.cancelled) this.giveBackWaiting();
    void this.fetch();
    this.completeIfDone();
  }

  private add(job: ClaimedJob<In>): void {
    // After a pause of the process, its own lost job may come back before the loss is noticed.
    this.active.get(job.id)?.abandon(new JobLostError(this.queue.name, job.id));
    this.waiting.set(job.id, job);
  }

  /** Starts waiting jobs in the free slots. */
  private startWaiting(): void {
    // A job may end before its start has returned. A loop, because a call for each would overflow the stack.
    if (this.starting) return;
    this.starting = true;
    for (const job of this.waiting.values()) {
      if (this.freeSlots === 0 || this.ctx.cancelled) break;
      this.waiting.delete(job.id);
      this.runs++;
      this.freeSlots--;
      const run = new JobRun(this, job);
      this.active.set(job.id, run);
      run.start();
    }
    this.starting = false;
  }

  /** Lets other workers run the jobs that wait here. */
  private giveBackWaiting(): void {
    const { waiting } = this;
    if (waiting.size === 0) return;
    const claims = [...waiting.values()];
    waiting.clear();
    void this.giveBack(claims);
  }

  private async giveBack(claims: readonly ClaimedJob<In>[]): Promise<void> {
    const { services } = this.queue;
    const released = { name: releasedName, message: `Given back by ${services.name} before its start` };
    this.givingBack++;
    try {
      await Promise.all(claims.map((claim) => this.results.write(claim, { released }, false)));
    } catch (error) {
      // Without heartbeats, the jobs are soon taken for lost.
      services.database.report(error);
    } finally {
      this.givingBack--;
      this.completeIfDone();
    }
  }

  private completeIfDone(): void {
    if (!this.ctx.cancelled || this.runs > 0 || this.fetching || this.givingBack > 0) return;
    this.subscriptions.unsubscribe();
    this.subscriber.complete();
  }
}

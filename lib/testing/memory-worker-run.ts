import { map, Observable, Subject, Subscription, type Subscriber } from 'rxjs';
import { withCancel } from '../context/context.js';
import type { CancelFunc, Context } from '../context/types.js';
import type { AttemptResult, WrittenResult } from '../fleet/attempt-results.js';
import { JobRun, type WorkerRunPort } from '../fleet/job-run.js';
import type { Claim } from '../fleet/job-store.js';
import type { JobEvent, JobEventDetail, JobHandler } from '../fleet/queue-types.js';
import type { ResolvedWorkerOptions } from '../fleet/worker-options.js';
import { captureAsyncContext } from '../util/async-context.js';
import { callInContext } from '../util/call-in-context.js';
import { after, afterUnlessExit } from '../util/timer.js';
import { heartbeatMs } from './memory-faults.js';
import type { MemoryConnection } from './memory-connection.js';
import type { MemoryJob } from './memory-job.js';
import type { MemoryTable } from './memory-table.js';

/** One run of a worker of a fleet in memory. */
export class MemoryWorkerRun<In, Out> implements WorkerRunPort<In, Out> {
  readonly queue: WorkerRunPort<In, Out>['queue'];
  readonly handler: JobHandler<In, Out>;
  readonly ctx: Context;
  private readonly cancel: CancelFunc;
  private readonly asyncContext = captureAsyncContext();
  private readonly connection: MemoryConnection;
  private readonly table: MemoryTable;
  private readonly limits: ResolvedWorkerOptions['limits'];
  private readonly subscriber: Subscriber<JobEvent>;
  private readonly subscriptions = new Subscription();
  private readonly active = new Map<JobRun<In, Out>, MemoryJob>();
  /** The claims that the process is about to lose. Each emits at its loss. */
  private readonly losses = new Map<Claim, Subject<undefined>>();
  private claiming: Subscription | undefined = undefined;
  /** The timer of a claim that is lost. It is cleared when the other one fires first. */
  private losing: Subscription | undefined = undefined;
  private freeSlots: number;
  /** The number of handlers that still run, abandoned jobs included. */
  private runs = 0;

  constructor(
    connection: MemoryConnection,
    table: MemoryTable,
    handler: JobHandler<In, Out>,
    { concurrency, limits }: ResolvedWorkerOptions,
    parent: Context,
    subscriber: Subscriber<JobEvent>,
  ) {
    this.queue = { name: table.name, policy: table.policy, services: connection };
    this.connection = connection;
    this.table = table;
    this.handler = handler;
    this.limits = limits;
    this.freeSlots = concurrency;
    this.subscriber = subscriber;
    [this.ctx, this.cancel] = withCancel(parent);
  }

  start(): void {
    const { ctx, subscriptions, table, connection } = this;
    subscriptions.add(connection.store.context.cancelled$.subscribe((cause) => this.cancel(cause)));
    subscriptions.add(ctx.cancelled$.subscribe(() => this.completeIfDone()));
    subscriptions.add(table.claims.work$.subscribe(() => this.onWork()));
    subscriptions.add(connection.closing$.subscribe(() => this.onClosing()));
    this.onWork();
  }

  write(claim: Claim, result: AttemptResult): Observable<WrittenResult | undefined> {
    const loss = this.losses.get(claim);
    if (loss) return loss.pipe(map(() => undefined));
    return new Observable((subscriber) => {
      this.connection.validateOpen();
      this.table.settle(claim, result, (written) => subscriber.next(written));
      subscriber.complete();
    });
  }

  emit(job: string, detail: JobEventDetail): void {
    this.subscriber.next(this.connection.emit(this.queue.name, job, detail));
  }

  releaseSlot(run: JobRun<In, Out>): void {
    this.active.delete(run);
    this.freeSlots++;
    this.onWork();
  }

  fail(error: unknown): void {
    this.cancel(error);
    this.subscriber.error(error);
  }

  ended(): void {
    this.runs--;
    this.completeIfDone();
  }

  /** Claims jobs soon, as in a real fleet never within the call that has inserted one. */
  private onWork(): void {
    // A process that has no connection claims nothing.
    if (this.losses.size > 0 || this.freeSlots === 0 || this.ctx.cancelled) return;
    this.claiming ??= this.claimSoon(false);
    // Of two timers at the same time, `explore` lets each fire first in some orders.
    if (this.connection.store.faults === 'explore' && this.table.claims.isDue) this.losing ??= this.claimSoon(true);
  }

  private claimSoon(isLost: boolean): Subscription {
    const { scheduler } = this.connection.store;
    const timer = scheduler.schedule(() => callInContext(this.asyncContext, () => this.claim(isLost)));
    this.subscriptions.add(timer);
    return timer;
  }

  /** Claims a job for each free slot. Another worker may get the next ones. */
  private claim(isLost: boolean): void {
    this.claiming?.unsubscribe();
    this.losing?.unsubscribe();
    this.claiming = this.losing = undefined;
    for (let room = this.freeSlots; room > 0 && !this.ctx.cancelled && !this.connection.isClosed; room--) {
      const job = this.table.claim(this.limits);
      if (!job) return;
      this.run(job, isLost);
    }
  }

  private run(job: MemoryJob, isLost: boolean): void {
    const { id, retryCount } = job;
    this.runs++;
    this.freeSlots--;
    const run = new JobRun(this, { id, retryCount, data: job.data<In>() });
    this.active.set(run, job);
    job.holder = { abandon: (cause) => callInContext(this.asyncContext, () => run.abandon(cause)) };
    const { store, name } = this.connection;
    const claim = { queue: this.queue.name, job: id, attempt: retryCount + 1, process: name };
    if (isLost || (typeof store.faults === 'function' && store.faults(claim))) this.lose(job, run.claim);
    run.start();
  }

  private lose(job: MemoryJob, claim: Claim): void {
    const loss = new Subject<undefined>();
    this.losses.set(claim, loss);
    after(this.connection.store.scheduler, heartbeatMs, () => {
      // Other workers may claim the job before this one.
      this.table.lose(job, claim);
      this.losses.delete(claim);
      loss.next(undefined);
      loss.complete();
      this.onWork();
    });
  }

  /** Loses the jobs of a closed process, which sends no heartbeats any more. Their handlers are not cancelled. */
  private onClosing(): void {
    for (const [{ claim }, job] of this.active) {
      job.holder = undefined;
      afterUnlessExit(this.connection.store.scheduler, heartbeatMs, () => this.table.lose(job, claim));
    }
  }

  private completeIfDone(): void {
    if (!this.ctx.cancelled || this.runs > 0) return;
    this.subscriptions.unsubscribe();
    this.subscriber.complete();
  }
}

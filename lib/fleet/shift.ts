import type { Job } from 'pg-boss';
import { exhaustMap, filter, merge, Subscription, timer, type Subscriber } from 'rxjs';
import { withCancel } from '../context/context.js';
import type { CancelFunc, Context } from '../context/types.js';
import { reportUnhandled } from '../util/report-unhandled.js';
import { isPassing, settledBy } from './connection.js';
import { JobCancelledError, JobLostError } from './errors.js';
import type { JobEvent, JobEventDetail } from './job-event.js';
import { JobRun } from './job-run.js';
import type { JobQueue } from './job-queue.js';
import { Settlement } from './settlement.js';
import type { JobData, JobHandler } from './job.js';

/** How often it is looked for jobs without being told, in ms. */
const lookEvery = 2000;
/** How many jobs are fetched at a time, at most. */
const most = 200;

/** One run of a worker: it fetches as many jobs as it has room for, and gives signs of life for those under way. */
export class Shift<In, Out> {
  readonly queue: JobQueue<In, Out>;
  readonly handler: JobHandler<In, Out>;
  readonly settlement: Settlement;
  /** What all its jobs are under. */
  readonly ctx: Context;
  private readonly stop: CancelFunc;
  private readonly subscriber: Subscriber<JobEvent>;
  private readonly looking = new Subscription();
  private readonly going = new Map<string, JobRun<In, Out>>();
  /** Of jobs that are still to end here, and are no longer this process's, too. */
  private runs = 0;
  private room: number;
  private fetching = false;
  private again = false;
  /** When all jobs under way were last seen to be this process's. */
  private seen = performance.now();

  constructor(
    queue: JobQueue<In, Out>,
    handler: JobHandler<In, Out>,
    concurrency: number,
    parent: Context,
    subscriber: Subscriber<JobEvent>,
  ) {
    this.queue = queue;
    this.handler = handler;
    this.room = concurrency;
    this.subscriber = subscriber;
    this.settlement = new Settlement(queue);
    [this.ctx, this.stop] = withCancel(parent);
  }

  begin(): void {
    const { master, calls, heartbeat } = this.queue.ship;
    const { queue, looking, ctx } = this;
    looking.add(master.context.cancelled$.subscribe((cause) => this.stop(cause)));
    looking.add(ctx.cancelled$.subscribe(() => this.end()));
    if (ctx.cancelled) return;
    const ours$ = calls.stream.pipe(filter((call) => 'queue' in call && call.queue === queue.name));
    looking.add(
      ours$.subscribe((call) => {
        if (call.type === 'cancel') this.going.get(call.job)?.leave(new JobCancelledError(queue.name, call.job));
        else void this.fetch();
      }),
    );
    looking.add(merge(timer(0, lookEvery), calls.missed$).subscribe(() => void this.fetch()));
    const sign = heartbeat / 4;
    looking.add(
      timer(sign, sign)
        .pipe(exhaustMap(() => this.touch()))
        .subscribe(),
    );
  }

  tell(job: string, detail: JobEventDetail, awaited = false): void {
    const { ship, name, policy } = this.queue;
    this.subscriber.next(ship.events.tell(name, job, detail, awaited));
    // It may be done at once, elsewhere.
    if (detail.type === 'retrying' && policy.backoff.initial === 0) ship.calls.send({ type: 'work', queue: name });
  }

  /** A job needs its place no longer. */
  vacate(run: JobRun<In, Out>): void {
    if (this.going.get(run.id) === run) this.going.delete(run.id);
    this.room++;
    void this.fetch();
  }

  /** Something is wrong that no patience mends. */
  fail(error: unknown): void {
    this.stop(error);
    this.subscriber.error(error);
  }

  ended(): void {
    this.runs--;
    this.end();
  }

  private async fetch(): Promise<void> {
    this.again = this.fetching;
    if (this.fetching || this.room === 0 || this.ctx.cancelled) return;
    this.fetching = true;
    // Places that become free in one turn are filled together.
    await new Promise(setImmediate);
    const { queue, room } = this;
    const { connection, heartbeat } = queue.ship;
    try {
      // Jobs of an answer that comes later than that are no longer this process's.
      const fetched = connection.boss.fetch<JobData<In>>(queue.name, { batchSize: Math.min(room, most) });
      const jobs = await connection.promptly(fetched, heartbeat);
      // Of those that come when nobody waits for them any more.
      for (const job of jobs) this.start(job);
      this.again ||= jobs.length > 0;
    } catch (error) {
      // It is tried again at the next look.
      if (!isPassing(error) || connection.closing) this.fail(error);
    } finally {
      this.fetching = false;
    }
    if (this.again) void this.fetch();
    this.end();
  }

  private start(job: Job<JobData<In>>): void {
    this.runs++;
    this.room--;
    if (this.going.size === 0) this.seen = performance.now();
    const run = new JobRun(this, job);
    // It comes again before it was seen to be lost, as after this process was stopped for a while.
    this.going.get(job.id)?.leave(new JobLostError(this.queue.name, job.id));
    this.going.set(job.id, run);
    run.start();
  }

  /** Gives a sign of life, and sees which jobs are no longer this process's. */
  private async touch(): Promise<void> {
    const { queue, going } = this;
    const { connection, heartbeat } = queue.ship;
    const runs = [...going.values()];
    if (runs.length === 0) return;
    const asked = performance.now();
    try {
      const kept = new Set(
        settledBy(
          await connection.promptly(
            connection.boss.touch(
              queue.name,
              runs.map(({ claim }) => claim),
            ),
            heartbeat / 4,
          ),
        ),
      );
      this.seen = asked;
      for (const run of runs) if (!kept.has(run.id)) run.leave(new JobLostError(queue.name, run.id));
    } catch (error) {
      if (!isPassing(error)) reportUnhandled(error);
      if (performance.now() - this.seen < heartbeat) return;
      for (const run of runs) run.leave(new JobLostError(queue.name, run.id));
    }
  }

  private end(): void {
    if (!this.ctx.cancelled || this.runs > 0 || this.fetching) return;
    this.looking.unsubscribe();
    this.subscriber.complete();
  }
}

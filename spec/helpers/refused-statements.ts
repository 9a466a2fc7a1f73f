import { setTimeout as delay } from 'node:timers/promises';
import { firstValueFrom, lastValueFrom, retry, Subscription } from 'rxjs';
import { cron, launch, task, type Application } from 'rxjs-tasks';
import { connectFleet, every, UnrecoverableError, type Fleet, type FleetOptions, type Queue } from 'rxjs-tasks/fleet';
import { FaultProxy } from './fault-proxy.js';
import { newSchema, sharedUrl } from './fleet.js';
import { waitUntil } from './wait.js';

export type StatementKind =
  | 'status poll'
  | 'claim'
  | 'complete'
  | 'release'
  | 'touch'
  | 'lease acquire'
  | 'lease renew'
  | 'lease clear'
  | 'insert'
  | 'fail'
  | 'notify'
  | 'state'
  | 'progress'
  | 'queue creation'
  | 'queue options'
  | 'queue pause'
  | 'queue resume'
  | 'job lookup'
  | 'job promotion'
  | 'job removal'
  | 'job retry'
  | 'keep'
  | 'groups'
  | 'result'
  | 'cancel'
  | 'cron pause'
  | 'follow';

/** All kinds of statements of a running fleet. */
export const statements: Readonly<Record<StatementKind, RegExp>> = {
  'status poll': /from \(select\) one left join/,
  claim: /\.claim_jobs_/,
  complete: /\.(complete_jobs|complete_and_notify)_/,
  release: /\.release_jobs_/,
  touch: /\.touch_jobs_/,
  'lease acquire': /insert into "\w+"\.cron as last/,
  'lease renew': /cron set seen = now\(\)/,
  'lease clear': /cron set lease = /,
  insert: /\.insert_jobs_/,
  fail: /deleted_jobs AS \(/,
  notify: /pg_notify\(\$1, payload\)/,
  state: /select task, slot, case when lease/,
  progress: /insert into "\w+"\.progress/,
  'queue creation': /\.create_queue\(/,
  'queue options': /\.queue as known \(name, options\)/,
  'queue pause': /\.queue as known \(name, options, paused_at/,
  'queue resume': /\.queue set paused_at = null/,
  'job lookup': /select job\.id, case /,
  'job promotion': /job set start_after = now\(\)/,
  'job removal': /delete from \S+\.job where/,
  'job retry': /\.retry_job_/,
  keep: /\.keep_claims_/,
  groups: /group by group_id/,
  result: /\.read_jobs_/,
  cancel: /state = 'cancelled'/,
  'cron pause': /\.cron_pause \(task, begun_at/,
  follow: /fleet set followed_until/,
};

/** The statements that carry a value of the application, which the server may refuse for ever. */
export const kindsWithValues: ReadonlySet<StatementKind> = new Set([
  'complete',
  'insert',
  'fail',
  'progress',
  'queue creation',
  'queue options',
  'queue pause',
  'queue resume',
  'job lookup',
  'job promotion',
  'job removal',
  'job retry',
  'keep',
  'groups',
  'cancel',
  'cron pause',
]);

/** An input: a number of ms, or a mode of the handler. */
type Input = number | 'fails once' | 'is doomed' | 'until cancel';

/** A fleet whose statements a proxy refuses, with a worker, a cron and a lease. */
export class RefusedFleet {
  readonly slots: number[] = [];
  readonly answers: boolean[] = [];
  private readonly subscriptions = new Subscription();
  private readonly apps: Application[] = [];

  readonly proxy: FaultProxy;
  readonly fleet: Fleet;
  readonly queue: Queue<Input, string>;

  private constructor(proxy: FaultProxy, fleet: Fleet) {
    this.proxy = proxy;
    this.fleet = fleet;
    this.queue = fleet.queue('work', { retries: 50, backoff: { initial: 0 } });
  }

  static async start(options: Partial<FleetOptions> = {}): Promise<RefusedFleet> {
    const proxy = await FaultProxy.start(await sharedUrl());
    const fleet = await connectFleet({ url: proxy.url, schema: newSchema(), connections: 3, ...options });
    fleet.events$.subscribe();
    return new RefusedFleet(proxy, fleet);
  }

  /** Starts a worker. */
  work(queue: Queue<Input, string> = this.queue): Application {
    const worker = queue.worker(
      async (input, ctx, job) => {
        job.progress({ input });
        if (input === 'fails once' && job.attempt === 1) throw new Error('once');
        if (input === 'is doomed' && job.attempt === 1) throw new UnrecoverableError('doomed');
        if (input === 'until cancel') await firstValueFrom(ctx.cancelled$);
        else await delay(typeof input === 'number' ? input : 0, undefined, { signal: ctx.signal });
        ctx.signal.throwIfAborted();
        return 'done';
      },
      { concurrency: 10 },
    );
    const app = launch([worker], { observer: () => undefined });
    this.apps.push(app);
    return app;
  }

  /** Starts a cron, and holds a lease of another. */
  tick(): Application {
    const run = task('tick', ({ slot }) => void this.slots.push(slot ?? 0));
    const app = launch([cron(run, every(100), { coordinator: this.fleet.coordinator })], { observer: () => undefined });
    this.apps.push(app);
    const lease$ = this.fleet.coordinator.lease('held', Date.now());
    // A refusal of the name of a cron would be final.
    const granted$ = lease$.pipe(retry({ delay: 100 }));
    this.subscriptions.add(granted$.subscribe((granted) => this.answers.push(granted)));
    return app;
  }

  /** Makes use of every kind of statement. Resolves when all has been done. */
  async useAll(): Promise<void> {
    const { fleet, queue } = this;
    const stopping = this.work();
    const interrupted = await queue.enqueue('until cancel');
    await waitUntil(async () => (await this.state()).queues.some(({ running }) => running > 0));
    const app = this.work();
    await stopping.stop();
    void this.apps.splice(this.apps.indexOf(stopping), 1);
    const results = [queue.submit('fails once'), queue.submit(1), queue.submit(9000)].map((job$) =>
      lastValueFrom(job$),
    );
    const id = await queue.enqueue(5);
    results.push(lastValueFrom(queue.result(id)));
    const delayed = await queue.enqueue(0, { delay: 60_000 });
    const cancelled = await Promise.all([queue.cancel(delayed), queue.cancel(interrupted)]);
    await fleet.pause('app/other');
    await queue.pause();
    await queue.resume();
    await queue.promote(delayed);
    const doomed = await queue.enqueue('is doomed', { key: 'key', group: 'group' });
    await lastValueFrom(queue.result(doomed)).catch(() => undefined);
    if (!(await queue.retry(doomed))) throw new Error('the job was not retried');
    results.push(lastValueFrom(queue.result(doomed)));
    const removed = await queue.enqueueMany([0, 1], { delay: 60_000 });
    for (const job of removed) if (!(await queue.remove(job))) throw new Error('the job was not removed');
    await queue.groups();
    if ((await queue.job(id))?.id !== id) throw new Error('the job is missing');
    const all = await Promise.all(results);
    if (all.some((result) => result !== 'done') || !cancelled.includes(true) || !app.live)
      throw new Error('unfinished');
  }

  /** Reads the state, which is the only call that does not wait out an error. */
  async state(): ReturnType<Fleet['state']> {
    for (;;) {
      const state = await this.fleet.state().catch(() => undefined);
      if (state) return state;
      await delay(100);
    }
  }

  get live(): boolean {
    return this.apps.every((app) => app.live);
  }

  async close(): Promise<void> {
    this.subscriptions.unsubscribe();
    for (const app of this.apps) await app.stop();
    await this.fleet.close();
    await this.proxy.close();
  }
}

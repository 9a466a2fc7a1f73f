import { expect } from 'chai';
import { AsyncLocalStorage } from 'node:async_hooks';
import { inspect } from 'node:util';
import { defer, map, merge, NEVER, Subject, takeUntil, timer, type Observable } from 'rxjs';
import { withCancel, type Context } from 'rxjs-tasks';
import { QueueFullError, type JobEvent, type QueueOptions } from 'rxjs-tasks/fleet';
import { memoryFleet, virtualClock, type MemoryFleet, type VirtualClock } from 'rxjs-tasks/testing';
import { collect } from '../helpers/collect.js';
import { virtually } from '../helpers/virtual-time.js';

const noon = '2026-03-01T12:00:00Z';
const hour = 3_600_000;

/** Creates a fleet on a clock of its own, and a context for its workers. */
function newFleet(): { fleet: MemoryFleet; clock: VirtualClock; ctx: Context; cancel: (cause?: unknown) => void } {
  const clock = virtualClock(noon);
  const [ctx, cancel] = withCancel(undefined, { scheduler: clock });
  return { fleet: memoryFleet({ scheduler: clock }), clock, ctx, cancel };
}

/** Collects the events of jobs as text, with their times in ms since noon. */
function textsOf({ events$ }: { readonly events$: Observable<JobEvent> }): string[] {
  const texts: string[] = [];
  events$.subscribe((event) => {
    const attempt = 'attempt' in event ? ` ${event.attempt}` : '';
    texts.push(`${event.at - Date.parse(noon)} ${event.by} ${event.type}${attempt}`);
  });
  return texts;
}

describe('memoryFleet', () => {
  it('counts the jobs of each group, of the largest groups first', async () => {
    const { fleet, ctx, clock } = newFleet();
    const queue = fleet.queue<string>('q');
    expect(await queue.groups()).to.deep.equal([]);
    for (const group of ['b', 'c', 'a', 'd', 'c']) await queue.enqueue(group, { group });
    await queue.enqueue('alone');
    expect(await queue.groups()).to.deep.equal([
      { group: 'c', waiting: 2, running: 0 },
      { group: 'a', waiting: 1, running: 0 },
      { group: 'b', waiting: 1, running: 0 },
      { group: 'd', waiting: 1, running: 0 },
    ]);
    const worker = queue.worker(() => NEVER, { concurrency: 10, groupConcurrency: 1 });
    worker.start(ctx).subscribe();
    clock.advance(hour);
    expect(await queue.groups(2)).to.deep.equal([
      { group: 'c', waiting: 1, running: 1 },
      { group: 'a', waiting: 0, running: 1 },
    ]);
    for (const limit of [0, 1001, 1.5])
      expect(await queue.groups(limit).catch((error: unknown) => String(error))).to.match(/Expected `limit`/);
  });

  it('runs jobs in virtual time, without a promise in between', () =>
    virtually(({ expectObservable, cold }) => {
      const queue = memoryFleet().queue<string, string>('q', { retries: 1, backoff: { initial: 2000 } });
      const worker = queue.worker((name, _, { attempt }) => {
        if (name === 'retried' && attempt === 1) throw new Error('not yet');
        return cold('--a|', { a: `${name} ${attempt}` });
      });
      // The job of 2 ms runs, then the other fails, waits for 2 s, and runs.
      expectObservable(worker.start().pipe(map(({ type }) => type.charAt(0))), '3s !').toBe('s--(csr) 1995ms s--c');
      const results$ = merge(queue.submit('first'), queue.submit('retried'));
      expectObservable(results$).toBe('---a 2002ms (b|)', { a: 'first 1', b: 'retried 2' });
    }));

  it('doubles the wait before a retry, and gives the last error to the submitter and the dead letters', async () => {
    const { fleet, clock, ctx } = newFleet();
    const queue = fleet.queue<number>('q', { retries: 3, backoff: { initial: 1000, max: 3000 } });
    const events = textsOf(queue);
    queue
      .worker((_, __, { attempt }) => {
        throw new Error(`no ${attempt}`);
      })
      .start(ctx)
      .subscribe();
    const result = collect(queue.submit(1));
    clock.advance(hour);
    expect(events.filter((text) => !text.endsWith('submitted'))).to.deep.equal([
      '0 memory started 1',
      '0 memory retrying 1',
      '1000 memory started 2',
      '1000 memory retrying 2',
      '3000 memory started 3',
      '3000 memory retrying 3',
      '6000 memory started 4',
      '6000 memory failed 4',
    ]);
    expect(result.map(String)).to.deep.equal(['JobError: A job of q failed: Error: no 4']);
    await queue.enqueue(2);
    clock.advance(hour);
    expect((await queue.deadLetters()).map(({ input }) => input)).to.deep.equal([1, 2]);
    const [dead, ...others] = await queue.deadLetters(1);
    expect(others).to.deep.equal([]);
    expect([dead?.input, dead?.failure.message, dead?.at]).to.deep.equal([
      1,
      'no 4',
      new Date(Date.parse(noon) + 6000),
    ]);
  });

  it('starts a job at the time of its delay, also one that is a date, and leaves no timer afterwards', () => {
    const { fleet, clock, ctx, cancel } = newFleet();
    const queue = fleet.queue<string>('q');
    const started: unknown[] = [];
    queue
      .worker((name) => void started.push([name, clock.frame]))
      .start(ctx)
      .subscribe();
    void queue.enqueue('date', { delay: new Date('2026-03-02T00:00:00Z') });
    void queue.enqueue('hour', { delay: hour });
    void queue.enqueue('2 hours', { delay: 2 * hour });
    void queue.enqueue('now');
    clock.advance(86_400_000);
    expect(started).to.deep.equal([
      ['now', 0],
      ['hour', hour],
      ['2 hours', 2 * hour],
      ['date', 12 * hour],
    ]);
    cancel();
    expect(clock.timers).to.equal(0);
  });

  it('promotes a delayed job, and starts jobs that are resumed, at that time', async () => {
    const { fleet, clock, ctx } = newFleet();
    const queue = fleet.queue<string>('q');
    const started: unknown[] = [];
    queue
      .worker((name) => void started.push([name, clock.frame]))
      .start(ctx)
      .subscribe();
    const id = await queue.enqueue('promoted', { delay: hour });
    clock.advance(10);
    await queue.promote(id);
    clock.advance(10);
    await queue.pause();
    void queue.enqueue('resumed');
    clock.advance(10);
    await fleet.process('b').queue('q').resume();
    clock.advance(0);
    expect(started).to.deep.equal([
      ['promoted', 10],
      ['resumed', 30],
    ]);
  });

  it('runs at most so many jobs of a group in all processes, those of other groups at once', () => {
    const { fleet, clock, ctx } = newFleet();
    const started: string[] = [];
    for (const process of [fleet, fleet.process('b')])
      process
        .queue<string>('q')
        .worker(
          (group) => {
            started.push(`${group} at ${clock.frame} in ${process.name}`);
            return timer(100, clock);
          },
          { concurrency: 3, groupConcurrency: 2 },
        )
        .start(ctx)
        .subscribe();
    for (const group of ['x', 'x', 'x', 'y', 'x', 'x']) void fleet.queue<string>('q').enqueue(group, { group });
    clock.advance(1000);
    expect(started).to.deep.equal([
      ...['x at 0 in memory', 'x at 0 in memory', 'y at 0 in memory'],
      ...['x at 100 in memory', 'x at 100 in memory', 'x at 200 in memory'],
    ]);
  });

  it('starts at most so many jobs within a time', () => {
    const { fleet, clock, ctx } = newFleet();
    const queue = fleet.queue<number>('q');
    const started: number[] = [];
    const options = { concurrency: 5, rate: { jobs: 2, per: 1000 } };
    queue
      .worker(() => void started.push(clock.frame), options)
      .start(ctx)
      .subscribe();
    void queue.enqueueMany([1, 2, 3]);
    clock.advance(600);
    void queue.enqueueMany([4, 5]);
    clock.advance(hour);
    expect(started).to.deep.equal([0, 0, 1000, 1000, 2000]);
  });

  it('lets another process run a job that a stopping one gives back, without the use of an attempt', async () => {
    const { fleet, clock, ctx, cancel } = newFleet();
    const queue = fleet.queue<number, string>('q', { retries: 1, backoff: { initial: 0 } });
    const events = textsOf(queue);
    queue
      .worker(() => NEVER)
      .start(ctx)
      .subscribe();
    const id = await queue.enqueue(1);
    clock.advance(10);
    const [later] = withCancel(undefined, { scheduler: clock });
    fleet
      .process('b')
      .queue<number, string>('q')
      .worker((_, __, { attempt }) => {
        if (attempt === 2) throw new Error('not yet');
        return timer(5, clock).pipe(map(() => 'done'));
      })
      .start(later)
      .subscribe();
    clock.advance(10);
    cancel(new Error('deploy'));
    clock.advance(10);
    expect(events).to.deep.equal([
      '0 memory submitted',
      '0 memory started 1',
      '20 memory retrying 1',
      '20 b started 2',
      '20 b retrying 2',
      '20 b started 3',
      '25 b completed 3',
    ]);
    expect(await queue.job(id)).to.include({ state: 'completed', output: 'done' });
  });

  it('cancels the handler of a job in whatever process it runs', async () => {
    const { fleet, clock, ctx } = newFleet();
    const causes: unknown[] = [];
    fleet
      .process('b')
      .queue('q')
      .worker((_, job) => {
        job.cancelled$.subscribe((cause) => causes.push(String(cause)));
        return NEVER;
      })
      .start(ctx)
      .subscribe();
    const queue = fleet.queue<number>('q');
    const result = collect(queue.submit(1));
    clock.advance(1);
    const [job] = await queue.jobs();
    expect(await queue.cancel(job?.id ?? '')).to.equal(true);
    const text = `JobCancelledError: A job of q was cancelled: ${job?.id ?? ''}`;
    expect([causes, result.map(String)]).to.deep.equal([[text], [text]]);
  });

  it('deletes an ended job at the end of its retention', async () => {
    const { fleet, clock, ctx } = newFleet();
    const queue = fleet.queue<number>('q', { retention: hour });
    queue
      .worker((n) => n)
      .start(ctx)
      .subscribe();
    const id = await queue.enqueue(1);
    clock.advance(hour - 1);
    expect((await queue.job(id))?.state).to.equal('completed');
    clock.advance(1);
    expect([await queue.job(id), await queue.jobs()]).to.deep.equal([undefined, []]);
    expect(collect(queue.result(id)).map(String)).to.deep.equal([
      `RangeError: Expected \`job\` to be a job of q, got \`'${id}'\` (string)`,
    ]);
  });

  it('inserts a job with a `db` at once, and refuses it if the queue is full', async () => {
    const { fleet } = newFleet();
    const queue = fleet.queue<number>('q', { maxWaiting: 2 });
    const db = { query: () => Promise.reject(new Error('not used')) };
    await queue.enqueueMany([1, 2], { db });
    const error = await queue.enqueue(3, { db }).catch((reason: unknown) => reason);
    expect(error).to.be.instanceOf(QueueFullError);
    expect((await queue.jobs()).map(({ input }) => input)).to.deep.equal([1, 2]);
  });

  it('accepts inherited options of a queue, as it validates them', async () => {
    const { fleet, clock, ctx } = newFleet();
    const queue = fleet.queue('q', Object.create({ retries: 0 }) as QueueOptions);
    const worker = queue.worker(() => {
      throw new Error('no');
    });
    worker.start(ctx).subscribe();
    await queue.enqueue(1);
    clock.advance(hour);
    expect((await queue.jobs()).map(({ attempt }) => attempt)).to.deep.equal([1]);
  });

  it('inserts no job for a subscriber that has unsubscribed while it is submitted', async () => {
    const { fleet } = newFleet();
    const queue = fleet.queue<number>('q');
    const stop$ = new Subject<void>();
    const submitted$ = defer(() => {
      stop$.next();
      return queue.submit(1);
    });
    submitted$.pipe(takeUntil(stop$)).subscribe();
    expect(await queue.jobs()).to.deep.equal([]);
  });

  it('inserts a job with the key of an ended one after the clock has been set back', async () => {
    const { fleet, clock } = newFleet();
    const queue = fleet.queue<number>('q');
    const ended = await queue.enqueue(1, { key: 'k' });
    await queue.cancel(ended);
    clock.adjust(-1000);
    expect(await queue.enqueue(2, { key: 'k' })).not.to.equal(ended);
  });

  it('runs handlers and results in the async contexts of the worker and the submitter', () => {
    const { fleet, clock, ctx } = newFleet();
    const storage = new AsyncLocalStorage<string>();
    const stores: unknown[] = [];
    const queue = fleet.queue<number>('q');
    storage.run('worker', () =>
      queue
        .worker(() => void stores.push(storage.getStore()))
        .start(ctx)
        .subscribe(),
    );
    storage.run('submitter', () => queue.submit(1).subscribe(() => stores.push(storage.getStore())));
    storage.run('clock', () => clock.advance(1));
    expect(stores).to.deep.equal(['worker', 'submitter']);
  });

  it('refuses invalid options, and names of processes that are none', () => {
    expect(() => memoryFleet({ scheduler: {} as never })).to.throw('Expected `scheduler` to be an RxJS scheduler');
    expect(() => memoryFleet({ clock: 1 } as never)).to.throw(
      'Expected an option of `memoryFleet`, got `clock`. Known options: `scheduler`, `name`',
    );
    expect(() => memoryFleet({ name: 1 as never })).to.throw('Expected `name` to be a string');
    expect(() => memoryFleet().process('n'.repeat(201))).to.throw('Expected `name` to be up to 200 characters');
    expect(memoryFleet().process('n'.repeat(200)).name).to.have.length(200);
  });

  it('prints as its name, and so do its queues', () => {
    const fleet = memoryFleet({ name: 'a' });
    expect([inspect(fleet), inspect(fleet.queue('q'))]).to.deep.equal(['Fleet(a)', 'Queue(q)']);
  });

  it('starts a job at the end of those that it waits for, and fails those after a failed one at that time', () => {
    const { fleet, clock, ctx } = newFleet();
    const queue = fleet.queue<number, number>('q', { retries: 0 });
    const worker = queue.worker(
      (ms, _, { outputs }) => {
        if (ms < 0) throw new Error('no');
        return timer(ms, clock).pipe(map(() => ms + outputs.length));
      },
      { concurrency: 9 },
    );
    worker.start(ctx).subscribe();
    const [first, second] = ['000000000001', '000000000002'].map((end) => `00000000-0000-4000-8000-${end}`);
    void queue.enqueue(10);
    void queue.enqueue(30);
    const events = textsOf(queue);
    const last = collect(queue.submit(5, { after: [first ?? '', second ?? ''] }));
    void queue.enqueue(-1, { delay: 20 });
    const failing = collect(queue.submit(5, { after: ['00000000-0000-4000-8000-000000000004'] }));
    clock.advance(100);
    expect([last.map(String), failing.map(String)]).to.deep.equal([
      ['7', 'complete'],
      ['JobError: A job of q failed: Error: no'],
    ]);
    expect(events.filter((text) => !text.endsWith('submitted'))).to.deep.equal([
      '0 memory started 1',
      '0 memory started 1',
      '10 memory completed 1',
      '20 memory started 1',
      '20 memory failed 1',
      '20 memory failed 1',
      '30 memory completed 1',
      '30 memory started 1',
      '35 memory completed 1',
    ]);
  });
});

import { expect } from 'chai';
import { NEVER, timer } from 'rxjs';
import { withCancel, type Context } from 'rxjs-tasks';
import type { QueueOptions } from 'rxjs-tasks/fleet';
import { memoryFleet, virtualClock, type MemoryFleet, type VirtualClock } from 'rxjs-tasks/testing';
import { collect, thrownBy } from '../helpers/collect.js';
import { rejectionOf } from '../helpers/rejection.js';

/** Creates a fleet on a clock that begins at 0, and a context for its workers. */
function newFleet(): { fleet: MemoryFleet; clock: VirtualClock; ctx: Context; cancel: () => void } {
  const clock = virtualClock();
  const [ctx, cancel] = withCancel(undefined, { scheduler: clock });
  return { fleet: memoryFleet({ scheduler: clock, name: 'a' }), clock, ctx, cancel };
}

describe('The jobs of a memoryFleet', () => {
  it('are kept for whole seconds after their end, at least one', async () => {
    for (const [retention, keptMs] of [
      [0, 1000],
      [1500, 2000],
      [3000, 3000],
    ] as const) {
      const { fleet, clock } = newFleet();
      const queue = fleet.queue('q', { retention });
      const id = await queue.enqueue(1);
      await queue.cancel(id);
      clock.advance(keptMs - 1);
      expect((await queue.jobs()).map((job) => job.id)).to.deep.equal([id]);
      clock.advance(1);
      expect([await queue.jobs(), await queue.retry(id), await queue.remove(id)]).to.deep.equal([[], false, false]);
    }
  });

  it('wait for whole seconds before each retry', () => {
    const { fleet, clock, ctx } = newFleet();
    const options: QueueOptions = { retries: 3, backoff: { initial: 1500, max: 2500 } };
    const started: number[] = [];
    const worker = fleet.queue('q', options).worker(() => {
      started.push(clock.now());
      throw new Error('no');
    });
    worker.start(ctx).subscribe();
    void fleet.queue('q').enqueue(1);
    clock.advance(60_000);
    expect(started).to.deep.equal([0, 2000, 5000, 8000]);
  });

  it('of no group are not limited by that of the groups', () => {
    const { fleet, clock, ctx } = newFleet();
    const queue = fleet.queue<string | undefined>('q');
    const started: unknown[] = [];
    const handler = (group: string | undefined) => {
      started.push([group, clock.now()]);
      return timer(100, clock);
    };
    queue.worker(handler, { concurrency: 5, groupConcurrency: 1 }).start(ctx).subscribe();
    for (const group of ['x', 'x', undefined, undefined]) void queue.enqueue(group, { group });
    clock.advance(1000);
    expect(started).to.deep.equal([
      ['x', 0],
      [undefined, 0],
      [undefined, 0],
      ['x', 100],
    ]);
  });

  it('leave no timer behind when the worker has ended before they are due', () => {
    const { fleet, clock, ctx, cancel } = newFleet();
    const queue = fleet.queue<number>('q');
    queue
      .worker(() => undefined, { rate: { jobs: 1, per: 5000 } })
      .start(ctx)
      .subscribe();
    for (const delay of [60_000, 30_000, 0, 0]) void queue.enqueue(1, { delay });
    clock.advance(10);
    expect(clock.timers).to.equal(1);
    cancel();
    void queue.enqueue(1, { delay: 60_000 });
    expect(clock.timers).to.equal(0);
  });

  it('start in another worker when the first one has ended', () => {
    const { fleet, clock, ctx } = newFleet();
    const queue = fleet.queue('q');
    const started: number[] = [];
    const [first, cancelFirst] = withCancel(ctx);
    for (const parent of [first, ctx])
      queue
        .worker(() => void started.push(clock.now()))
        .start(parent)
        .subscribe();
    void queue.enqueue(1, { delay: 1000 });
    cancelFirst();
    clock.advance(2000);
    expect(started).to.deep.equal([1000]);
  });

  it('start when another one of their group is cancelled, also one of a process that is closed', async () => {
    const { fleet, clock, ctx } = newFleet();
    const b = fleet.process('b');
    const started: unknown[] = [];
    for (const process of [fleet, b])
      process
        .queue<number>('q')
        .worker((n) => (started.push([process.name, n, clock.now()]), NEVER), { groupConcurrency: 1 })
        .start(ctx)
        .subscribe();
    const [first = ''] = await b.queue<number>('q').enqueueMany([1, 2], { group: 'g' });
    clock.advance(10);
    await fleet.close();
    await b.queue('q').cancel(first);
    clock.advance(0);
    expect(started).to.deep.equal([
      ['a', 1, 0],
      ['b', 2, 10],
    ]);
  });

  it('are counted by their state, those that have ended for a minute, in the order of the queues', async () => {
    const { fleet, clock, ctx } = newFleet();
    const queue = fleet.queue<string>('b', { retries: 1, backoff: { initial: 3_600_000 } });
    const worker = queue.worker((kind) => {
      if (kind === 'failed' || kind === 'retrying') throw new Error('no');
      return kind === 'running' ? NEVER : undefined;
    });
    const ids: string[] = [];
    for (const kind of ['completed', 'completed', 'failed', 'retrying', 'running'])
      ids.push(await queue.enqueue(kind, { retries: kind === 'failed' ? 0 : 1 }));
    const blocked = await queue.enqueue('x', { after: [ids.at(-1) ?? ''] });
    await queue.enqueue('x', { delay: 60_000 });
    await queue.enqueue('x', { delay: 60_000, after: [blocked] });
    worker.start(ctx).subscribe();
    await fleet.queue('a').enqueue(1);
    clock.advance(59_000);
    await fleet.queue('a').enqueue(2);
    clock.advance(999);
    const counts = { waiting: 4, delayed: 1, blocked: 2, retrying: 1, running: 1, dead: 1 };
    const states = async () => (await fleet.state()).queues;
    const [first, second] = await states();
    expect([first?.name, first?.oldestMs, second]).to.deep.equal([
      'a',
      59_999,
      { name: 'b', ...counts, ended: { completed: 2, failed: 1, ms: 60_000 } },
    ]);
    clock.advance(1);
    expect((await states())[1]).to.deep.equal({
      name: 'b',
      ...counts,
      delayed: 0,
      ended: { completed: 0, failed: 0, ms: 60_000 },
      oldestMs: 0,
    });
    expect(await queue.groups()).to.deep.equal([]);
  });

  it('of a group that wait for others are not counted with the group', async () => {
    const { fleet } = newFleet();
    const queue = fleet.queue('q');
    const id = await queue.enqueue(1, { delay: 1000 });
    await queue.enqueue(2, { group: 'g', after: [id] });
    expect(await queue.groups()).to.deep.equal([]);
  });

  it('start in the order of their insertion, also one that was cancelled and retried', async () => {
    const { fleet, clock, ctx } = newFleet();
    const queue = fleet.queue<number>('q');
    const started: number[] = [];
    const [first = ''] = await queue.enqueueMany([1, 2]);
    await queue.cancel(first);
    await queue.retry(first);
    queue
      .worker((n) => void started.push(n))
      .start(ctx)
      .subscribe();
    clock.advance(10);
    expect(started).to.deep.equal([1, 2]);
  });

  it('are due since the end of the jobs that they wait for, or since their delay if that is later', async () => {
    const { fleet, clock, ctx } = newFleet();
    const [queue, later] = [fleet.queue<number>('a'), fleet.queue<number>('b')];
    const id = await queue.enqueue(1);
    await later.enqueue(2, { after: [id] });
    await later.enqueue(3, { after: [id], delay: 500 });
    queue
      .worker(() => timer(100, clock))
      .start(ctx)
      .subscribe();
    const oldest = async () => (await fleet.state()).queues[1]?.oldestMs;
    for (const [ms, expected] of [
      [99, undefined],
      [50, 49],
    ] as const) {
      clock.advance(ms);
      expect(await oldest()).to.equal(expected);
    }
    await queue.remove(id);
    expect(await oldest()).to.equal(49);
    later
      .worker(() => undefined)
      .start(ctx)
      .subscribe();
    clock.advance(350);
    expect((await later.jobs()).map(({ state }) => state)).to.deep.equal(['completed', 'delayed']);
  });

  it('that are removed or cancelled do not fail with a job that they wait for', async () => {
    const { fleet } = newFleet();
    const queue = fleet.queue<number>('q');
    const [id, cancelled] = [await queue.enqueue(1), await queue.enqueue(2)];
    await queue.cancel(cancelled);
    await queue.remove(await queue.enqueue(3, { after: [id] }));
    const events: string[] = [];
    queue.events$.subscribe(({ type, job }) => {
      events.push(type);
      if (type === 'submitted') void queue.cancel(job);
    });
    await queue.enqueue(4, { after: [cancelled] });
    await queue.cancel(id);
    expect(events).to.deep.equal(['submitted', 'cancelled', 'cancelled']);
  });

  it('have all their retries if they are retried after the end of the job that they waited for', async () => {
    const { fleet, clock, ctx } = newFleet();
    const [first, queue] = [
      fleet.queue<number>('a'),
      fleet.queue<number>('b', { retries: 1, backoff: { initial: 0 } }),
    ];
    const id = await queue.enqueue(2, { after: [await first.enqueue(1)] });
    await queue.cancel(id);
    first
      .worker(() => undefined)
      .start(ctx)
      .subscribe();
    clock.advance(10);
    await queue.retry(id);
    expect((await queue.job(id))?.state).to.equal('waiting');
    const failing = queue.worker(() => {
      throw new Error('no');
    });
    failing.start(ctx).subscribe();
    clock.advance(10);
    expect(await queue.job(id)).to.include({ state: 'failed', attempt: 2 });
  });

  it('are not started by a worker that was cancelled when they were submitted, while others still run', async () => {
    const { fleet, clock, ctx, cancel } = newFleet();
    const queue = fleet.queue<number>('q');
    const worker = queue.worker(() => new Promise<never>(() => undefined), { concurrency: 2 });
    worker.start(ctx).subscribe();
    await queue.enqueue(1);
    clock.advance(10);
    await queue.enqueue(2);
    cancel();
    clock.advance(10);
    expect((await queue.jobs()).map(({ state }) => state)).to.deep.equal(['active', 'waiting']);
  });

  it('with a key keep others out until exactly the end of their window', async () => {
    const { fleet, clock } = newFleet();
    const queue = fleet.queue<number>('q');
    const options = { key: 'k', keyWindow: 1000 };
    const id = await queue.enqueue(1, options);
    await queue.cancel(id);
    for (const [ms, isSame] of [
      [999, true],
      [1, false],
    ] as const) {
      clock.advance(ms);
      expect((await queue.enqueue(2, options)) === id).to.equal(isSame);
    }
  });

  it('that wait for room are inserted as soon as another one has started', async () => {
    const { fleet, clock, ctx } = newFleet();
    const queue = fleet.queue<number>('q', { maxWaiting: 1 });
    queue
      .worker(() => NEVER)
      .start(ctx)
      .subscribe();
    for (const n of [1, 2]) void queue.enqueue(n);
    clock.advance(10);
    expect((await queue.jobs()).map(({ input, state }) => [input, state])).to.deep.equal([
      [1, 'active'],
      [2, 'waiting'],
    ]);
  });

  it('that wait for room are inserted as soon as a process allows more', async () => {
    const { fleet } = newFleet();
    const [first, second] = [1, 2].map((maxWaiting) => fleet.queue<number>('q', { maxWaiting }));
    await first?.enqueue(1);
    void first?.enqueue(2);
    expect(await fleet.queue('q').jobs()).to.have.length(1);
    void second?.enqueue(3);
    expect((await fleet.queue('q').jobs()).map(({ input }) => input)).to.deep.equal([1, 2]);
  });

  it('have an input and an output as they were at that time, and each reader has its own', async () => {
    const { fleet, clock, ctx } = newFleet();
    const queue = fleet.queue<{ n: number }, { n: number }>('q');
    const output = { n: 2 };
    queue
      .worker((input) => {
        input.n = 7;
        return output;
      })
      .start(ctx)
      .subscribe();
    const events: unknown[] = [];
    for (const process of [fleet, fleet.process('b')])
      process.queue('q').events$.subscribe((event) => event.type === 'completed' && events.push(event.output));
    const input = { n: 1 };
    const id = await queue.enqueue(input);
    input.n = 7;
    clock.advance(1);
    output.n = 7;
    const [[first], [second]] = [collect(queue.result(id)), collect(queue.result(id))];
    expect([(await queue.job(id))?.input, first, second, ...events]).to.deep.equal([
      { n: 1 },
      { n: 2 },
      { n: 2 },
      { value: { n: 2 } },
      { value: { n: 2 } },
    ]);
    expect(first).not.to.equal(second);
  });

  it('have no more than their input and their creation before they start', async () => {
    const { fleet } = newFleet();
    const id = await fleet.queue('q').enqueue(1);
    expect(await fleet.queue('q').job(id)).to.deep.equal({
      id,
      state: 'waiting',
      input: 1,
      attempt: 0,
      priority: 0,
      createdAt: new Date(0),
    });
  });

  it('have the last progress of their attempts, also while nobody listens, and after their end', async () => {
    const { fleet, clock, ctx } = newFleet();
    const queue = fleet.queue<number>('q');
    queue
      .worker((_, __, job) => {
        job.progress({ done: 1 });
        job.progress({ done: 2 });
        return timer(10, clock);
      })
      .start(ctx)
      .subscribe();
    const id = await queue.enqueue(1);
    for (const state of ['active', 'completed']) {
      clock.advance(5);
      expect(await queue.job(id)).to.deep.include({ state, progress: { done: 2 } });
      clock.advance(5);
    }
  });

  it('are started by no worker of a process that is closed', async () => {
    const { fleet, clock, ctx } = newFleet();
    const started: unknown[] = [];
    fleet
      .queue('q')
      .worker((n) => void started.push(n))
      .start(ctx)
      .subscribe();
    const b = fleet.process('b');
    await fleet.close();
    await b.queue('q').enqueue(1);
    clock.advance(1000);
    expect([started, (await b.queue('q').jobs()).map(({ state }) => state)]).to.deep.equal([[], ['waiting']]);
  });
});

describe('The methods of a memoryFleet', () => {
  it('refuse invalid arguments', async () => {
    const { fleet } = newFleet();
    const queue = fleet.queue<unknown>('q');
    const invalidCalls: readonly (readonly [() => unknown, string])[] = [
      [() => fleet.cancel(1 as never), 'Expected `reason` to be a string'],
      [() => fleet.pause(''), 'Expected `path`'],
      [() => fleet.pause('x', { by: 1 as never }), 'Expected `by` to be a string'],
      [() => fleet.pause('x', { who: 'ann' } as never), 'Expected an option of `pause`'],
      [() => fleet.resume(undefined as never), 'Expected `path`'],
      [() => fleet.resume('x', { who: 'ann' } as never), 'Expected an option of `resume`'],
      [() => fleet.trigger(''), 'Expected `path`'],
      [() => fleet.trigger('x', { who: 'ann' } as never), 'Expected an option of `trigger`'],
      [() => fleet.lastSlot(1 as never), 'Expected `task` to be a string'],
      [() => fleet.queue('a b'), 'Expected `name` to be up to 100 letters'],
      [() => queue.worker(1 as never), 'Expected `handler` to be a function'],
    ];
    for (const [call, message] of invalidCalls) expect(call).to.throw(message);
    const rejectedCalls: readonly (readonly [() => Promise<unknown>, string])[] = [
      [() => queue.pause({ who: 'ann' } as never), 'Expected an option of `pause`'],
      [() => queue.enqueueMany(1 as never), 'Expected `inputs` to be an array'],
      [() => queue.groups(0), 'Expected `limit`'],
      ...(['job', 'cancel', 'promote', 'retry', 'remove'] as const).map(
        (method) => [() => queue[method]('x'), 'Expected `job` to be the id of a job'] as const,
      ),
    ];
    for (const [call, message] of rejectedCalls) expect((await rejectionOf(call())).message).to.include(message);
    await fleet.cancel('a bad deploy');
    expect(thrownBy(() => fleet.resume(undefined as never))).to.be.instanceOf(TypeError);
    expect((await fleet.state()).cancelled).to.be.an('object');
  });

  it('name the process by default', async () => {
    const { fleet } = newFleet();
    const [b, queue] = [fleet.process('b'), fleet.queue('q')];
    await b.pause('x');
    await b.queue('q').pause();
    await queue.enqueue(1);
    const { paused, queues } = await fleet.state();
    expect([paused, queues[0]?.paused]).to.deep.equal([[{ task: 'x', by: 'b', at: 0 }], { by: 'b', at: 0 }]);
    expect([fleet.name, b.name, String(fleet)]).to.deep.equal(['a', 'b', 'fleet']);
  });

  it('give tasks a context that follows the scheduler of the fleet, also after its resume', async () => {
    const { fleet, clock } = newFleet();
    const schedulers = [fleet.context.scheduler];
    await fleet.cancel('a bad deploy');
    await fleet.resume();
    expect([...schedulers, fleet.context.scheduler]).to.deep.equal([clock, clock]);
  });

  it('change nothing that is so already', async () => {
    const { fleet } = newFleet();
    expect(await fleet.queue('q').promote(await fleet.queue('q').enqueue(1))).to.equal(false);
    const events: string[] = [];
    fleet.events$.subscribe(({ type }) => events.push(type));
    const { context } = fleet;
    await fleet.resume();
    await fleet.queue('q').resume();
    expect([events, fleet.context === context]).to.deep.equal([[], true]);
  });
});

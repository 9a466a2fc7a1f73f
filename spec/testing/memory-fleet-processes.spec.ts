import { expect } from 'chai';
import { delay, map, NEVER, of, timer } from 'rxjs';
import { CancelledError, cron, launch, ordered, task, withCancel, type Context, type TaskEvent } from 'rxjs-tasks';
import { every, FleetCancelledError, type Fleet, type FleetEvent } from 'rxjs-tasks/fleet';
import { memoryFleet, scenario, virtualClock, type MemoryFleet, type VirtualClock } from 'rxjs-tasks/testing';
import { collect } from '../helpers/collect.js';

/** Creates two processes of a fleet, and contexts for their tasks. */
function newProcesses(): {
  clock: VirtualClock;
  a: MemoryFleet;
  b: MemoryFleet;
  newContext: () => [Context, () => void];
} {
  const clock = virtualClock();
  const a = memoryFleet({ scheduler: clock, name: 'a' });
  return { clock, a, b: a.process('b'), newContext: () => withCancel(undefined, { scheduler: clock }) };
}

/** Returns a cron of a process, which logs its slots. */
function tickOf({ name, coordinator }: Fleet, clock: VirtualClock, ms: number, log: string[]) {
  const tick = task('tick', ({ slot = NaN }) => {
    log.push(`${name} ${slot}`);
    return timer(ms, clock);
  });
  return cron(tick, every(100), { coordinator, overlap: 'allowAll' });
}

describe('The processes of a memoryFleet', () => {
  it('run each slot of a cron once, and the next ones only where the first still runs', async () => {
    const { clock, a, b, newContext } = newProcesses();
    const log: string[] = [];
    const [ctx, stop] = newContext();
    tickOf(a, clock, 150, log).start(ctx).subscribe();
    tickOf(b, clock, 10, log).start(newContext()[0]).subscribe();
    clock.advance(210);
    expect(log).to.deep.equal(['a 100', 'a 200']);
    expect((await b.state()).crons).to.deep.equal([{ task: 'tick', slot: 200, holder: 'a' }]);
    stop();
    clock.advance(100);
    expect(log.slice(2)).to.deep.equal(['b 300']);
    expect([await a.lastSlot('tick'), (await b.state()).crons]).to.deep.equal([300, [{ task: 'tick', slot: 300 }]]);
  });

  it('run no slot that is due during a pause, also if it begins late', async () => {
    const { clock, a, b, newContext } = newProcesses();
    const log: string[] = [];
    const runner = tickOf(a, clock, 0, log);
    const events: TaskEvent[] = [];
    runner.events$.subscribe((event) => events.push(event));
    runner.start(newContext()[0]).subscribe();
    clock.advance(110);
    await b.pause('tick', { by: 'ann' });
    expect([runner.paused, (await a.state()).paused]).to.deep.equal([true, [{ task: 'tick', by: 'ann', at: 110 }]]);
    clock.advance(300);
    await a.resume('tick');
    const lease = collect(b.coordinator.lease('tick', 400));
    clock.advance(100);
    expect([log, lease]).to.deep.equal([['a 100', 'a 500'], [false]]);
    expect(events.flatMap((event) => ('by' in event ? [[event.type, event.by]] : []))).to.deep.equal([
      ['paused', 'ann'],
      ['resumed', 'a'],
    ]);
  });

  it('trigger a cron in the process that runs it at the moment, and refuse one that none has', async () => {
    const { clock, a, b, newContext } = newProcesses();
    const log: string[] = [];
    for (const [process, ms] of [
      [a, 0],
      [b, 50],
    ] as const)
      tickOf(process, clock, ms, log).start(newContext()[0]).subscribe();
    clock.advance(10);
    const first = a.trigger('tick', { by: 'ann' });
    clock.advance(0);
    expect(await first).to.include({ holder: 'a', status: 'completed' });
    const message = await a.trigger('other').catch((error: unknown) => (error as Error).message);
    expect(message).to.equal('other is not running');
    expect(log).to.deep.equal(['a 10']);
  });

  it('are all cancelled, with their workers and crons, until the fleet is resumed', async () => {
    const { clock, a, b, newContext } = newProcesses();
    const events: FleetEvent['type'][] = [];
    b.events$.subscribe(({ type }) => events.push(type));
    const [ctx] = newContext();
    const worker = collect(
      b
        .queue('q')
        .worker(() => NEVER)
        .start(ctx),
    );
    const log: string[] = [];
    tickOf(b, clock, 0, log).start(ctx).subscribe();
    const before = b.context;
    await a.cancel('a bad deploy');
    expect([before.cancelled, before.cause, worker]).to.deep.equal([
      true,
      new FleetCancelledError('a bad deploy', 'a', 0),
      ['complete'],
    ]);
    await b.cancel('again');
    expect((await b.state()).cancelled).to.deep.equal({ reason: 'a bad deploy', by: 'a', at: 0 });
    clock.advance(150);
    await b.resume();
    clock.advance(100);
    expect([b.context.cancelled, (await a.state()).cancelled, log]).to.deep.equal([false, undefined, ['b 200']]);
    expect(events).to.deep.equal(['fleet-cancelled', 'fleet-resumed']);
  });

  it('are not cancelled any more if a listener of the cancel resumes the fleet', async () => {
    const { a, b } = newProcesses();
    const { context } = a;
    b.events$.subscribe(({ type }) => type === 'fleet-cancelled' && void b.resume());
    await a.cancel('a bad deploy');
    expect([context.cancelled, a.context.cancelled, (await a.state()).cancelled]).to.deep.equal([
      true,
      false,
      undefined,
    ]);
  });

  it('stop their applications when the fleet is cancelled, and are closed last', () => {
    let other: MemoryFleet | undefined;
    return scenario({
      run: ({ clock }) => {
        const fleet = memoryFleet();
        other = fleet.process('other');
        clock.schedule(() => void other?.cancel('enough'), 4);
        const queue = fleet.queue<number, number>('q');
        const submitter = task('submitter', () => queue.submit(1).pipe(map(() => 'r')));
        return [
          ordered(
            'app',
            fleet,
            queue.worker((n) => of(n).pipe(delay(2)), { name: 'worker' }),
            submitter,
          ),
        ];
      },
      expect: `
        app/fleet       ([>) --   -(!]|)
        app/worker      ([>_)-_   -(!]|)
        app/worker/job  >    -(1|)
        app/submitter   >    -(r|)
        application     -    --   -(!|)
      `,
      check: async () => expect((await other?.state())?.members.map(({ name }) => name)).to.deep.equal(['other']),
    });
  });

  it('refuse everything after their close, and fail the results that they wait for', async () => {
    const { clock, a, b } = newProcesses();
    const queue = b.queue<number>('q');
    const id = await queue.enqueue(1);
    const waiting = collect(queue.result(id));
    await b.close();
    await b.close();
    expect(waiting[0]).to.be.instanceOf(CancelledError);
    for (const refused of [queue.enqueue(2), queue.job(id), b.state(), b.cancel('x')])
      expect(await refused.catch((error: unknown) => error)).to.be.instanceOf(CancelledError);
    for (const stream of [queue.submit(2), queue.result(id)])
      expect(collect(stream)[0]).to.be.instanceOf(CancelledError);
    expect((await a.queue('q').jobs()).map(({ state }) => state)).to.deep.equal(['waiting']);
    expect((await a.state()).members.map(({ name }) => name)).to.deep.equal(['a']);
    const report = await launch([b], { scheduler: clock, observer: () => undefined });
    expect(report.outcomes[0]?.error?.message).to.include('Expected the fleet to be connected, but it is closed');
  });

  it('lose their jobs 10 s after their close, whose handlers still run and whose results are dropped', async () => {
    const { clock, a, b, newContext } = newProcesses();
    const queue = b.queue<string, string>('q', { retries: 0, backoff: { initial: 0 } });
    const events: string[] = [];
    queue.events$.subscribe(({ at, by, type }) => events.push(`${at} ${by} ${type}`));
    const causes: unknown[] = [];
    const slow = a.queue<string, string>('q').worker(
      (_, ctx) => {
        ctx.cancelled$.subscribe((cause) => causes.push(cause));
        return timer(60_000, clock).pipe(map(() => 'by a'));
      },
      { concurrency: 2 },
    );
    const ended = collect(slow.start(newContext()[0]));
    const [retried, failed] = [collect(queue.submit('x', { retries: 1 })), collect(queue.submit('y'))];
    clock.advance(10);
    await a.close();
    queue
      .worker(() => 'by b')
      .start(newContext()[0])
      .subscribe();
    clock.advance(20_000);
    expect(events.slice(4)).to.deep.equal(['10010 b started', '10010 b completed']);
    expect([retried, failed.map(String), causes]).to.deep.equal([
      ['by b', 'complete'],
      ['JobError: A job of q failed: Error: job heartbeat timeout'],
      [],
    ]);
    clock.advance(60_000);
    expect((ended.at(-1) as Error).cause).to.be.instanceOf(CancelledError);
    expect((await queue.jobs()).map(({ state, output }) => [state, output])).to.deep.equal([
      ['completed', 'by b'],
      ['failed', undefined],
    ]);
  });

  it('may report the progress of a job that another process has removed after their close', async () => {
    const { clock, a, b, newContext } = newProcesses();
    const queue = b.queue<number>('q', { retries: 0 });
    const reports: (() => void)[] = [];
    const worker = a.queue<number>('q').worker((_, __, job) => {
      reports.push(() => job.progress(1));
      return NEVER;
    });
    worker.start(newContext()[0]).subscribe();
    const id = await queue.enqueue(1);
    clock.advance(10);
    await a.close();
    clock.advance(10_000);
    expect(await queue.remove(id)).to.equal(true);
    expect(reports.map((report) => report())).to.have.length(1);
  });

  it('have a state, as those of a real fleet', async () => {
    const { clock, a, b, newContext } = newProcesses();
    const queue = b.queue<number>('q', { retries: 0 });
    await queue.enqueueMany([1, 2, 3]);
    await queue.enqueue(4, { delay: 1000 });
    queue
      .worker((n) => {
        if (n === 1) throw new Error('no');
        return NEVER;
      })
      .start(newContext()[0])
      .subscribe();
    clock.advance(10);
    await queue.pause({ by: 'ann' });
    expect(await a.state()).to.deep.equal({
      schema: 'memory',
      members: [
        { name: 'a', host: 'memory', pid: 1, since: 0, seen: 10, live: true },
        { name: 'b', host: 'memory', pid: 2, since: 0, seen: 10, live: true },
      ],
      queues: [
        {
          name: 'q',
          waiting: 2,
          delayed: 1,
          blocked: 0,
          retrying: 0,
          running: 1,
          dead: 1,
          ended: { completed: 0, failed: 1, ms: 60_000 },
          oldestMs: 10,
          paused: { by: 'ann', at: 10 },
        },
      ],
      crons: [],
      paused: [],
    });
  });
});

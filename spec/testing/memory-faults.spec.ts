import { expect } from 'chai';
import { setTimeout as delay } from 'node:timers/promises';
import { map, merge, NEVER, timer } from 'rxjs';
import { parallel, task, withCancel } from 'rxjs-tasks';
import { explore, memoryFleet, virtualClock, type MemoryClaim, type Scenario } from 'rxjs-tasks/testing';

/** A shop of two processes that charges a customer. It does so by the id of the job, or each time that it is asked. */
function shop(isIdempotent: boolean, faults?: 'explore'): Scenario {
  const charges: string[] = [];
  return {
    run: () => {
      charges.length = 0;
      const fleet = memoryFleet({ name: 'a', faults });
      const queue = fleet.queue<string>('charges');
      const worker = (process: typeof fleet) =>
        process.queue<string>('charges').worker(async (customer, _, { id }) => {
          await delay(100);
          if (!isIdempotent || !charges.includes(`${id} ${customer}`)) charges.push(`${id} ${customer}`);
        });
      const order = task('order', () => merge(queue.submit('ann'), queue.submit('bob', { delay: 90_000 })));
      return [parallel('a', worker(fleet), order), parallel('b', worker(fleet.process('b')))];
    },
    duration: 60_000,
    check: () => expect(charges).to.have.length(1),
  };
}

describe('The faults of a memoryFleet', () => {
  it('let a process lose a claim, so that the job runs elsewhere and the first result is dropped', async () => {
    const clock = virtualClock();
    const claims: MemoryClaim[] = [];
    const faults = (claim: MemoryClaim) => claims.push(claim) === 1;
    const fleet = memoryFleet({ scheduler: clock, name: 'a', faults });
    const queue = fleet.queue<number, string>('q', { backoff: { initial: 0 } });
    const events: string[] = [];
    queue.events$.subscribe(({ at, by, type }) => events.push(`${at} ${by} ${type}`));
    for (const process of [fleet, fleet.process('b')]) {
      const [ctx] = withCancel(undefined, { scheduler: clock });
      const worker = process
        .queue<number, string>('q')
        .worker(() => timer(process === fleet ? 5 : 7, clock).pipe(map(() => `by ${process.name}`)));
      worker.start(ctx).subscribe();
    }
    const id = await queue.enqueue(1);
    clock.advance(20_000);
    expect(events).to.deep.equal([
      '0 a submitted',
      '0 a started',
      '10000 a lost',
      '10000 b started',
      '10007 b completed',
    ]);
    expect((await queue.job(id))?.output).to.equal('by b');
    expect(claims).to.deep.equal([
      { queue: 'q', job: id, attempt: 1, process: 'a' },
      { queue: 'q', job: id, attempt: 2, process: 'b' },
    ]);
  });

  it('cancel a handler that still runs with a JobLostError, and fail a job without retries', async () => {
    const clock = virtualClock();
    const [ctx, cancel] = withCancel(undefined, { scheduler: clock });
    const queue = memoryFleet({ scheduler: clock, faults: () => true }).queue<number>('q', { retries: 0 });
    const causes: string[] = [];
    const worker = queue.worker((_, job) => {
      job.cancelled$.subscribe((cause) => causes.push(String(cause)));
      return NEVER;
    });
    worker.start(ctx).subscribe();
    const id = await queue.enqueue(1);
    clock.advance(10_000);
    expect(causes).to.deep.equal([`JobLostError: A job of q was lost to another process: ${id}`]);
    expect((await queue.deadLetters()).map(({ failure }) => failure.message)).to.deep.equal(['job heartbeat timeout']);
    cancel();
    expect([clock.timers, worker.status]).to.deep.equal([0, 'done']);
  });

  it('keep a process from claiming other jobs until it has lost its own', async () => {
    const clock = virtualClock();
    const [ctx] = withCancel(undefined, { scheduler: clock });
    const faults = ({ attempt, job }: MemoryClaim) => attempt === 1 && job.endsWith('1');
    const queue = memoryFleet({ scheduler: clock, faults }).queue<number>('q', { backoff: { initial: 0 } });
    const events: string[] = [];
    queue.events$.subscribe(({ at, type, job }) => events.push(`${at} ${job.at(-1)} ${type}`));
    queue
      .worker(() => undefined)
      .start(ctx)
      .subscribe();
    for (const n of [1, 2]) void queue.enqueue(n);
    clock.advance(60_000);
    expect(events.slice(2)).to.deep.equal([
      '0 1 started',
      '10000 1 lost',
      '10000 1 started',
      '10000 1 completed',
      '10000 2 started',
      '10000 2 completed',
    ]);
  });

  it('lose no later attempt of the job', async () => {
    const clock = virtualClock();
    const a = memoryFleet({ scheduler: clock, name: 'a', faults: ({ attempt }) => attempt === 1 });
    const queue = a.process('b').queue<number, string>('q', { retries: 0 });
    for (const process of [a, a.process('b')])
      process
        .queue<number, string>('q')
        .worker(() => timer(8000, clock).pipe(map(() => process.name)))
        .start(withCancel(undefined, { scheduler: clock })[0])
        .subscribe();
    const id = await queue.enqueue(1);
    clock.advance(5000);
    await queue.cancel(id);
    await queue.retry(id);
    clock.advance(6000);
    expect(await queue.job(id)).to.include({ state: 'active', attempt: 2 });
    clock.advance(6000);
    expect(await queue.job(id)).to.include({ state: 'completed', output: 'b' });
  });

  it('do nothing to a job that was removed in the meantime', async () => {
    const clock = virtualClock();
    const faults = ({ job }: MemoryClaim) => job.endsWith('1');
    const queue = memoryFleet({ scheduler: clock, faults }).queue<number>('q');
    queue
      .worker(() => timer(100, clock))
      .start(withCancel(undefined, { scheduler: clock })[0])
      .subscribe();
    const [id = ''] = await queue.enqueueMany([1, 2]);
    clock.advance(5000);
    await queue.cancel(id);
    await queue.remove(id);
    clock.advance(10_000);
    expect((await queue.jobs()).map(({ input, state }) => [input, state])).to.deep.equal([[2, 'completed']]);
  });

  it('let `explore` find a job that has an effect twice', async () => {
    const failure = await explore(shop(false, 'explore')).catch((error: unknown) => (error as Error).message);
    expect(failure).to.include('In an order that departs from the usual once: expected');
    const { orders } = await explore(shop(true, 'explore'), { runs: 20 });
    expect(orders).to.equal(20);
    // Without the option, no claim is lost.
    expect((await explore(shop(false))).orders).to.be.greaterThan(1);
  });

  it('refuse what is neither a function nor `explore`', () => {
    const create = () => memoryFleet({ faults: true as never });
    expect(create).to.throw("Expected `faults` to be a function or `'explore'`, got `true` (boolean)");
  });
});

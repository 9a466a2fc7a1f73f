import { expect } from 'chai';
import { firstValueFrom, lastValueFrom, take, toArray } from 'rxjs';
import { future, task, taskRunner, untilCancelled, withCancel } from '../../lib/index.js';
import { threadPool, type ThreadPool } from '../../lib/threads/index.js';
import { collect, hangingOn } from '../helpers/collect.js';
import { all, shared, still, until, work } from '../helpers/threads.js';

describe('Cancelling a run in a thread', function () {
  this.timeout(20_000);
  let pool: ThreadPool;

  beforeEach(() => {
    pool = threadPool({ threads: 2 });
  });

  afterEach(() => pool.close());

  /** A thread that is busy counting. */
  async function spinning(): Promise<{ numbers: Int32Array; stop: () => void }> {
    const numbers = shared();
    const subscription = pool.run(work, numbers, { name: 'spin' }).subscribe();
    await until(() => Atomics.load(numbers, 0) > 0);
    return { numbers, stop: () => subscription.unsubscribe() };
  }

  /** A thread that waits for a word. */
  async function waiting(): Promise<{ numbers: Int32Array; values: Promise<unknown[]> }> {
    const numbers = shared();
    const values = all(pool, 'waitFor', numbers);
    await until(() => Atomics.load(numbers, 1) === 1);
    return { numbers, values };
  }

  it('ends a busy loop, and its neighbour does not notice', async () => {
    const neighbour = await waiting();
    const { numbers, stop } = await spinning();
    stop();
    await still(numbers);
    Atomics.store(neighbour.numbers, 0, 1);
    expect(await neighbour.values).to.deep.equal(['undisturbed']);
  });

  it('makes room for whoever waits, though a neighbour goes on', async () => {
    const neighbour = await waiting();
    const { stop } = await spinning();
    const next = [1, 2, 3].map((n) => all(pool, 'default', n));
    stop();
    expect(await Promise.all(next)).to.deep.equal([[2], [4], [6]]);
    Atomics.store(neighbour.numbers, 0, 1);
    await neighbour.values;
  });

  it('takes a run that waits out of the queue, and the others keep their order', async () => {
    const one = threadPool({ threads: 1, queueLimit: 3 });
    const numbers = shared();
    const order: unknown[] = [];
    const busy = one.run(work, numbers, { name: 'waitFor' }).subscribe();
    const [first, second, third] = [1, 2, 3].map((n) => one.run(work, n).subscribe((value) => order.push(value)));
    second?.unsubscribe();
    const last = all(one, 'default', 4).then((values) => order.push(...values));
    busy.unsubscribe();
    await last;
    expect(order).to.deep.equal([2, 6, 8]);
    expect([first?.closed, third?.closed]).to.deep.equal([true, true]);
    await one.close();
  });

  it('before a thread has come up: the next one gets it', async () => {
    const one = threadPool({ threads: 1 });
    one.run(work, 1).subscribe().unsubscribe();
    expect(await all(one, 'default', 2)).to.deep.equal([4]);
    await one.close();
  });

  it('by take: the generator is told, and its thread lives on', async () => {
    const one = threadPool({ threads: 1 });
    expect(await all(one, 'runsHere')).to.deep.equal([1]);
    const numbers = shared();
    const three = one.run(work, numbers, { name: 'count', grace: Infinity }).pipe(take(3), toArray());
    expect(await firstValueFrom(three)).to.deep.equal([1, 2, 3]);
    expect(await all(one, 'runsHere')).to.deep.equal([2]);
    expect(Atomics.load(numbers, 1)).to.equal(1);
    await one.close();
  });

  it('a generator that does not listen is ended with its thread, after its grace, or at once', async () => {
    for (const grace of [10, 0]) {
      const numbers = shared();
      const one$ = pool.run(work, numbers, { name: 'oneThenSpin', grace }).pipe(take(1));
      expect(await lastValueFrom(one$)).to.equal(1);
      await still(numbers);
    }
  });

  it('a function that heeds its signal ends by itself', async () => {
    const one = threadPool({ threads: 1 });
    await all(one, 'runsHere');
    const numbers = shared();
    const heeding = one.run(work, numbers, { name: 'heed', grace: Infinity }).subscribe();
    await until(() => Atomics.load(numbers, 0) === 1);
    const next = all(one, 'runsHere');
    heeding.unsubscribe();
    expect(await next).to.deep.equal([2]);
    expect(Atomics.load(numbers, 1)).to.equal(1);
    await one.close();
  });

  it('tells whoever has left nothing more', async () => {
    const numbers = shared();
    const told: number[] = [];
    const subscription = pool.run<number>(work, numbers, { name: 'count' }).subscribe((value) => {
      told.push(value);
      if (value === 2) subscription.unsubscribe();
    });
    await until(() => subscription.closed);
    await still(numbers);
    expect(told).to.deep.equal([1, 2]);
  });

  it('comes with a context, which nothing is left on', async () => {
    const [ctx, cancel] = withCancel();
    const numbers = shared();
    const told = collect(pool.run(work, numbers, { name: 'spin' }).pipe(untilCancelled(ctx)));
    const kept = future(() => pool.run(work, numbers, { name: 'spin' }), ctx);
    await until(() => Atomics.load(numbers, 0) > 0);
    cancel(new Error('enough'));
    expect(told).to.deep.equal(['complete']);
    expect(await kept.await().catch(String)).to.equal('Error: enough');
    await still(numbers);
    expect(hangingOn(ctx)).to.equal(0);
  });

  it('comes with a task, whose outcome is `cancelled`', async () => {
    const [ctx, cancel] = withCancel();
    const numbers = shared();
    const runner = taskRunner(task('spinner', () => pool.run(work, numbers, { name: 'spin' })));
    runner.start(ctx).subscribe();
    await until(() => Atomics.load(numbers, 0) > 0);
    cancel();
    expect(await firstValueFrom(runner.done$)).to.include({ status: 'cancelled' });
    await still(numbers);
  });

  it('from within what a run tells: another run takes its place', async () => {
    const one = threadPool({ threads: 1 });
    const told = await new Promise((resolve) => {
      const numbers = shared();
      const counting = one.run(work, numbers, { name: 'count', grace: 0 }).subscribe(() => {
        one.run(work, 21).subscribe(resolve);
        counting.unsubscribe();
      });
    });
    expect(told).to.equal(42);
    await one.close();
  });
});

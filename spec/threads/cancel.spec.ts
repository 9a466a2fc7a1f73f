import { expect } from 'chai';
import { config, defer, firstValueFrom, lastValueFrom, take, toArray } from 'rxjs';
import { future, task, taskRunner, untilCancelled, withCancel } from '../../lib/index.js';
import { PoolQueueError, threadPool, type ThreadPool } from '../../lib/threads/index.js';
import { collect, listenerCount } from '../helpers/collect.js';
import { sharedInts, valuesOf, whenConstant, workUrl } from '../helpers/threads.js';
import { waitUntil } from '../helpers/wait.js';

describe('Unsubscribing from a run in a thread', () => {
  let pool: ThreadPool;

  beforeEach(() => {
    pool = threadPool({ threads: 2 });
  });

  afterEach(() => pool.close());

  /** Starts a thread that counts in a busy loop. */
  async function startSpinning(): Promise<{ ints: Int32Array; stop: () => void }> {
    const ints = sharedInts();
    const subscription = pool.run(workUrl, ints, { name: 'spin' }).subscribe();
    await waitUntil(() => Atomics.load(ints, 0) > 0);
    return { ints, stop: () => subscription.unsubscribe() };
  }

  /** Starts a thread that waits until its first integer is set. */
  async function startWaiting(): Promise<{ ints: Int32Array; values: Promise<unknown[]> }> {
    const ints = sharedInts();
    const values = valuesOf(pool, 'waitFor', ints);
    await waitUntil(() => Atomics.load(ints, 1) === 1);
    return { ints, values };
  }

  /** Starts a function that ends when its signal is aborted. */
  async function startResponsive(pool: ThreadPool, grace: number): Promise<{ ints: Int32Array; stop: () => void }> {
    const ints = sharedInts();
    const subscription = pool.run(workUrl, ints, { name: 'untilAborted', grace }).subscribe();
    await waitUntil(() => Atomics.load(ints, 0) === 1);
    return { ints, stop: () => subscription.unsubscribe() };
  }

  it('interrupts a busy loop and does not disturb another thread', async () => {
    const other = await startWaiting();
    const { ints, stop } = await startSpinning();
    stop();
    await whenConstant(ints);
    Atomics.store(other.ints, 0, 1);
    expect(await other.values).to.deep.equal(['undisturbed']);
  });

  it('gives the thread to the next queued run while another thread continues', async () => {
    const other = await startWaiting();
    const { stop } = await startSpinning();
    const next = [1, 2, 3].map((n) => valuesOf(pool, 'default', n));
    stop();
    expect(await Promise.all(next)).to.deep.equal([[2], [4], [6]]);
    Atomics.store(other.ints, 0, 1);
    await other.values;
  });

  it('removes a queued run, makes room for one, and keeps the order of the others', async () => {
    const single = threadPool({ threads: 1, queueLimit: 3 });
    const ints = sharedInts();
    const order: unknown[] = [];
    const busy = single.run(workUrl, ints, { name: 'waitFor' }).subscribe();
    const [first, second, third] = [1, 2, 3].map((n) => single.run(workUrl, n).subscribe((value) => order.push(value)));
    second?.unsubscribe();
    const last = valuesOf(single, 'default', 4).then((values) => order.push(...values));
    expect(collect(single.run(workUrl, 5))[0]).to.be.instanceOf(PoolQueueError);
    busy.unsubscribe();
    await last;
    expect(order).to.deep.equal([2, 6, 8]);
    expect([first?.closed, third?.closed]).to.deep.equal([true, true]);
    await single.close();
  });

  it('before the run has begun starts nothing', async () => {
    const pool = threadPool({ threads: 1 });
    const [ctx, cancel] = withCancel();
    const runner = taskRunner(
      task('late', () =>
        defer(() => {
          cancel();
          return pool.run(workUrl, sharedInts(), { name: 'waitFor' });
        }),
      ),
    );
    runner.start(ctx).subscribe();
    expect(runner.status).to.equal('done');
    // It would wait for the run.
    await pool.close();
  });

  it('before a thread has started leaves the thread to the next run', async () => {
    const single = threadPool({ threads: 1 });
    single.run(workUrl, 1).subscribe().unsubscribe();
    expect(await valuesOf(single, 'default', 2)).to.deep.equal([4]);
    await single.close();
  });

  it('with take() closes the generator and keeps its thread', async () => {
    const single = threadPool({ threads: 1 });
    expect(await valuesOf(single, 'runsHere')).to.deep.equal([1]);
    const ints = sharedInts();
    const firstThree$ = single.run(workUrl, ints, { name: 'count', grace: Infinity }).pipe(take(3), toArray());
    expect(await firstValueFrom(firstThree$)).to.deep.equal([1, 2, 3]);
    expect(await valuesOf(single, 'runsHere')).to.deep.equal([2]);
    expect(Atomics.load(ints, 1)).to.equal(1);
    await single.close();
  });

  it('interrupts the thread of a generator that does not stop, after its grace or immediately', async () => {
    for (const grace of [10, 0]) {
      const ints = sharedInts();
      const first$ = pool.run(workUrl, ints, { name: 'oneThenSpin', grace }).pipe(take(1));
      expect(await lastValueFrom(first$)).to.equal(1);
      await whenConstant(ints);
    }
  });

  it('lets a function that reacts to its signal end by itself', async () => {
    const single = threadPool({ threads: 1 });
    await valuesOf(single, 'runsHere');
    const { ints, stop } = await startResponsive(single, Infinity);
    const next = valuesOf(single, 'runsHere');
    stop();
    expect(await next).to.deep.equal([2]);
    expect(Atomics.load(ints, 1)).to.equal(1);
    await single.close();
  });

  const timers = () => process.getActiveResourcesInfo().filter((type) => type === 'Timeout').length;

  it('sets no timer for a function without a grace, and none for one that has ended', async () => {
    await valuesOf(pool, 'runsHere');
    const before = timers();
    expect(await valuesOf(pool, 'upTo', 3, { grace: 600_000 })).to.deep.equal([1, 2, 3]);
    expect(timers()).to.equal(before);
    await firstValueFrom(pool.run(workUrl, sharedInts(), { name: 'count', grace: 0 }));
    expect(timers()).to.equal(before);
  });

  it('keeps a timer for the grace of a function only until that has ended', async () => {
    const single = threadPool({ threads: 1 });
    const { stop } = await startResponsive(single, 600_000);
    const next = valuesOf(single, 'runsHere');
    const before = timers();
    stop();
    expect(timers()).to.equal(before + 1);
    expect(await next).to.deep.equal([1]);
    expect(timers()).to.equal(before);
    await single.close();
  });

  it('lets a generator, or a function with a signal, end by itself before its message has arrived', async () => {
    const single = threadPool({ threads: 1 });
    await valuesOf(single, 'runsHere');
    for (const name of ['count', 'untilAborted']) {
      const ints = sharedInts();
      const running = single.run(workUrl, ints, { name, grace: Infinity }).subscribe();
      // Nothing is received while this thread is blocked.
      while (Atomics.load(ints, 0) === 0) Atomics.wait(ints, 0, 0, 5);
      running.unsubscribe();
      await valuesOf(single, 'runsHere');
    }
    expect(await valuesOf(single, 'runsHere')).to.deep.equal([4]);
    await single.close();
  });

  it('without a grace, before the message of a generator has arrived, interrupts that', async () => {
    const single = threadPool({ threads: 1 });
    await valuesOf(single, 'runsHere');
    const ints = sharedInts();
    const running = single.run(workUrl, ints, { name: 'count', grace: 0 }).subscribe();
    // Nothing is received while this thread is blocked.
    while (Atomics.load(ints, 0) === 0) Atomics.wait(ints, 0, 0, 5);
    running.unsubscribe();
    expect(await valuesOf(single, 'runsHere')).to.deep.equal([1]);
    expect(Atomics.load(ints, 1)).to.equal(0);
    await single.close();
  });

  it('reports no error that comes later to RxJS', async () => {
    const stopped: unknown[] = [];
    config.onStoppedNotification = (notification) => stopped.push(notification);
    const { ints, stop } = await startSpinning();
    stop();
    await whenConstant(ints);
    config.onStoppedNotification = null;
    expect(stopped).to.deep.equal([]);
  });

  it('delivers no further values', async () => {
    const ints = sharedInts();
    const values: number[] = [];
    const subscription = pool.run<number>(workUrl, ints, { name: 'count' }).subscribe((value) => {
      values.push(value);
      if (value === 2) subscription.unsubscribe();
    });
    await waitUntil(() => subscription.closed);
    await whenConstant(ints);
    expect(values).to.deep.equal([1, 2]);
  });

  it('happens when a context is cancelled, and leaves no listener on it', async () => {
    const [ctx, cancel] = withCancel();
    const ints = sharedInts();
    const notifications = collect(pool.run(workUrl, ints, { name: 'spin' }).pipe(untilCancelled(ctx)));
    const result = future(() => pool.run(workUrl, ints, { name: 'spin' }), ctx);
    await waitUntil(() => Atomics.load(ints, 0) > 0);
    cancel(new Error('enough'));
    expect(notifications).to.deep.equal(['complete']);
    expect(await result.await().catch(String)).to.equal('Error: enough');
    await whenConstant(ints);
    expect(listenerCount(ctx)).to.equal(0);
  });

  it('happens when a task is cancelled, whose outcome is `cancelled`', async () => {
    const [ctx, cancel] = withCancel();
    const ints = sharedInts();
    const runner = taskRunner(task('spinner', () => pool.run(workUrl, ints, { name: 'spin' })));
    runner.start(ctx).subscribe();
    await waitUntil(() => Atomics.load(ints, 0) > 0);
    cancel();
    expect(await firstValueFrom(runner.done$)).to.include({ status: 'cancelled' });
    await whenConstant(ints);
  });

  it('in a value handler lets another run start', async () => {
    const single = threadPool({ threads: 1 });
    const value = await new Promise((resolve) => {
      const ints = sharedInts();
      const counting = single.run(workUrl, ints, { name: 'count', grace: 0 }).subscribe(() => {
        single.run(workUrl, 21).subscribe(resolve);
        counting.unsubscribe();
      });
    });
    expect(value).to.equal(42);
    await single.close();
  });
});

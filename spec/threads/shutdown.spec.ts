import { expect } from 'chai';
import { firstValueFrom, lastValueFrom } from 'rxjs';
import { launch, ordered, task, withCancel } from '../../lib/index.js';
import { PoolClosedError, threadPool } from '../../lib/threads/index.js';
import { collect } from '../helpers/collect.js';
import { errorOf, sharedInts, valuesOf, whenConstant, workUrl } from '../helpers/threads.js';
import { waitUntil } from '../helpers/wait.js';

describe('Closing a pool of threads', () => {
  it('waits for running and queued runs, and rejects new ones', async () => {
    const pool = threadPool({ threads: 1 });
    const [ctx, cancel] = withCancel();
    const notifications = collect(pool.start(ctx));
    const ints = sharedInts();
    const [running, waiting] = [valuesOf(pool, 'waitFor', ints), valuesOf(pool, 'default', 1)];
    await waitUntil(() => Atomics.load(ints, 1) === 1);

    cancel(new Error('enough'));
    expect(pool.status).to.equal('finalizing');
    const rejection = await errorOf(pool, 'default', 2);
    expect(rejection).to.be.instanceOf(PoolClosedError).and.have.nested.property('cause.message', 'enough');
    Atomics.store(ints, 0, 1);
    expect(await Promise.all([running, waiting])).to.deep.equal([['undisturbed'], [2]]);
    expect(await firstValueFrom(pool.done$)).to.include({ task: 'threads', status: 'cancelled' });
    expect(notifications).to.deep.equal(['complete']);
    expect(await errorOf(pool, 'default', 3)).to.be.instanceOf(PoolClosedError);
  });

  it('does not wait for an unsubscribed run', async () => {
    const pool = threadPool({ threads: 1 });
    const [ctx, cancel] = withCancel();
    pool.start(ctx).subscribe();
    const ints = sharedInts();
    const [running, waiting] = [pool.run(workUrl, ints, { name: 'spin' }), pool.run(workUrl, 1)].map((run$) =>
      run$.subscribe(),
    );
    await waitUntil(() => Atomics.load(ints, 0) > 0);
    cancel();
    waiting?.unsubscribe();
    expect(pool.status).to.equal('finalizing');
    running?.unsubscribe();
    expect(await firstValueFrom(pool.done$)).to.include({ status: 'cancelled' });
  });

  it('ends at the same time for all that close it', async () => {
    const pool = threadPool({ threads: 1 });
    await valuesOf(pool, 'default', 1);
    const ends: string[] = [];
    await Promise.all(['first', 'second'].map((name) => pool.close().then(() => ends.push(name))));
    expect(ends).to.deep.equal(['first', 'second']);
  });

  it('without a cancel gives later runs an error without a cause', async () => {
    const pool = threadPool();
    await pool.close();
    expect(await errorOf(pool, 'default', 1)).not.to.have.property('cause');
  });

  it('allows the pool to be started again', async () => {
    const pool = threadPool({ threads: 1 });
    for (let i = 0; i < 2; i++) {
      const subscription = pool.start().subscribe();
      expect(await valuesOf(pool, 'runsHere')).to.deep.equal([1]);
      subscription.unsubscribe();
      await firstValueFrom(pool.done$);
    }
    expect(await errorOf(pool, 'runsHere')).to.be.instanceOf(PoolClosedError);
  });

  it('that is started again before it is closed loses no run, and ends its threads at the next close', async () => {
    const pool = threadPool({ threads: 1 });
    const ints = sharedInts();
    let next: Promise<unknown[]> | undefined;
    pool.run(workUrl, ints, { name: 'waitFor' }).subscribe({
      // The pool has no run at this moment.
      complete() {
        next = valuesOf(pool, 'later', 1);
      },
    });
    const closed = pool.close();
    const subscription = pool.start().subscribe();
    Atomics.store(ints, 0, 1);
    await waitUntil(() => next !== undefined);
    expect(await next).to.deep.equal([1]);
    await closed;
    expect(await valuesOf(pool, 'runsHere')).to.deep.equal([1]);
    subscription.unsubscribe();
    await firstValueFrom(pool.done$);
    expect(await errorOf(pool, 'runsHere')).to.be.instanceOf(PoolClosedError);
  });

  it('that is started again while its threads end fails no run in the new ones', async () => {
    const pool = threadPool({ threads: 1 });
    await valuesOf(pool, 'default', 1);
    const closed = pool.close();
    await Promise.resolve();
    const subscription = pool.start().subscribe();
    expect(await valuesOf(pool, 'default', 2)).to.deep.equal([4]);
    await closed;
    subscription.unsubscribe();
    await firstValueFrom(pool.done$);
  });

  it('ends the threads of runs that were accepted while it was closing', async () => {
    const pool = threadPool({ threads: 1 });
    await valuesOf(pool, 'default', 1);
    const closed = pool.close();
    const subscription = pool.start().subscribe();
    const ints = sharedInts();
    const running = valuesOf(pool, 'tickOn', ints);
    subscription.unsubscribe();
    expect(await running).to.deep.equal([undefined]);
    await Promise.all([closed, firstValueFrom(pool.done$)]);
    // It would wait for ever if the thread had not ended.
    await whenConstant(ints);
  });

  it('happens after the end of the tasks that use it in an ordered group', async () => {
    const pool = threadPool({ threads: 1 });
    const results: unknown[] = [];
    const user = task('user', {
      execute: (ctx) => firstValueFrom(ctx.cancelled$),
      finalize: async () => results.push(await lastValueFrom(pool.run(workUrl, 21))),
    });
    const { clean, outcomes } = await launch([ordered('app', pool, user)]).stop();
    expect(results).to.deep.equal([42]);
    expect(clean).to.equal(true);
    expect(outcomes[0]?.members?.map(({ task, status }) => `${task} ${status}`)).to.deep.equal([
      'app/threads cancelled',
      'app/user cancelled',
    ]);
  });

  it('is possible more than once, and for an unused pool', async () => {
    const pool = threadPool({ threads: 1 });
    const ints = sharedInts();
    const running = valuesOf(pool, 'waitFor', ints);
    await waitUntil(() => Atomics.load(ints, 1) === 1);
    const closed = Promise.all([pool.close(), pool.close(), pool[Symbol.asyncDispose]()]);
    Atomics.store(ints, 0, 1);
    expect(await running).to.deep.equal(['undisturbed']);
    await closed;
    await threadPool().close();
  });
});

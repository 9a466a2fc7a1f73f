import { expect } from 'chai';
import { fileURLToPath } from 'node:url';
import { concatMap, firstValueFrom, forkJoin, from, lastValueFrom, toArray } from 'rxjs';
import { future, isTaskRunner } from '../../lib/index.js';
import { threadPool, type ThreadPool } from '../../lib/threads/index.js';
import { collect, thrownBy, warningsDuring } from '../helpers/collect.js';
import { all, shared, still, until, work } from '../helpers/threads.js';

describe('threadPool', function () {
  this.timeout(20_000);
  let pool: ThreadPool;

  before(() => {
    pool = threadPool({ threads: 2 });
  });

  after(() => pool.close());

  describe('run', () => {
    it('yields what the function returns, once, and completes', async () => {
      expect(await all(pool, 'default', 21)).to.deep.equal([42]);
      expect(await all(pool, 'later', 3)).to.deep.equal([3]);
      expect(await all(pool, 'nothing')).to.deep.equal([undefined]);
    });

    it('yields an array, or what can be iterated but is no iterator, as one value', async () => {
      for (const value of [[1, 2], new Map([[1, 2]]), 'text', new Uint8Array([1])])
        expect(await all(pool, 'echo', value)).to.deep.equal([value]);
    });

    it('yields what a generator yields, sync or async, in order, none at all, or more than are on their way at once', async () => {
      const numbers = Array.from({ length: 100 }, (_, i) => i + 1);
      expect(await all(pool, 'upTo', 100)).to.deep.equal(numbers);
      expect(await all(pool, 'slowlyUpTo', 3)).to.deep.equal([1, 2, 3]);
      expect(await all(pool, 'none')).to.deep.equal([]);
    });

    it('lets a generator be no more than a few values ahead of whoever reads them', async () => {
      const numbers = shared();
      const subscription = pool.run(work, numbers, { name: 'count' }).subscribe(() => {
        // Nothing is read while this thread is blocked.
        if (Atomics.load(numbers, 1) === 0) Atomics.wait(numbers, 1, 0, 100);
        subscription.unsubscribe();
      });
      await until(() => subscription.closed);
      await still(numbers);
      expect(Atomics.load(numbers, 0)).to.be.within(1, 20);
    });

    it('is cold: nothing runs until it is subscribed, and each subscription is a run', async () => {
      const one = threadPool({ threads: 1 });
      const runs$ = one.run(work, undefined, { name: 'runsHere' });
      expect(await firstValueFrom(runs$)).to.equal(1);
      expect(await firstValueFrom(runs$)).to.equal(2);
      await one.close();
    });

    it('takes a URL, one as a string, and an absolute path', async () => {
      for (const url of [work, work.href, fileURLToPath(work)])
        expect(await firstValueFrom(pool.run(url, 2))).to.equal(4);
      const code = 'data:text/javascript,export const triple = (n) => n * 3';
      expect(await firstValueFrom(pool.run(code, 2, { name: 'triple' }))).to.equal(6);
    });

    it('hands over what it is told to, when a thread takes it, and copies the rest', async () => {
      const [moved, copied] = [new ArrayBuffer(8), new ArrayBuffer(8)];
      const run$ = pool.run(work, [moved, copied], { name: 'echo', transfer: [moved] });
      expect(moved.byteLength).to.equal(8);
      expect(await firstValueFrom(run$)).to.deep.equal([new ArrayBuffer(8), new ArrayBuffer(8)]);
      expect([moved.byteLength, copied.byteLength]).to.deep.equal([0, 8]);
    });

    it('is what a future, an operator or a join is made of', async () => {
      const answer = future<number>(() => pool.run(work, 21));
      expect(await answer).to.equal(42);
      expect(await firstValueFrom(forkJoin([pool.run(work, 1), pool.run(work, 2)]))).to.deep.equal([2, 4]);
      const each = from([1, 2, 3]).pipe(
        concatMap((n) => pool.run(work, n)),
        toArray(),
      );
      expect(await lastValueFrom(each)).to.deep.equal([2, 4, 6]);
    });

    it('gives the function a signal, which has no effect on what it returns', async () => {
      expect(await all(pool, 'look', 1)).to.deep.equal([[1, false]]);
    });
  });

  describe('its threads', () => {
    it('are no more than it may have; other runs wait, and come in their order', async () => {
      const one = threadPool({ threads: 1 });
      const order: unknown[] = [];
      const runs = [5, 4, 3, 2, 1].map((n) => all(one, 'later', n).then((values) => order.push(...values)));
      const counts = [1, 2, 3].map(() => all(one, 'runsHere'));
      await Promise.all(runs);
      expect(order).to.deep.equal([5, 4, 3, 2, 1]);
      expect((await Promise.all(counts)).flat()).to.deep.equal([1, 2, 3]);
      await one.close();
    });

    it('work beside one another', async () => {
      const numbers = shared();
      const waiting = all(pool, 'waitFor', numbers);
      await until(() => Atomics.load(numbers, 1) === 1);
      expect(await all(pool, 'default', 1)).to.deep.equal([2]);
      Atomics.store(numbers, 0, 1);
      expect(await waiting).to.deep.equal(['undisturbed']);
    });

    it('are left by a thousand runs as they were: no handle, no listener, no warning', async () => {
      const runs = (n: number) => Promise.all(Array.from({ length: n }, (_, i) => all(pool, kinds[i % 2] ?? '', 3)));
      const kinds = ['default', 'upTo'];
      const ports = () => process.getActiveResourcesInfo().filter((one) => /port|worker/i.test(one)).length;
      await runs(4);
      await until(() => ports() === 0);
      expect(await warningsDuring(() => runs(1000))).to.deep.equal([]);
      await until(() => ports() === 0);
    });
  });

  describe('as a runner', () => {
    it('is one, by its name, which takes runs before its start, too', async () => {
      expect(isTaskRunner(pool)).to.equal(true);
      expect([String(threadPool()), String(threadPool({ name: 'hashing' }))]).to.deep.equal(['threads', 'hashing']);
    });
  });

  it('refuses what is no option, or out of range', () => {
    const refused = (options: object) => thrownBy(() => threadPool(options)).message;
    const whole = (name: string, low: number, got: string) =>
      `Expected \`${name}\` to be a whole number from ${low} and up, got \`${got}\` (number)`;
    expect(refused({ size: 1 })).to.match(/^Expected `options` to be made of `name`, `threads`, /);
    expect(refused({ name: 1 })).to.equal('Expected `name` to be a string, got `1` (number)');
    expect(refused({ threads: 0 })).to.equal('Expected `threads` to be a whole number from 1 and up, got `0` (number)');
    expect(refused({ threads: 1.5 })).to.equal(whole('threads', 1, '1.5'));
    expect(refused({ idleTimeout: -1 })).to.match(/^Expected `idleTimeout` to be a number of ms from 0 and up/);
    expect(refused({ memoryLimit: 7 })).to.match(/^Expected `memoryLimit` to be a number from 8 and up/);
    expect(refused({ queueLimit: 0.5 })).to.equal(whole('queueLimit', 0, '0.5'));
    for (const options of [{}, { idleTimeout: Infinity, queueLimit: Infinity }, { queueLimit: 0, memoryLimit: 8.5 }])
      threadPool(options);
  });

  it('refuses a run of what is no URL, and with what is no option, when it is made', () => {
    const refused = (url: unknown, options?: object) =>
      thrownBy(() => pool.run(url as string, undefined, options)).message;
    const url = 'Expected `url` to be a URL, as `new URL(…, import.meta.url)`, or an absolute path, got ';
    expect(refused('./work.js')).to.equal(`${url}\`'./work.js'\` (string)`);
    expect(refused(undefined)).to.equal(`${url}undefined`);
    expect(refused(work, { signal: 1 })).to.match(/^Expected `options` to be made of `name`, `transfer`, `grace`/);
    expect(refused(work, { name: 1 })).to.match(/^Expected `name` to be a string/);
    expect(refused(work, { transfer: 1 })).to.match(/^Expected `transfer` to be an array/);
    expect(refused(work, { grace: -1 })).to.match(/^Expected `grace` to be a number of ms from 0 and up/);
    expect(collect(pool.run(work))).to.deep.equal([]);
  });
});

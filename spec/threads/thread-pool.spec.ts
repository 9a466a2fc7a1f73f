import { expect } from 'chai';
import { fileURLToPath } from 'node:url';
import type { MessagePort } from 'node:worker_threads';
import { concatMap, firstValueFrom, forkJoin, from, lastValueFrom, toArray } from 'rxjs';
import { future, isTaskRunner } from '../../lib/index.js';
import { threadPool, type ThreadPool } from '../../lib/threads/index.js';
import { collect, thrownBy, warningsDuring } from '../helpers/collect.js';
import { sharedInts, valuesOf, whenConstant, workUrl } from '../helpers/threads.js';
import { waitUntil } from '../helpers/wait.js';

describe('threadPool', () => {
  let pool: ThreadPool;

  before(() => {
    pool = threadPool({ threads: 2 });
  });

  after(() => pool.close());

  describe('run', () => {
    it('emits the result of the function once and completes', async () => {
      expect(await valuesOf(pool, 'default', 21)).to.deep.equal([42]);
      expect(await valuesOf(pool, 'later', 3)).to.deep.equal([3]);
      expect(await valuesOf(pool, 'nothing')).to.deep.equal([undefined]);
    });

    it('emits an iterable that is not an iterator, such as an array, as one value', async () => {
      for (const value of [[1, 2], new Map([[1, 2]]), 'text', '', new Uint8Array([1]), null, { next: 1 }])
        expect(await valuesOf(pool, 'echo', value)).to.deep.equal([value]);
    });

    it('emits all values of a sync or async generator in order, even more than the high-water mark', async () => {
      const ints = Array.from({ length: 100 }, (_, i) => i + 1);
      expect(await valuesOf(pool, 'upTo', 100)).to.deep.equal(ints);
      expect(await valuesOf(pool, 'slowlyUpTo', 3)).to.deep.equal([1, 2, 3]);
      expect(await valuesOf(pool, 'none')).to.deep.equal([]);
    });

    it('keeps a generator at most a few values ahead of the subscriber', async () => {
      const ints = sharedInts();
      const subscription = pool.run(workUrl, ints, { name: 'count' }).subscribe(() => {
        // Nothing is read while this thread is blocked.
        if (Atomics.load(ints, 1) === 0) Atomics.wait(ints, 1, 0, 100);
        subscription.unsubscribe();
      });
      await waitUntil(() => subscription.closed);
      await whenConstant(ints);
      expect(Atomics.load(ints, 0)).to.be.within(1, 20);
    });

    it('is cold: each subscription is a run', async () => {
      const single = threadPool({ threads: 1 });
      const runs$ = single.run(workUrl, undefined, { name: 'runsHere' });
      expect(await firstValueFrom(runs$)).to.equal(1);
      expect(await firstValueFrom(runs$)).to.equal(2);
      await single.close();
    });

    it('accepts a URL, a URL as a string, and an absolute path', async () => {
      for (const url of [workUrl, workUrl.href, fileURLToPath(workUrl)])
        expect(await firstValueFrom(pool.run(url, 2))).to.equal(4);
      const code = 'data:text/javascript,export const triple = (n) => n * 3';
      expect(await firstValueFrom(pool.run(code, 2, { name: 'triple' }))).to.equal(6);
    });

    it('transfers the objects in `transfer` when a thread takes the run, and copies the rest', async () => {
      const [moved, copied] = [new ArrayBuffer(8), new ArrayBuffer(8)];
      const run$ = pool.run(workUrl, [moved, copied], { name: 'echo', transfer: [moved] });
      expect(moved.byteLength).to.equal(8);
      expect(await firstValueFrom(run$)).to.deep.equal([new ArrayBuffer(8), new ArrayBuffer(8)]);
      expect([moved.byteLength, copied.byteLength]).to.deep.equal([0, 8]);
    });

    it('reads its options when it is made', async () => {
      const moved = new ArrayBuffer(8);
      const options = { name: 'echo', transfer: [moved] };
      const run$ = pool.run(workUrl, moved, options);
      options.name = 'absent';
      options.transfer.length = 0;
      expect(await firstValueFrom(run$)).to.deep.equal(new ArrayBuffer(8));
      expect(moved.byteLength).to.equal(0);
    });

    it('goes on in its idle thread with the work that it has begun', async () => {
      const ints = sharedInts();
      expect(await valuesOf(pool, 'setLater', ints)).to.deep.equal(['returned']);
      await waitUntil(() => Atomics.load(ints, 0) === 1);
    });

    it('works in a future, an operator and a join', async () => {
      const answer = future<number>(() => pool.run(workUrl, 21));
      expect(await answer).to.equal(42);
      expect(await firstValueFrom(forkJoin([pool.run(workUrl, 1), pool.run(workUrl, 2)]))).to.deep.equal([2, 4]);
      const each = from([1, 2, 3]).pipe(
        concatMap((n) => pool.run(workUrl, n)),
        toArray(),
      );
      expect(await lastValueFrom(each)).to.deep.equal([2, 4, 6]);
    });

    it('passes a signal, and reading it does not change the result', async () => {
      expect(await valuesOf(pool, 'readSignal', 1)).to.deep.equal([[1, false]]);
    });
  });

  describe('threads', () => {
    it('are limited in number, and queued runs start in order', async () => {
      const single = threadPool({ threads: 1 });
      const order: unknown[] = [];
      const runs = [5, 4, 3, 2, 1].map((n) => valuesOf(single, 'later', n).then((values) => order.push(...values)));
      const counts = [1, 2, 3].map(() => valuesOf(single, 'runsHere'));
      await Promise.all(runs);
      expect(order).to.deep.equal([5, 4, 3, 2, 1]);
      expect((await Promise.all(counts)).flat()).to.deep.equal([1, 2, 3]);
      await single.close();
    });

    it('run concurrently', async () => {
      const ints = sharedInts();
      const waiting = valuesOf(pool, 'waitFor', ints);
      await waitUntil(() => Atomics.load(ints, 1) === 1);
      expect(await valuesOf(pool, 'default', 1)).to.deep.equal([2]);
      Atomics.store(ints, 0, 1);
      expect(await waiting).to.deep.equal(['undisturbed']);
    });

    it('are kept for an `idleTimeout` that is longer than any timer of Node', async () => {
      const patient = threadPool({ threads: 1, idleTimeout: 2 ** 31 });
      expect(await warningsDuring(() => valuesOf(patient, 'default', 1))).to.deep.equal([]);
      expect(await valuesOf(patient, 'runsHere')).to.deep.equal([1]);
      expect(await valuesOf(patient, 'runsHere')).to.deep.equal([2]);
      await patient.close();
    });

    it('end when they have been idle for `idleTimeout` ms', async () => {
      const brief = threadPool({ threads: 1, idleTimeout: 1 });
      expect(await valuesOf(brief, 'runsHere')).to.deep.equal([1]);
      await waitUntil(async () => (await valuesOf(brief, 'runsHere'))[0] === 1);
      await brief.close();
    });

    it('cause no warning when many start at the same time', async () => {
      const wide = threadPool({ threads: 12 });
      const startAndStop = async () => {
        const runs = Array.from({ length: 12 }, () => wide.run(workUrl, 1).subscribe());
        for (const run of runs) run.unsubscribe();
        await wide.close();
      };
      expect(await warningsDuring(startAndStop)).to.deep.equal([]);
    });

    it('may post messages of their own, which the pool ignores', async () => {
      const single = threadPool({ threads: 1 });
      // The first run has the number 1.
      const ofOtherShapes = [{ jobId: 1, port: 'text' }, { lateError: 'text' }, { lateError: null }];
      await valuesOf(single, 'post', [null, 'text', {}, { jobId: 1 }, { port: 'text' }, ...ofOtherShapes]);
      // Its values arrive after these messages.
      expect(await valuesOf(single, 'upTo', 2)).to.deep.equal([1, 2]);
      await single.close();
    });

    it('may send a port of their own to the application, which the pool leaves open', async () => {
      const single = threadPool({ threads: 1 });
      process.once('worker', (thread) =>
        thread.on('message', ({ port }: { port?: MessagePort }) => port?.postMessage('from the application')),
      );
      expect(await valuesOf(single, 'offerPort')).to.deep.equal(['from the application']);
      await single.close();
    });

    it('keep no handle or listener after a thousand runs, and cause no warning', async () => {
      const runs = (n: number) =>
        Promise.all(Array.from({ length: n }, (_, i) => valuesOf(pool, kinds[i % 2] ?? '', 3)));
      const kinds = ['default', 'upTo'];
      const ports = () => process.getActiveResourcesInfo().filter((resource) => /port|worker/i.test(resource)).length;
      await runs(4);
      await waitUntil(() => ports() === 0);
      expect(await warningsDuring(() => runs(1000))).to.deep.equal([]);
      await waitUntil(() => ports() === 0);
    });
  });

  describe('as a runner', () => {
    it('is a TaskRunner with the name of the pool', async () => {
      expect(isTaskRunner(pool)).to.equal(true);
      expect([String(threadPool()), String(threadPool({ name: 'hashing' }))]).to.deep.equal(['threads', 'hashing']);
    });
  });

  it('rejects an unknown option, and a value out of range', () => {
    const messageOf = (options: object) => thrownBy(() => threadPool(options)).message;
    const integer = (name: string, low: number, got: string) =>
      `Expected \`${name}\` to be a whole number from ${low} and up, got \`${got}\` (number)`;
    expect(messageOf({ size: 1 })).to.match(
      /^Expected an option of `threadPool`, got `size`\. Known options: `name`, `threads`, /,
    );
    expect(messageOf({ name: 1 })).to.equal('Expected `name` to be a string, got `1` (number)');
    expect(messageOf({ threads: 0 })).to.equal(
      'Expected `threads` to be a whole number from 1 and up, got `0` (number)',
    );
    expect(messageOf({ threads: 1.5 })).to.equal(integer('threads', 1, '1.5'));
    expect(messageOf({ idleTimeout: -1 })).to.match(/^Expected `idleTimeout` to be a number of ms from 0 and up/);
    expect(messageOf({ memoryLimit: 7 })).to.match(/^Expected `memoryLimit` to be a number from 8 and up/);
    expect(messageOf({ workerFile: './worker.js' })).to.match(/^Expected `workerFile` to be a URL such as /);
    expect(messageOf({ queueLimit: 0.5 })).to.equal(integer('queueLimit', 0, '0.5'));
    for (const options of [{}, { idleTimeout: Infinity, queueLimit: Infinity }, { queueLimit: 0, memoryLimit: 8.5 }])
      threadPool(options);
  });

  it('rejects a run with an invalid URL or option when it is created', () => {
    const messageOf = (url: unknown, options?: object) =>
      thrownBy(() => pool.run(url as string, undefined, options)).message;
    const url = 'Expected `url` to be a URL such as `new URL(…, import.meta.url)`, or an absolute path, got ';
    expect(messageOf('./work.js')).to.equal(`${url}\`'./work.js'\` (string)`);
    expect(messageOf(undefined)).to.equal(`${url}undefined`);
    expect(messageOf(workUrl, { signal: 1 })).to.match(
      /^Expected an option of `run`, got `signal`\. Known options: `name`, `transfer`, `grace`/,
    );
    expect(messageOf(workUrl, { name: 1 })).to.match(/^Expected `name` to be a string/);
    expect(messageOf(workUrl, { transfer: 1 })).to.match(/^Expected `transfer` to be an array/);
    expect(messageOf(workUrl, { grace: -1 })).to.match(/^Expected `grace` to be a number of ms from 0 and up/);
    expect(collect(pool.run(workUrl))).to.deep.equal([]);
  });
});

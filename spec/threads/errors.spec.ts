import { expect } from 'chai';
import { lastValueFrom, Observable, tap } from 'rxjs';
import { WorkerPool } from '../../lib/threads/worker-pool.js';
import {
  PoolClosedError,
  PoolQueueError,
  ThreadExitError,
  ThreadMemoryError,
  threadPool,
  type ThreadPool,
} from '../../lib/threads/index.js';
import { collect } from '../helpers/collect.js';
import { errorOf, sharedInts, valuesOf, workUrl } from '../helpers/threads.js';
import { waitUntil } from '../helpers/wait.js';
import { spyOnConsoleError } from '../helpers/console-spy.js';

/** Creates a pool whose threads fail to start, because Node refuses so small a heap. */
function poolWithoutThreads(): { run$: Observable<unknown>; close: () => Promise<void> } {
  const config = {
    name: 'tight',
    threads: 1,
    idleTimeout: 0,
    memoryLimit: 4,
    queueLimit: Infinity,
    program: undefined,
  };
  const workers = new WorkerPool(config);
  const job = { url: workUrl.href, name: 'default', input: 1 };
  return {
    run$: new Observable((subscriber) => workers.add(job, { transfer: [], grace: 0 }, subscriber)),
    close: () => workers.close(),
  };
}

describe('A run that fails in a thread', () => {
  let pool: ThreadPool;

  before(() => {
    pool = threadPool({ name: 'hashing', threads: 2, memoryLimit: 32 });
  });

  after(() => pool.close());

  it('errors with the thrown error: its class, name, message, stack, cause and fields', async () => {
    const error = (await errorOf(pool, 'fail')) as RangeError & { code: string; retry: object };
    expect(error).to.be.instanceOf(RangeError);
    expect([error.name, error.message, error.code]).to.deep.equal(['Refused', 'not today', 'E_REFUSED']);
    expect(error.stack).to.match(/not today\n +at fail .*threads\/work\.ts/);
    expect(error.cause).to.be.instanceOf(TypeError).and.have.property('message', 'no rows');
    expect(error.retry).to.deep.equal({ after: 5 });
    expect(Object.keys(error)).to.deep.equal(['code', 'retry']);
  });

  it('errors with a thrown value that is not an error, even a falsy one', async () => {
    for (const value of ['text', { code: 1 }, 0, '', null, undefined])
      expect(await errorOf(pool, 'failWith', value)).to.deep.equal(value);
    expect(await errorOf(pool, 'failWithFunction')).to.equal('[Function: double]');
    expect(await errorOf(pool, 'failWithItself'))
      .to.be.instanceOf(Error)
      .and.have.property('message', 'round');
  });

  it('errors with the error of a generator, after its values', async () => {
    // Many times: the error takes another port and would only sometimes overtake the values.
    for (let i = 0; i < 200; i++) {
      const values: unknown[] = [];
      const error = await lastValueFrom(
        pool.run(workUrl, 2, { name: 'failAfter' }).pipe(tap((value) => values.push(value))),
      ).catch(String);
      expect([...values, error]).to.deep.equal([1, 2, 'RangeError: enough']);
    }
  });

  it('errors with an uncaught error of a callback of its function', async () => {
    expect(await errorOf(pool, 'failBehind'))
      .to.be.instanceOf(SyntaxError)
      .and.have.property('message', 'behind');
    expect(await valuesOf(pool, 'default', 1)).to.deep.equal([2]);
  });

  it('errors with the TypeError of a microtask that is no function, as in the main thread', async () => {
    expect(await errorOf(pool, 'queueNothing'))
      .to.be.instanceOf(TypeError)
      .and.have.property('code', 'ERR_INVALID_ARG_TYPE');
  });

  it('errors with a TypeError when there is no such export, and with the error of loading the module', async () => {
    const expected = `a function that ${workUrl.href} exports, got`;
    expect(await errorOf(pool, 'absent')).to.have.property(
      'message',
      `Expected \`absent\` to be ${expected} undefined`,
    );
    expect(await errorOf(pool, 'notAFunction')).to.be.instanceOf(TypeError);
    const missing = new URL('missing.js', workUrl);
    expect(await lastValueFrom(pool.run(missing)).catch((error: unknown) => error)).to.have.property(
      'code',
      'ERR_MODULE_NOT_FOUND',
    );
  });

  describe('because a value cannot be cloned', () => {
    const expectDataCloneError = (error: unknown) => {
      expect(error).to.be.instanceOf(DOMException);
      expect(error).to.include({ name: 'DataCloneError', code: 25 });
      expect(error)
        .to.have.property('message')
        .that.matches(/could not be cloned/);
    };

    it('errors with the DataCloneError of its input', async () => {
      expectDataCloneError(await errorOf(pool, 'echo', () => 1));
    });

    it('errors with the DataCloneError of its result', async () => {
      expectDataCloneError(await errorOf(pool, 'giveFunction'));
      expect(await valuesOf(pool, 'default', 1)).to.deep.equal([2]);
    });

    it('errors with the DataCloneError of a yielded value, and closes the generator', async () => {
      const ints = sharedInts();
      expectDataCloneError(await errorOf(pool, 'yieldFunction', ints));
      expect(Atomics.load(ints, 0)).to.equal(1);
    });
  });

  describe('because the main thread cannot read a value that is nested too deeply', () => {
    const levels = 4_000;

    it('errors with a RangeError that names the function, and the pool continues', async () => {
      for (const name of ['nest', 'yieldNested', 'failNested']) {
        const error = await errorOf(pool, name, levels);
        expect(error)
          .to.be.instanceOf(RangeError)
          .and.have.property('message')
          .that.equals(
            `A value or an error of \`${name}\` of ${workUrl.href} cannot be read here; it may be nested too deeply`,
          );
        expect(error).to.have.property('cause').that.is.instanceOf(Error);
        expect(await valuesOf(pool, 'default', 1)).to.deep.equal([2]);
      }
    });
  });

  describe('because its thread ends', () => {
    const workerFile = new URL('../fixtures/threads/unstartable.ts', import.meta.url);

    const consoleErrors = spyOnConsoleError();

    afterEach(() => {
      delete process.env['THREADS_FAIL'];
    });

    it('errors with the exit code, even 0, without disturbing another thread, and the pool continues', async () => {
      const ints = sharedInts();
      const other = valuesOf(pool, 'waitFor', ints);
      await waitUntil(() => Atomics.load(ints, 1) === 1);
      for (const code of [42, 0]) {
        const error = await errorOf(pool, 'exit', code);
        expect(error).to.be.instanceOf(ThreadExitError).and.include({ exitCode: code });
        expect(error).to.have.property('message', `A thread of hashing exited with code ${code}`);
        expect(error).to.have.property('cause').that.is.instanceOf(Error);
      }
      expect(await valuesOf(pool, 'default', 1)).to.deep.equal([2]);
      Atomics.store(ints, 0, 1);
      expect(await other).to.deep.equal(['undisturbed']);
    });

    it('errors with the exit code while the thread of another run starts, which goes on', async () => {
      const starting = threadPool({ threads: 2 });
      const ints = sharedInts();
      const exiting = errorOf(starting, 'exitWhenSet', ints);
      await waitUntil(() => Atomics.load(ints, 1) === 1);
      const other = valuesOf(starting, 'default', 1);
      Atomics.store(ints, 0, 1);
      expect(await exiting).to.be.instanceOf(ThreadExitError);
      expect(await other).to.deep.equal([2]);
      await starting.close();
    });

    it('errors when it is out of memory, without disturbing another thread, and the pool continues', async () => {
      const ints = sharedInts();
      const other = valuesOf(pool, 'waitFor', ints);
      await waitUntil(() => Atomics.load(ints, 1) === 1);
      const error = await errorOf(pool, 'useUp');
      expect(error).to.be.instanceOf(ThreadMemoryError);
      expect(error).to.have.property('message', 'A thread of hashing ran out of memory (limit: 32 MB)');
      expect(error).to.have.nested.property('cause.code', 'ERR_WORKER_OUT_OF_MEMORY');
      expect(new ThreadMemoryError('hashing').message).to.equal('A thread of hashing ran out of memory');
      expect(await valuesOf(pool, 'default', 1)).to.deep.equal([2]);
      Atomics.store(ints, 0, 1);
      expect(await other).to.deep.equal(['undisturbed']);
    });

    it('errors when its thread does not start, without disturbing another thread', async () => {
      const partial = threadPool({ threads: 2, workerFile });
      const ints = sharedInts();
      const other = valuesOf(partial, 'waitFor', ints);
      await waitUntil(() => Atomics.load(ints, 1) === 1);
      process.env['THREADS_FAIL'] = 'throw';
      const error = await errorOf(partial, 'default', 1);
      expect(error).to.be.instanceOf(Error);
      Atomics.store(ints, 0, 1);
      expect(await other).to.deep.equal(['undisturbed']);
      await partial.close();
    });

    it('errors with the error of a microtask of its thread that starts', async () => {
      const failing = threadPool({ threads: 1, workerFile });
      process.env['THREADS_FAIL'] = 'microtask';
      const error = await errorOf(failing, 'default', 1);
      expect(error).to.be.instanceOf(RangeError).and.have.property('message', 'cannot start');
      await failing.close();
    });

    it('errors when its thread exits while it starts, and so does a queued run', async () => {
      const exiting = threadPool({ name: 'exiting', threads: 1, workerFile });
      process.env['THREADS_FAIL'] = 'exit';
      const errors = await Promise.all([1, 2].map((n) => errorOf(exiting, 'default', n)));
      for (const error of errors)
        expect(error)
          .to.be.instanceOf(ThreadExitError)
          .and.include({ exitCode: 7, message: 'A thread of exiting exited with code 7' });
      await exiting.close();
    });

    it('errors when no thread starts, and so does a queued run, which prints nothing', async () => {
      const broken = poolWithoutThreads();
      const errors = await Promise.all([1, 2].map(() => lastValueFrom(broken.run$).catch((error: unknown) => error)));
      for (const error of errors) expect(error).to.be.instanceOf(ThreadMemoryError);
      expect(consoleErrors.all()).to.deep.equal([]);
      await broken.close();
    });
  });

  describe('before it starts', () => {
    it('errors when the queue is full, and the queued run still runs', async () => {
      const single = threadPool({ name: 'single', threads: 1, queueLimit: 1 });
      const accepted = [1, 2].map((n) => valuesOf(single, 'default', n));
      const refused = collect(single.run(workUrl, 3))[0];
      expect(refused).to.be.instanceOf(PoolQueueError).and.include({ queueLimit: 1 });
      expect(refused).to.have.property(
        'message',
        'All threads of single are busy, and its queue is full (`queueLimit`: 1)',
      );
      expect(await Promise.all(accepted)).to.deep.equal([[2], [4]]);
      expect(await valuesOf(single, 'default', 3)).to.deep.equal([6]);
      await single.close();
    });

    it('errors when the pool is closed', async () => {
      const closed = threadPool({ name: 'old' });
      await closed.close();
      const [error] = collect(closed.run(workUrl, 3));
      expect(error).to.be.instanceOf(PoolClosedError).and.have.property('message', 'old is closed');
    });
  });

  describe('after it was unsubscribed', () => {
    const consoleErrors = spyOnConsoleError();

    it('prints the error of a thread without a run', async () => {
      const broken = poolWithoutThreads();
      broken.run$.subscribe().unsubscribe();
      await waitUntil(() => consoleErrors.all().length > 0);
      expect(consoleErrors.all()[0]).to.be.instanceOf(ThreadMemoryError);
      await broken.close();
    });
  });
});

import { expect } from 'chai';
import { lastValueFrom, Observable, tap } from 'rxjs';
import { Crew } from '../../lib/threads/crew.js';
import {
  PoolClosedError,
  PoolQueueError,
  ThreadExitError,
  ThreadMemoryError,
  threadPool,
  type ThreadPool,
} from '../../lib/threads/index.js';
import { collect } from '../helpers/collect.js';
import { all, failure, shared, until, work } from '../helpers/threads.js';
import { keepWritten } from '../helpers/written.js';

/** Threads that do not come up: with this little memory Node refuses them. */
function tooTight(): { run$: Observable<unknown>; close: () => Promise<void> } {
  const crew = new Crew({ name: 'tight', threads: 1, idleTimeout: 0, memoryLimit: 4, queueLimit: Infinity });
  const job = { url: work.href, name: 'default', input: 1 };
  return {
    run$: new Observable((subscriber) => crew.add(job, { transfer: [], grace: 0 }, subscriber)),
    close: () => crew.close(),
  };
}

describe('A run that fails in a thread', function () {
  this.timeout(20_000);
  let pool: ThreadPool;

  before(() => {
    pool = threadPool({ name: 'hashing', threads: 2, memoryLimit: 32 });
  });

  after(() => pool.close());

  it('errors with what was thrown: class, name, message, stack, cause and fields', async () => {
    const error = (await failure(pool, 'fail')) as RangeError & { code: string; retry: object };
    expect(error).to.be.instanceOf(RangeError);
    expect([error.name, error.message, error.code]).to.deep.equal(['Refused', 'not today', 'E_REFUSED']);
    expect(error.stack).to.match(/not today\n +at fail .*threads\/work\.ts/);
    expect(error.cause).to.be.instanceOf(TypeError).and.have.property('message', 'no rows');
    expect(error.retry).to.deep.equal({ after: 5 });
    expect(Object.keys(error)).to.deep.equal(['code', 'retry']);
  });

  it('errors with what is no error, too, a falsy value included', async () => {
    for (const value of ['text', { code: 1 }, 0, '', null, undefined])
      expect(await failure(pool, 'failWith', value)).to.deep.equal(value);
    expect(await failure(pool, 'failWithFunction')).to.equal('[Function: double]');
    expect(await failure(pool, 'failWithItself'))
      .to.be.instanceOf(Error)
      .and.have.property('message', 'round');
  });

  it('errors with what a generator throws, after its values', async () => {
    // Many times, because the error goes another way, and comes first only now and then.
    for (let times = 0; times < 200; times++) {
      const values: unknown[] = [];
      const error = await lastValueFrom(
        pool.run(work, 2, { name: 'failAfter' }).pipe(tap((value) => values.push(value))),
      ).catch(String);
      expect([...values, error]).to.deep.equal([1, 2, 'RangeError: enough']);
    }
  });

  it('errors with what is thrown where its function cannot catch it', async () => {
    expect(await failure(pool, 'failBehind'))
      .to.be.instanceOf(SyntaxError)
      .and.have.property('message', 'behind');
    expect(await all(pool, 'default', 1)).to.deep.equal([2]);
  });

  it('errors with a TypeError when there is no such function, and with what keeps the module from being loaded', async () => {
    const what = `a function that ${work.href} exports, got`;
    expect(await failure(pool, 'absent')).to.have.property('message', `Expected \`absent\` to be ${what} undefined`);
    expect(await failure(pool, 'notAFunction')).to.be.instanceOf(TypeError);
    const gone = new URL('gone.js', work);
    expect(await lastValueFrom(pool.run(gone)).catch((error: unknown) => error)).to.have.property(
      'code',
      'ERR_MODULE_NOT_FOUND',
    );
  });

  describe('because something cannot be cloned', () => {
    const isDataClone = (error: unknown) => {
      expect(error).to.be.instanceOf(DOMException);
      expect(error).to.include({ name: 'DataCloneError', code: 25 });
      expect(error)
        .to.have.property('message')
        .that.matches(/could not be cloned/);
    };

    it('errors with the DataCloneError of its input', async () => {
      isDataClone(await failure(pool, 'echo', () => 1));
    });

    it('errors with the DataCloneError of its result', async () => {
      isDataClone(await failure(pool, 'giveFunction'));
      expect(await all(pool, 'default', 1)).to.deep.equal([2]);
    });

    it('errors with the DataCloneError of a value, and the generator is told', async () => {
      const numbers = shared();
      isDataClone(await failure(pool, 'yieldFunction', numbers));
      expect(Atomics.load(numbers, 0)).to.equal(1);
    });
  });

  describe('with its thread', () => {
    it('errors with the exit code, 0 included; its neighbour does not notice; the pool goes on', async () => {
      const numbers = shared();
      const neighbour = all(pool, 'waitFor', numbers);
      await until(() => Atomics.load(numbers, 1) === 1);
      for (const code of [3, 0]) {
        const error = await failure(pool, 'exit', code);
        expect(error).to.be.instanceOf(ThreadExitError).and.include({ exitCode: code });
        expect(error).to.have.property('message', `A thread of hashing exited with code ${code}`);
      }
      expect(await all(pool, 'default', 1)).to.deep.equal([2]);
      Atomics.store(numbers, 0, 1);
      expect(await neighbour).to.deep.equal(['undisturbed']);
    });

    it('errors when it is out of memory; its neighbour does not notice; the pool goes on', async () => {
      const numbers = shared();
      const neighbour = all(pool, 'waitFor', numbers);
      await until(() => Atomics.load(numbers, 1) === 1);
      const error = await failure(pool, 'useUp');
      expect(error).to.be.instanceOf(ThreadMemoryError);
      expect(error).to.have.property('message', 'A thread of hashing ran out of memory, of which it had 32 MB');
      expect(error).to.have.nested.property('cause.code', 'ERR_WORKER_OUT_OF_MEMORY');
      expect(await all(pool, 'default', 1)).to.deep.equal([2]);
      Atomics.store(numbers, 0, 1);
      expect(await neighbour).to.deep.equal(['undisturbed']);
    });

    it('errors when no thread comes up, whoever waits for one included', async () => {
      const tight = tooTight();
      const errors = await Promise.all([1, 2].map(() => lastValueFrom(tight.run$).catch((error: unknown) => error)));
      for (const error of errors) expect(error).to.be.instanceOf(ThreadMemoryError);
      await tight.close();
    });
  });

  describe('before it is run', () => {
    it('errors when as many wait as may; what waits is run', async () => {
      const one = threadPool({ name: 'one', threads: 1, queueLimit: 1 });
      const accepted = [1, 2].map((n) => all(one, 'default', n));
      const refused = collect(one.run(work, 3))[0];
      expect(refused).to.be.instanceOf(PoolQueueError).and.include({ queueLimit: 1 });
      expect(refused).to.have.property(
        'message',
        'All threads of one are busy, and 1 wait for one, which is its `queueLimit`',
      );
      expect(await Promise.all(accepted)).to.deep.equal([[2], [4]]);
      expect(await all(one, 'default', 3)).to.deep.equal([6]);
      await one.close();
    });

    it('errors when the pool is closed', async () => {
      const closed = threadPool({ name: 'old' });
      await closed.close();
      const [error] = collect(closed.run(work, 3));
      expect(error).to.be.instanceOf(PoolClosedError).and.have.property('message', 'old is closed');
    });
  });

  describe('with nobody there', () => {
    const written = keepWritten();

    it('writes what a thread that has nothing to do fails with', async () => {
      const tight = tooTight();
      tight.run$.subscribe().unsubscribe();
      await until(() => written.all().length > 0);
      expect(written.all()[0]).to.be.instanceOf(ThreadMemoryError);
      await tight.close();
    });
  });
});

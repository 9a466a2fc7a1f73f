import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import { threadPool, type ThreadPool } from '../../lib/threads/index.js';
import { spyOnConsoleError } from '../helpers/console-spy.js';
import { errorOf, sharedInts, valuesOf, workUrl } from '../helpers/threads.js';
import { waitUntil } from '../helpers/wait.js';

describe('Work that a call has left behind in its thread', () => {
  const consoleErrors = spyOnConsoleError();
  let pool: ThreadPool;

  beforeEach(() => {
    pool = threadPool({ name: 'hashing', threads: 1 });
  });

  afterEach(() => pool.close());

  describe('when it fails during the next call', () => {
    it('fails no later call, and its error is printed', async () => {
      const functions = ['failLate', 'yieldAndFailLate', 'yieldLaterAndFailLate'];
      const kinds = ['rejection', 'timer', 'immediate', 'tick', 'microtask', 'emitter', 'socket'];
      let calls = 0;
      for (const name of functions)
        for (const kind of kinds) {
          const [late, ints] = [sharedInts(), sharedInts()];
          expect(await valuesOf(pool, name, { kind, ints: late })).to.deep.equal(['returned']);
          const innocent = valuesOf(pool, 'waitFor', ints);
          await waitUntil(() => Atomics.load(ints, 1) === 1);
          const printed = consoleErrors.all().length;
          Atomics.store(late, 0, 1);
          await waitUntil(() => consoleErrors.all().length > printed);
          Atomics.store(ints, 0, 1);
          expect(await innocent).to.deep.equal(['undisturbed']);
          // The same thread goes on.
          expect(await valuesOf(pool, 'runsHere')).to.deep.equal([++calls]);
          const [error, ...others] = consoleErrors.all().slice(printed) as Error[];
          expect(others).to.deep.equal([]);
          expect(error?.message).to.equal(
            `\`${name}\` of ${workUrl.href} failed in a thread of hashing after it had returned`,
          );
          // Its own frames say nothing: those of the cause are printed below it.
          expect(error?.stack).to.equal(`Error: ${error?.message}`);
          if (kind === 'socket') expect(error).to.have.nested.property('cause.code', 'ENOENT');
          else
            expect(error?.cause)
              .to.be.instanceOf(RangeError)
              .and.include({ message: `late ${kind}`, cause: 'left behind' });
        }
    });
  });

  it('fails no call that follows, and keeps its thread, when it fails while the thread is idle', async () => {
    const late = sharedInts();
    expect(await valuesOf(pool, 'runsHere')).to.deep.equal([1]);
    await valuesOf(pool, 'failLate', { kind: 'rejection', ints: late });
    Atomics.store(late, 0, 1);
    await waitUntil(() => consoleErrors.all().length > 0);
    expect(await valuesOf(pool, 'runsHere')).to.deep.equal([2]);
  });

  it('is mentioned when the main thread cannot read it', async () => {
    await valuesOf(pool, 'failNestedLate', 4_000);
    await waitUntil(() => consoleErrors.all().length > 0);
    const [error] = consoleErrors.all() as Error[];
    expect(error).to.have.property(
      'message',
      'A function failed in a thread of hashing after it had returned; its error cannot be read',
    );
    expect(error?.cause).to.be.instanceOf(Error);
    expect(await valuesOf(pool, 'runsHere')).to.deep.equal([1]);
  });

  it('fails its own call only before that has returned', async () => {
    for (const kind of ['rejection', 'microtask'])
      expect(await errorOf(pool, 'failMeanwhile', kind))
        .to.be.instanceOf(RangeError)
        .and.have.property('message', `meanwhile ${kind}`);
    expect(consoleErrors.all()).to.deep.equal([]);
    expect(await valuesOf(pool, 'failAtOnce')).to.deep.equal(['returned']);
    await waitUntil(() => consoleErrors.all().length > 0);
    expect(consoleErrors.all()[0]).to.have.nested.property('cause.message', 'at once');
  });

  it('goes on while the thread is idle: a timer ticks', async () => {
    const ints = sharedInts();
    await valuesOf(pool, 'tickOn', ints);
    await waitUntil(() => Atomics.load(ints, 0) > 3);
  });

  it('goes on while the thread is idle: a request is sent', async () => {
    const server = createServer();
    const requested = new Promise((resolve) => server.once('request', (_, response) => resolve(response.end())));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    await valuesOf(pool, 'send', `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    await requested;
    server.close();
  });
});

import { expect } from 'chai';
import { AsyncLocalStorage } from 'node:async_hooks';
import { captureAsyncContext, runInAsyncContext, type AsyncContext } from '../../lib/util/async-context.js';

/** Returns what a function returns in an async context. */
function inContext<T>(context: AsyncContext, read: () => T): T | undefined {
  let result: T | undefined;
  runInAsyncContext(
    context,
    (f: () => T) => {
      result = f();
    },
    read,
    undefined,
  );
  return result;
}

describe('A captured async context', () => {
  const first = new AsyncLocalStorage<string>();
  const second = new AsyncLocalStorage<number>();
  const read = () => [first.getStore(), second.getStore()];

  it('is no object where no store is set, even after one was', async () => {
    expect(captureAsyncContext()).to.equal(undefined);
    first.run('a', () => undefined);
    expect(captureAsyncContext()).to.equal(undefined);
    await Promise.resolve();
    expect(captureAsyncContext()).to.equal(undefined);
    await new Promise((resolve) => setTimeout(resolve));
    expect(captureAsyncContext()).to.equal(undefined);
  });

  it('has all stores that were set, whatever is set where it is used', () => {
    const context = first.run('a', () => second.run(1, captureAsyncContext));
    const outer = first.run('b', captureAsyncContext);
    const none = captureAsyncContext();
    expect(first.run('c', () => inContext(context, read))).to.deep.equal(['a', 1]);
    expect(second.run(2, () => inContext(outer, read))).to.deep.equal(['b', undefined]);
    expect(second.run(3, () => inContext(none, read))).to.deep.equal([undefined, undefined]);
    expect(second.run(4, () => inContext(none, () => inContext(context, read)))).to.deep.equal(['a', 1]);
  });

  it('keeps falsy stores', () => {
    for (const store of [0, null, false, '']) {
      const storage = new AsyncLocalStorage<unknown>();
      const context = storage.run(store, captureAsyncContext);
      expect(inContext(context, () => storage.getStore())).to.equal(store);
    }
  });

  it('has the stores of a storage that was first used after the capture elsewhere', () => {
    const none = captureAsyncContext();
    const late = new AsyncLocalStorage<string>();
    late.run('late', () => {
      expect(inContext(none, () => late.getStore())).to.equal(undefined);
      expect(inContext(captureAsyncContext(), () => late.getStore())).to.equal('late');
    });
  });

  it('without stores gets none from a function that enters one, not even inside that function', () => {
    inContext(undefined, () => {
      first.enterWith('entered');
      expect(inContext(undefined, read)).to.deep.equal([undefined, undefined]);
      expect(read()).to.deep.equal(['entered', undefined]);
    });
    expect(inContext(undefined, read)).to.deep.equal([undefined, undefined]);
    expect(read()).to.deep.equal([undefined, undefined]);
  });

  it('is left again when the function throws', () => {
    const context = first.run('a', captureAsyncContext);
    const throwing = () => {
      throw new Error('boom');
    };
    first.run('b', () => {
      for (const each of [context, undefined]) expect(() => inContext(each, throwing)).to.throw('boom');
      expect(first.getStore()).to.equal('b');
    });
  });
});

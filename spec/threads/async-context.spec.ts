import { AsyncLocalStorage } from 'node:async_hooks';
import { expect } from 'chai';
import { finalize } from 'rxjs';
import { threadPool, type ThreadPool } from '../../lib/threads/index.js';
import { valuesOf, workUrl } from '../helpers/threads.js';
import { waitUntil } from '../helpers/wait.js';

describe('A run in a thread', () => {
  const store = new AsyncLocalStorage<unknown>();
  let pool: ThreadPool;

  beforeEach(() => {
    pool = threadPool({ threads: 1 });
  });

  afterEach(() => pool.close());

  /** Subscribes to a run in a store of its own. Resolves with all notifications, and with their stores. */
  function subscribeIn(name: string, exportName: string, input: unknown): Promise<unknown[]> {
    return new Promise((resolve) => {
      const seen: unknown[] = [];
      const see = (what: unknown) => seen.push([what, store.getStore()]);
      store.run(name, () =>
        pool
          .run(workUrl, input, { name: exportName })
          .pipe(finalize(() => resolve(seen)))
          .subscribe({ next: see, error: () => see('error'), complete: () => see('complete') }),
      );
    });
  }

  it('notifies in the async context of its subscription, also after a wait for the thread of another run', async () => {
    const runs = [
      subscribeIn('a', 'default', 1),
      subscribeIn('b', 'upTo', 2),
      subscribeIn('c', 'fail', undefined),
      subscribeIn('d', 'later', 4),
    ];
    expect(await Promise.all(runs)).to.deep.equal([
      [
        [2, 'a'],
        ['complete', 'a'],
      ],
      [
        [1, 'b'],
        [2, 'b'],
        ['complete', 'b'],
      ],
      [['error', 'c']],
      [
        [4, 'd'],
        ['complete', 'd'],
      ],
    ]);
  });

  it('leaves no store of its caller in the idle thread that has started for it', async () => {
    const runIn = async (request: object) => {
      await store.run(request, () => valuesOf(pool, 'upTo', 2));
      return new WeakRef(request);
    };
    const request = await runIn({ body: 'x'.repeat(1000) });
    await waitUntil(() => {
      global.gc?.();
      return request.deref() === undefined;
    });
    expect(await valuesOf(pool, 'runsHere')).to.deep.equal([1]);
  });
});

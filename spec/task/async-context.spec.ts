import { expect } from 'chai';
import { AsyncLocalStorage } from 'node:async_hooks';
import { concat, NEVER, Observable, of, Subject, take, type Subscription } from 'rxjs';
import {
  launch,
  launchRunner,
  parallel,
  task,
  taskRunner,
  withCancel,
  type Context,
  type TaskRunner,
} from '../../lib/index.js';
import { virtualClock } from '../../lib/testing/index.js';
import { customRunner } from '../helpers/custom-runners.js';
import { deferred, settled } from '../helpers/tasks.js';

const store = new AsyncLocalStorage<string>();

/** Records names, each with the store that it was recorded in. */
class Stores {
  readonly seen: [name: string, store: string | undefined][] = [];

  record = (name: string): void => void this.seen.push([name, store.getStore()]);

  /** Subscribes to a stream, and records its notifications. */
  subscribe(name: string, stream: Observable<unknown>): Subscription {
    return stream.subscribe({
      next: () => this.record(`${name} next`),
      error: () => this.record(`${name} error`),
      complete: () => this.record(`${name} complete`),
    });
  }

  expectAll(expected: string | undefined, names: readonly string[]): void {
    expect(this.seen).to.deep.equal(names.map((name) => [name, expected]));
  }
}

/** Starts a runner in the store 'starter', and then calls a function in the store 'other'. */
function startAndThen(stores: Stores, runner: TaskRunner, other: (cancel: () => void) => void): void {
  const [ctx, cancel] = withCancel();
  store.run('starter', () => stores.subscribe('runner', runner.start(ctx)));
  store.run('other', () => other(cancel));
}

describe('The async context', () => {
  let stores = new Stores();
  beforeEach(() => {
    stores = new Stores();
  });

  it('of a value that is emitted during the subscription is that of the start', () => {
    startAndThen(stores, taskRunner(task('t', () => concat(of(1), NEVER))), (cancel) => {
      stores.expectAll('starter', ['runner next']);
      cancel();
    });
  });

  /** Creates a runner that records its hooks, and the teardown of its Observable. */
  const recorded = (source: (ctx: Context) => Observable<unknown>) =>
    taskRunner(
      task('t', {
        initialize: () => stores.record('initialize'),
        execute: (ctx) => {
          stores.record('execute');
          return new Observable((subscriber) => {
            source(ctx).subscribe(subscriber);
            return () => stores.record('teardown');
          });
        },
        finalize: () => stores.record('finalize'),
      }),
    );

  it('of a run is the one it was started in, also after another has cancelled it', () => {
    startAndThen(
      stores,
      recorded(() => NEVER),
      (cancel) => cancel(),
    );
    stores.expectAll('starter', ['initialize', 'execute', 'teardown', 'finalize', 'runner complete']);
  });

  it('of a run is the one it was started in, also when another emits and ends its source', () => {
    for (const end of ['complete', 'error'] as const) {
      stores = new Stores();
      const source = new Subject<number>();
      startAndThen(
        stores,
        recorded(() => source),
        () => {
          source.next(1);
          source[end](new Error('boom'));
        },
      );
      const expected = ['initialize', 'execute', 'runner next', 'teardown', 'finalize', `runner ${end}`];
      stores.expectAll('starter', expected);
    }
  });

  it('of a run is the one it was started in, also when its source ends with the context', () => {
    startAndThen(
      stores,
      recorded((ctx) => ctx.cancelled$),
      (cancel) => cancel(),
    );
    stores.expectAll('starter', ['initialize', 'execute', 'runner next', 'teardown', 'finalize', 'runner complete']);
  });

  it('of a run is the one it was started in, also when a cancel interrupts its promise', async () => {
    const runner = taskRunner(
      task('t', {
        execute: () => new Promise(() => undefined),
        finalize: () => stores.record('finalize'),
        grace: 1,
      }),
    );
    startAndThen(stores, runner, (cancel) => cancel());
    await new Promise<void>((resolve) => runner.done$.subscribe({ complete: resolve }));
    stores.expectAll('starter', ['finalize', 'runner complete']);
  });

  it('of a run is the one it was started in, also when a startTimeout interrupts its promise', () => {
    const limit = { startTimeout: 5 };
    for (const [ofTask, ofApplication] of [
      [limit, {}],
      [{}, limit],
    ]) {
      const scheduler = virtualClock();
      const hangs = task('t', {
        ...ofTask,
        initialize: () => new Promise(() => undefined),
        finalize: () => stores.record('finalize'),
      });
      void store.run('starter', () => launch([hangs], { ...ofApplication, scheduler, observer: () => undefined }));
      store.run('other', () => scheduler.advance(5));
    }
    stores.expectAll('starter', ['finalize', 'finalize']);
  });

  it('of a run is the one it was started in, also when a cancel interrupts its iterable', async () => {
    const runner = taskRunner(
      task('t', {
        execute: () => ({
          [Symbol.asyncIterator]: () => ({
            next: () => new Promise<never>(() => undefined),
            return: async () => {
              stores.record('return');
              return { done: true as const, value: undefined };
            },
          }),
        }),
        finalize: () => stores.record('finalize'),
      }),
    );
    startAndThen(stores, runner, (cancel) => cancel());
    await new Promise<void>((resolve) => runner.done$.subscribe({ complete: resolve }));
    stores.expectAll('starter', ['return', 'finalize', 'runner complete']);
  });

  it('of a run is the one it was started in, also when a promise that another settles ends it', async () => {
    const work = deferred<unknown>();
    const runner = taskRunner(task('t', { execute: () => work.promise, finalize: () => stores.record('finalize') }));
    startAndThen(stores, runner, () => work.resolve(1));
    await settled();
    stores.expectAll('starter', ['runner next', 'finalize', 'runner complete']);
  });

  it('of a parent is its own, also when a child with another store ends last', () => {
    let context: Context | undefined;
    const childEnds = new Subject<void>();
    const parent = taskRunner(
      task('parent', {
        execute: (ctx) => {
          context = ctx;
          return NEVER;
        },
        finalize: () => stores.record('finalize'),
      }),
    );
    const child = taskRunner(
      task('child', {
        execute: () => NEVER,
        finalize: () => {
          stores.record('child finalize');
          return childEnds;
        },
      }),
    );
    startAndThen(stores, parent, (cancel) => {
      if (context) child.start(context).subscribe();
      store.run('third', () => {
        cancel();
        childEnds.complete();
      });
    });
    expect(stores.seen).to.deep.equal([
      ['child finalize', 'other'],
      ['finalize', 'starter'],
      ['runner complete', 'starter'],
    ]);
  });

  it('of each subscriber of the shared streams is the one it subscribed in', () => {
    const ready = new Subject<void>();
    const runner = taskRunner(
      task('t', {
        initialize: () => ready.pipe(take(1)),
        execute: () => ready.pipe(take(1)),
      }),
    );
    const types: string[] = [];
    for (const name of ['A', 'B']) {
      store.run(name, () => {
        runner.events$.subscribe(({ type }) => types.push(`${type} ${store.getStore()}`));
        stores.subscribe('ready$', runner.ready$);
        stores.subscribe('results$', runner.results$);
        stores.subscribe('done$', runner.done$);
      });
    }
    store.run('starter', () => runner.start().subscribe());
    store.run('other', () => ready.next());
    store.run('other', () => ready.next());
    expect(types).to.deep.equal(
      ['initializing', 'ready', 'finalizing', 'done'].flatMap((type) => ['A', 'B'].map((name) => `${type} ${name}`)),
    );
    expect(stores.seen).to.deep.equal([
      ['ready$ next', 'A'],
      ['ready$ complete', 'A'],
      ['ready$ next', 'B'],
      ['ready$ complete', 'B'],
      ['results$ next', 'A'],
      ['results$ next', 'B'],
      ['done$ next', 'A'],
      ['done$ complete', 'A'],
      ['done$ next', 'B'],
      ['done$ complete', 'B'],
    ]);
  });

  it('of a group is the one it was started in, also when another ends a custom runner in it', () => {
    const source = new Subject<number>();
    const custom = customRunner(taskRunner(task('custom', () => source)));
    startAndThen(
      stores,
      parallel(
        'group',
        custom,
        recorded(() => NEVER),
      ),
      () => {
        source.next(1);
        source.error(new Error('boom'));
      },
    );
    stores.expectAll('starter', ['initialize', 'execute', 'runner next', 'teardown', 'finalize', 'runner error']);
  });

  it('of a launched runner is the one it was launched in', () => {
    const [ctx, cancel] = withCancel();
    const runner = recorded(() => NEVER);
    store.run('starter', () => launchRunner(ctx, cancel, runner));
    store.run('other', () => cancel());
    stores.expectAll('starter', ['initialize', 'execute', 'teardown', 'finalize']);
  });

  it('of the subscribers of a cancel is that of the code that cancels', () => {
    const [ctx, cancel] = withCancel();
    store.run('starter', () => {
      stores.subscribe('cancelled$', ctx.cancelled$);
      ctx.signal.addEventListener('abort', () => stores.record('abort'));
    });
    store.run('other', () => cancel());
    stores.expectAll('other', ['abort', 'cancelled$ next', 'cancelled$ complete']);
  });

  it('without a store stays without one, whatever others set in between', () => {
    const source = new Subject<number>();
    const runner = recorded(() => source);
    stores.subscribe('runner', runner.start());
    store.run('other', () => {
      source.next(1);
      source.complete();
    });
    stores.expectAll(undefined, ['initialize', 'execute', 'runner next', 'teardown', 'finalize', 'runner complete']);
  });

  it('without a store does not keep one that another task enters', () => {
    const [first, second] = [new Subject<number>(), new Subject<number>()];
    first.subscribe();
    const start = (source: Subject<number>, onValue: () => void) =>
      taskRunner(task('t', () => source))
        .start()
        .subscribe(onValue);
    start(first, () => {
      store.enterWith('entered');
      // Inside the call that has entered a store, and after it.
      second.next(1);
    });
    start(second, () => stores.record('second'));
    store.run('other', () => {
      first.next(1);
      second.next(2);
      stores.record('caller');
    });
    expect(stores.seen).to.deep.equal([
      ['second', undefined],
      ['second', undefined],
      ['caller', 'other'],
    ]);
  });
});

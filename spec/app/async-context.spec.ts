import { expect } from 'chai';
import { AsyncLocalStorage } from 'node:async_hooks';
import { NEVER, Subject } from 'rxjs';
import {
  joinAll,
  launch,
  launchRunner,
  orchestrate,
  ordered,
  parallel,
  task,
  taskRunner,
  withCancel,
  type Instrumentation,
} from '../../lib/index.js';
import { settled } from '../helpers/tasks.js';

const store = new AsyncLocalStorage<string>();

describe('The async context of an application', () => {
  it('is that of its start for all that it calls, also when another stops it', async () => {
    const seen: string[] = [];
    const record = (name: string) => seen.push(`${name} ${store.getStore()}`);
    const app = store.run('starter', () =>
      launch(
        [
          task('t', {
            execute: () => NEVER,
            finalize: () => record('finalize'),
          }),
        ],
        {
          observer: { next: ({ type }) => record(type), complete: () => record('complete') },
          instrumentation: [{ onEvent: ({ type }) => record(`onEvent ${type}`), onRunEnd: () => record('onRunEnd') }],
        },
      ),
    );
    await store.run('other', () => app.stop());
    expect(seen).to.include.members(['cancelled starter', 'onEvent shutdown starter', 'complete starter']);
    expect(seen.filter((each) => !each.endsWith(' starter'))).to.deep.equal([]);
  });

  it('is that of its start also when another makes a task fail', () => {
    const seen: string[] = [];
    const source = new Subject<never>();
    store.run('starter', () =>
      orchestrate([
        task('t', () => source),
        task('u', { execute: () => NEVER, finalize: () => seen.push('finalize') }),
      ]).subscribe({
        next: ({ type }) => seen.push(`${type} ${store.getStore()}`),
        complete: () => seen.push(`complete ${store.getStore()}`),
      }),
    );
    store.run('other', () => source.error(new Error('boom')));
    expect(seen).to.include.members(['failed starter', 'cancelled starter', 'shutdown starter', 'complete starter']);
    expect(seen.filter((each) => each.endsWith(' other'))).to.deep.equal([]);
  });

  it('is that of each subscription to `ready$`', async () => {
    const seen: string[] = [];
    const ready = new Subject<void>();
    const app = store.run('starter', () =>
      launch([task('t', { initialize: () => ready, execute: () => NEVER })], { observer: () => undefined }),
    );
    for (const name of ['A', 'B'])
      store.run(name, () =>
        app.ready$.subscribe({
          next: (value) => seen.push(`${value} ${store.getStore()}`),
          complete: () => seen.push(`complete ${store.getStore()}`),
        }),
      );
    store.run('other', () => ready.complete());
    await store.run('other', () => app.stop());
    expect(seen).to.deep.equal([
      'false A',
      'false B',
      'true A',
      'true B',
      'false A',
      'false B',
      'complete A',
      'complete B',
    ]);
  });
});

describe('A store that the first of several tasks enters', () => {
  /** Runs two groups and a task. Returns the stores of all hooks, and of the code after the start. */
  const storesWith = async (enter: (run: string) => void, instrumentation: readonly Instrumentation[] = []) => {
    const seen = new Map<string, unknown[]>();
    const record = (name: string) => seen.set(name, [...(seen.get(name) ?? []), store.getStore()]);
    const part = (name: string) =>
      task(name, {
        initialize: () => {
          record(name);
          enter(name);
          return Promise.resolve();
        },
        execute: () => {
          record(name);
          return NEVER;
        },
        finalize: () => record(name),
      });
    const tasks = () => [
      ordered('ordered', part('first'), part('second')),
      parallel('parallel', part('one'), part('two')),
      part('other'),
    ];
    await store.run('starter', async () => {
      const app = launch(tasks(), { instrumentation });
      record('code after the start');
      await settled();
      await store.run('canceller', () => app.stop());
    });
    return seen;
  };
  const others = ['second', 'two', 'other'].map((name) => [name, ['starter', 'starter', 'starter']]);

  it('by `enterWith` does not get to the tasks that start after it', async () => {
    const seen = await storesWith((name) => {
      if (name === 'first' || name === 'one') store.enterWith('entered');
    });
    expect([...seen].filter(([name]) => ['second', 'two', 'other'].includes(name))).to.have.deep.members(others);
    expect(seen.get('first')).to.deep.equal(['starter', 'entered', 'entered']);
    expect(seen.get('code after the start')).to.deep.equal(['starter']);
  });

  it('by `wrapHook` does not get to the tasks that start after it', async () => {
    const seen = await storesWith(
      () => undefined,
      [
        {
          wrapHook: (run, phase, hook) =>
            run.task.endsWith('/first') || run.task.endsWith('/one') ? store.run(phase, hook) : hook(),
        },
      ],
    );
    expect([...seen].filter(([name]) => ['second', 'two', 'other'].includes(name))).to.have.deep.members(others);
    expect(seen.get('first')).to.deep.equal(['initialize', 'execute', 'finalize']);
  });
});

describe('The async context of a join', () => {
  it('is that of its subscription, also when another ends a runner or cancels', () => {
    const seen: string[] = [];
    const [ctx, cancel] = withCancel();
    const source = new Subject<never>();
    const runners = [
      taskRunner(task('ends', () => source)),
      taskRunner(task('hangs', () => new Promise(() => undefined))),
      taskRunner(task('idle', () => 1)),
    ];
    for (const runner of runners.slice(0, 2)) launchRunner(ctx, cancel, runner);
    store.run('starter', () =>
      joinAll(ctx, 0, runners).subscribe({
        next: ({ status }) => seen.push(`${status} ${store.getStore()}`),
        complete: () => seen.push(`complete ${store.getStore()}`),
      }),
    );
    store.run('other', () => source.complete());
    store.run('other', () => cancel());
    expect(seen).to.deep.equal(['completed starter', 'not-started starter', 'timed-out starter', 'complete starter']);
  });
});

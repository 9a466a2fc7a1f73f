import { expect } from 'chai';
import { createRequire } from 'node:module';
import {
  EMPTY,
  isObservable,
  lastValueFrom,
  NEVER,
  Observable,
  of,
  range,
  Subscription,
  take,
  tap,
  throwError,
} from 'rxjs';
import sinon from 'sinon';
import { future, task, taskRunner, withCancel } from '../../lib/index.js';
import { describeValue } from '../../lib/util/validate.js';
import { collect } from '../helpers/collect.js';
import { eventTypes, outcomeOf, settled, throwing } from '../helpers/tasks.js';
import { virtually } from '../helpers/virtual-time.js';
import { loggingRunner, statusOf } from './helpers.js';

const interop = (Symbol as { observable?: symbol }).observable ?? '@@observable';

describe('The output of a hook', () => {
  const outputs: [string, () => unknown, unknown[]][] = [
    ['a value', () => 1, [1]],
    ['undefined', () => undefined, [undefined]],
    ['null', () => null, [null]],
    ['an array', () => [1, 2], [[1, 2]]],
    ['a string', () => 'ab', ['ab']],
    ['a Set', () => new Set([1]), [new Set([1])]],
    ['a promise', () => Promise.resolve(1), [1]],
    ['a thenable', () => ({ then: (resolve: (n: number) => void) => resolve(1) }), [1]],
    ['an Observable', () => of(1, 2), [1, 2]],
    ['EMPTY', () => EMPTY, []],
    [
      'an async generator',
      async function* () {
        yield 1;
        yield await Promise.resolve(2);
      },
      [1, 2],
    ],
    [
      'a web stream',
      () =>
        new ReadableStream({
          start(c) {
            c.enqueue(1);
            c.enqueue(2);
            c.close();
          },
        }),
      [1, 2],
    ],
    [
      'a reader with only read and releaseLock',
      () => {
        const remaining = [1, 2];
        return {
          getReader: () => ({
            read: () => Promise.resolve(remaining.length ? { done: false, value: remaining.shift() } : { done: true }),
            releaseLock: () => undefined,
          }),
        };
      },
      [1, 2],
    ],
    ['a promise of an Observable', () => Promise.resolve(of(1, 2)), [1, 2]],
    [
      'a promise of an async generator',
      () =>
        Promise.resolve(
          (async function* () {
            yield await Promise.resolve(1);
          })(),
        ),
      [1],
    ],
    ['an interop observable', () => ({ [interop]: () => of(1, 2) }), [1, 2]],
  ];
  for (const [what, execute, values] of outputs) {
    it(`is flattened when it is ${what}`, async () => {
      const log: string[] = [];
      const runner = loggingRunner(log, { execute });
      const received = collect(runner.start());
      await lastValueFrom(runner.done$);
      expect(received).to.deep.equal([...values, 'complete']);
      expect(log).to.deep.equal(['initialize', 'execute', 'finalize']);
    });
  }

  it('may be an Observable of another copy of RxJS', () => {
    const require = createRequire(import.meta.url);
    const entry = require.resolve('rxjs');
    const copies = Object.keys(require.cache).filter((file) => file.includes('/rxjs/'));
    const kept = copies.map((file) => [file, require.cache[file]] as const);
    for (const file of copies) Reflect.deleteProperty(require.cache, file);
    const rxjsCopy = require(entry) as typeof import('rxjs');
    for (const [file, module] of kept) require.cache[file] = module;
    expect(rxjsCopy.Observable).to.not.equal(Observable);

    const fromCopy = {
      execute: () => rxjsCopy.of(1, 2).pipe(rxjsCopy.map((n) => n * 2)),
      toString: () => 'from a copy',
    };
    expect(collect(taskRunner(fromCopy as never).start())).to.deep.equal([2, 4, 'complete']);
    let tornDown = false;
    const endless = taskRunner(task('endless', () => new rxjsCopy.Observable(() => () => (tornDown = true)) as never));
    endless.start().subscribe().unsubscribe();
    expect([tornDown, outcomeOf(endless)?.status]).to.deep.equal([true, 'cancelled']);
  });

  it('fails the run with the error that a source throws, rejects with or emits', async () => {
    const boom = new Error('boom');
    const sources: (() => unknown)[] = [
      throwing(boom),
      () => Promise.reject(boom),
      () => throwError(() => boom),
      async function* () {
        yield await Promise.resolve(1);
        throw boom;
      },
      () => ({ [Symbol.asyncIterator]: throwing(boom) }),
      () => new ReadableStream({ start: (c) => c.error(boom) }),
      () => Promise.resolve(throwError(() => boom)),
      () => ({ then: throwing(boom) }),
      () => ({ [interop]: throwing(boom) }),
    ];
    for (const execute of sources) {
      const log: string[] = [];
      const runner = loggingRunner(log, { execute });
      runner.start().subscribe({ error: () => undefined });
      const { status, error } = await lastValueFrom(runner.done$);
      expect([status, error?.phase, error?.cause]).to.deep.equal(['failed', 'execute', boom]);
      expect(log).to.deep.equal(['initialize', 'execute', 'finalize']);
    }
  });

  it('can be cancelled when it is NEVER, and completes when it is EMPTY', () => {
    virtually(({ expectObservable }) => {
      const never = taskRunner(task('never', () => NEVER));
      expectObservable(never.start(), '---!').toBe('-');
      expectObservable(statusOf(never)).toBe('---(c|)', { c: 'cancelled' });
      expectObservable(taskRunner(task('empty', () => EMPTY)).start()).toBe('|');
    });
  });

  it('does not overflow the stack with a million synchronous values, and stops at a cancel among them', () => {
    const counting = taskRunner(task('million', () => range(0, 1e6)));
    let count = 0;
    counting.start().subscribe(() => count++);
    expect([count, outcomeOf(counting)?.status]).to.deep.equal([1e6, 'completed']);

    let produced = 0;
    const [ctx, cancel] = withCancel();
    const halved = taskRunner(task('half', () => range(0, 1e6).pipe(tap(() => produced++))));
    halved.start(ctx).subscribe((n) => n === 499_999 && cancel());
    expect([produced, outcomeOf(halved)?.status]).to.deep.equal([500_000, 'cancelled']);

    const taken = taskRunner(task('taken', () => range(0, 1e6).pipe(tap(() => produced++))));
    produced = 0;
    expect(collect(taken.start().pipe(take(3)))).to.deep.equal([0, 1, 2, 'complete']);
    expect([produced, outcomeOf(taken)?.status]).to.deep.equal([3, 'cancelled']);
  });

  for (const [what, value] of [
    ['a function', () => 1],
    ['an object whose then is not a function', { then: 1 }],
    ['an object whose getReader is not a function', { getReader: 1 }],
  ] as const) {
    it(`is one value when it is ${what}`, () => {
      const received = collect(taskRunner(task('x', () => value as unknown)).start());
      expect(received).to.deep.equal([value, 'complete']);
    });
  }

  it('is awaited when it is a callable thenable', async () => {
    const callable = Object.assign(() => undefined, { then: (resolve: (n: number) => void) => resolve(1) });
    const received = collect(taskRunner(task('x', () => callable as unknown)).start());
    await settled();
    expect(received).to.deep.equal([1, 'complete']);
  });

  it('is unsubscribed when it is an Observable of a version of RxJS that does not recognize our subscriber', () => {
    const log: string[] = [];
    const otherVersion: object = {
      lift: () => otherVersion,
      subscribe: () => ({ unsubscribe: () => log.push('unsubscribed') }),
      [interop]: () => otherVersion,
    };
    expect(isObservable(otherVersion)).to.equal(true);
    const [ctx, cancel] = withCancel();
    const runner = taskRunner(
      task('x', {
        execute: () => otherVersion as unknown as Observable<number>,
        finalize: () => void log.push('finalize'),
      }),
    );
    runner.start(ctx).subscribe();
    cancel();
    expect(log).to.deep.equal(['unsubscribed', 'finalize']);
  });

  it('has its lock released when it is a web stream that has ended, failed or been cancelled', async () => {
    const [ctx, cancel] = withCancel();
    const ended = new ReadableStream({ start: (c) => c.close() });
    const failed = new ReadableStream({ start: (c) => c.error(new Error('boom')) });
    const interrupted = new ReadableStream();
    for (const stream of [ended, failed, interrupted])
      taskRunner(task('x', () => stream))
        .start(ctx)
        .subscribe({ error: () => undefined });
    await settled();
    cancel();
    await settled();
    expect([ended.locked, failed.locked, interrupted.locked]).to.deep.equal([false, false, false]);
  });

  it('is unsubscribed by the Subscription that a subclass of Observable returns', () => {
    const teardown = sinon.spy();
    class OwnSubscription extends Observable<never> {
      override subscribe(): Subscription {
        return new Subscription(teardown);
      }
    }
    taskRunner(task('x', () => new OwnSubscription()))
      .start()
      .subscribe()
      .unsubscribe();
    expect(teardown.callCount).to.equal(1);
  });

  it('is released when it is a reader without cancel', async () => {
    const [ctx, cancel] = withCancel();
    const released = sinon.spy();
    const runner = taskRunner(
      task('x', () => ({
        getReader: () => ({ read: () => new Promise<never>(() => undefined), releaseLock: released }),
      })),
    );
    const types = eventTypes(runner);
    const received = collect(runner.start(ctx));
    cancel();
    await settled();
    expect([received, released.callCount]).to.deep.equal([['complete'], 1]);
    expect(types).to.not.include('teardown-failed');
  });

  it('is abandoned when it is an iterable without return', async () => {
    const [ctx, cancel] = withCancel();
    const runner = taskRunner(
      task('x', () => ({
        [Symbol.asyncIterator]: () => ({ next: () => new Promise<IteratorResult<number>>(() => undefined) }),
      })),
    );
    const types = eventTypes(runner);
    const received = collect(runner.start(ctx));
    cancel();
    await settled();
    expect(received).to.deep.equal(['complete']);
    expect(types).to.not.include('teardown-failed');
  });

  it('is awaited as by `await` when it is a promise with another `then` or `constructor`', async () => {
    const boom = new Error('boom');
    const twice = (resolve: (n: number) => void) => [1, 2].forEach(resolve);
    const outputs: [() => unknown, unknown[]][] = [
      [() => Object.assign(Promise.resolve(1), { then: throwing(boom) }), ['completed', 1]],
      [() => Object.assign(Promise.resolve(1), { then: twice }), ['completed', 1]],
      [() => Object.defineProperty(Promise.resolve(1), 'constructor', { get: throwing(boom) }), ['failed', boom]],
    ];
    for (const [output, expected] of outputs) {
      const runner = taskRunner(task('x', { execute: output, finalize: () => undefined }));
      const types = eventTypes(runner);
      let last: unknown;
      runner.start().subscribe({ next: (value) => (last = value), error: () => undefined });
      await settled();
      const { status, error } = outcomeOf(runner) ?? {};
      expect([status, error ? error.cause : last]).to.deep.equal(expected);
      expect(types.slice(-2)).to.deep.equal(['finalizing', 'done']);
      expect(await future(output).then(undefined, (reason: unknown) => reason)).to.equal(expected[1]);
    }
  });

  it('fails the run when it is an iterator whose result is not an object', async () => {
    for (const result of [5, 'text', null, undefined]) {
      const next = sinon.stub().rejects(new Error('called again')).onFirstCall().resolves(result);
      const runner = taskRunner(task('x', () => ({ [Symbol.asyncIterator]: () => ({ next }) })));
      runner.start().subscribe({ error: () => undefined });
      const { status, error } = await lastValueFrom(runner.done$);
      expect([status, (error?.cause as Error).message]).to.deep.equal([
        'failed',
        `Expected \`next()\` to be a promise of an object, got ${describeValue(result)}`,
      ]);
      expect(next.callCount).to.equal(1);
    }
  });
});

import { expect } from 'chai';
import { createRequire } from 'node:module';
import { Readable } from 'node:stream';
import { EventEmitter, getEventListeners } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  defer,
  EMPTY,
  finalize,
  firstValueFrom,
  isObservable,
  fromEvent,
  interval,
  lastValueFrom,
  map,
  NEVER,
  Observable,
  of,
  range,
  skip,
  Subject,
  take,
  tap,
  throwError,
  timer,
  toArray,
  type Subscriber,
} from 'rxjs';
import sinon from 'sinon';
import {
  AlreadyRunningError,
  background,
  CancelledError,
  cron,
  isTaskRunner,
  joinAll,
  launchRunner,
  ordered,
  parallel,
  signalListener,
  supervise,
  task,
  TaskError,
  taskRunner,
  withCancel,
  withTimeout,
  type CancelFunc,
  type Context,
  type Outcome,
  type RunContext,
  type TaskDefinition,
  type TaskRunner,
} from '../../lib/index.js';
import { collect, listenerCount, unhandledDuring } from '../helpers/collect.js';
import { deferred, events, eventTypes, outcomeOf, settled } from '../helpers/tasks.js';
import { virtually } from '../helpers/virtual-time.js';

const interop = (Symbol as { observable?: symbol }).observable ?? '@@observable';

/** A task whose hooks note that they were called. */
function noted(log: string[], hooks: Partial<TaskDefinition<unknown>> = {}): TaskRunner {
  return taskRunner(
    task('noted', {
      ...hooks,
      initialize(ctx) {
        log.push('initialize');
        return hooks.initialize?.(ctx);
      },
      execute(ctx, cancel) {
        log.push('execute');
        return hooks.execute?.(ctx, cancel);
      },
      finalize() {
        log.push('finalize');
        return hooks.finalize?.();
      },
    }),
  );
}

/** How the run under way, or the next, ends. */
function statusOf(runner: TaskRunner): Observable<Outcome['status']> {
  return runner.done$.pipe(map(({ status }) => status));
}

function failing(reason: unknown): () => never {
  return () => {
    throw reason;
  };
}

describe('taskRunner', () => {
  describe('when it is made', () => {
    it('a value that is no task; a task without execute: TypeError, saying what was got', () => {
      for (const [value, got] of [
        [undefined, 'undefined'],
        [null, 'null'],
        [1, '`1` (number)'],
        ['name', "`'name'` (string)"],
        [{ initialize: () => 1 }, '`{ initialize: [Function: initialize] }` (object)'],
        [() => 1, '(function)'],
      ]) {
        expect(() => taskRunner(value as never)).to.throw(
          TypeError,
          'Expected `task` to be a task with an `execute` function, got ',
        );
        expect(() => taskRunner(value as never)).to.throw(TypeError, got as string);
      }
      expect(() => taskRunner({ execute: () => 1, finalize: 1 } as never)).to.throw(
        TypeError,
        'Expected `finalize` to be a function, got `1`',
      );
      expect(() => taskRunner({ execute: () => 1, grace: NaN })).to.throw(RangeError, 'Expected `grace`');
    });

    it('a runner, or a cron: TypeError that says what to do', () => {
      const poller = cron(
        task('poller', () => 1),
        100,
      );
      for (const given of [() => taskRunner(poller as never), () => cron(poller as never, 1000)])
        expect(given).to.throw(
          TypeError,
          'Expected `task` to be a task, got the runner `poller`. Give the task itself: supervise(cron(task, …))',
        );
    });

    it('an array of tasks, as `runMain` takes: TypeError that says what to do', () => {
      const tasks = [task('a', () => 1)];
      for (const given of [() => taskRunner(tasks as never), () => ordered('app', tasks as never)])
        expect(given).to.throw(
          TypeError,
          /^Expected `task` to be a task.*got `\[.*\. Give them as arguments: ordered\(name, \.\.\.tasks\)$/,
        );
    });

    it('has the name of its task, else of its class', () => {
      class Poller {
        execute(): void {
          // Its name is what counts.
        }
      }
      expect(String(taskRunner(task('named', () => 1)))).to.equal('named');
      expect(String(taskRunner(new Poller()))).to.equal('Poller');
      expect(String(taskRunner({ execute: () => 1 }))).to.equal('anonymous');
      expect(
        String(
          taskRunner(
            new (class {
              execute(): void {
                // It has no name.
              }
            })(),
          ),
        ),
      ).to.equal('anonymous');
      expect(String(taskRunner(Object.assign(Object.create(null) as object, { execute: () => 1 })))).to.equal(
        'anonymous',
      );
    });

    it('is idle, and nothing runs before it is subscribed', () => {
      const log: string[] = [];
      const runner = noted(log);
      const stream = runner.start();
      expect([log, runner.status]).to.deep.equal([[], 'idle']);
      stream.subscribe();
      expect([log, runner.status]).to.deep.equal([['initialize', 'execute', 'finalize'], 'done']);
    });

    it('is known by isTaskRunner', () => {
      expect(isTaskRunner(taskRunner(task('x', () => 1)))).to.equal(true);
      const { done$, events$ } = taskRunner(task('x', () => 1));
      const none = [undefined, null, {}, task('x', () => 1), { start: () => 1 }, { start: 1, done$, events$ }, EMPTY];
      for (const other of none) expect(isTaskRunner(other)).to.equal(false);
    });

    it('refuses to start under what is no context', () => {
      expect(() => taskRunner(task('x', () => 1)).start({} as never)).to.throw(
        TypeError,
        'Expected `ctx` to be a Context or an AbortSignal',
      );
    });
  });

  describe('runs initialize → execute → finalize', () => {
    it('in virtual time, each awaited, and completes after the last', () => {
      virtually(({ cold, expectObservable, expectSubscriptions }) => {
        const initialize = cold('--i|');
        const execute = cold('   -a-b|');
        const finalize = cold('      ---f|');
        const runner = taskRunner(
          task('seq', { initialize: () => initialize, execute: () => execute, finalize: () => finalize }),
        );
        expectObservable(runner.start()).toBe('----a-b----|');
        expectSubscriptions(initialize.subscriptions).toBe('^--!');
        expectSubscriptions(execute.subscriptions).toBe('---^---!');
        expectSubscriptions(finalize.subscriptions).toBe('-------^---!');
        expectObservable(runner.ready$).toBe('---(r|)', { r: undefined });
        expectObservable(runner.done$.pipe(tap((outcome) => void Object.assign(outcome, { runner: undefined })))).toBe(
          '-----------(d|)',
          {
            d: { task: 'seq', runner: undefined, status: 'completed', startedAt: 0, endedAt: 11 },
          },
        );
        expectObservable(runner.results$).toBe('----a-b');
      });
    });

    it('with a status for each phase', () => {
      virtually(({ cold }, scheduler) => {
        const runner = taskRunner(
          task('x', { initialize: () => timer(2), execute: () => timer(2), finalize: () => cold('--|') }),
        );
        const seen: string[] = [];
        for (const frame of [0, 1, 3, 5, 7]) scheduler.schedule(() => seen.push(runner.status), frame);
        scheduler.schedule(() => runner.start().subscribe(), 0);
        scheduler.flush();
        expect(seen).to.deep.equal(['idle', 'initializing', 'running', 'finalizing', 'done']);
      });
    });

    it('and tells its events, with the time by the scheduler', () => {
      virtually((_, scheduler) => {
        const runner = taskRunner(
          task('x', { initialize: () => timer(2), execute: () => timer(3), finalize: () => timer(4) }),
        );
        const told = events(runner);
        runner.start().subscribe();
        scheduler.flush();
        const common = { task: 'x', runId: 1 };
        expect(told).to.deep.equal([
          { ...common, type: 'initializing', at: 0 },
          { ...common, type: 'ready', at: 2 },
          { ...common, type: 'finalizing', at: 5 },
          { ...common, type: 'done', at: 9, outcome: outcomeOf(runner) },
        ]);
      });
    });

    it('without a hook that the task does not have', () => {
      const finalized = sinon.spy();
      expect(collect(taskRunner({ execute: () => 1 }).start())).to.deep.equal([1, 'complete']);
      const runner = taskRunner({ execute: () => 1, finalize: finalized });
      const types = eventTypes(runner);
      runner.start().subscribe();
      expect(finalized.callCount).to.equal(1);
      expect(types).to.deep.equal(['ready', 'finalizing', 'done']);
    });

    it('gives each hook the context of its run', () => {
      const seen: RunContext[] = [];
      const [ctx, cancel] = withCancel();
      const cancels: CancelFunc[] = [];
      const runner = taskRunner(
        task('x', {
          initialize: (run) => seen.push(run),
          execute(run, cancelAll) {
            seen.push(run);
            cancels.push(cancelAll);
          },
        }),
      );
      runner.start(ctx, cancel).subscribe();
      runner.start(ctx, cancel).subscribe();
      expect(seen.map(({ task, runId }) => [task, runId])).to.deep.equal([
        ['x', 1],
        ['x', 1],
        ['x', 2],
        ['x', 2],
      ]);
      expect(seen[0]).to.equal(seen[1]);
      expect(seen[0]).to.not.equal(seen[2]);
      expect(cancels).to.deep.equal([cancel, cancel]);
      for (const name of ['cancel', 'abort', 'unsubscribe']) expect(seen[0]).to.not.have.property(name);
      expect(listenerCount(ctx)).to.equal(0);
    });

    it('with a cancel that ends this run alone when none is given', () => {
      const [ctx] = withCancel();
      const runner = taskRunner(
        task('x', (_, cancel) =>
          defer(() => {
            cancel('enough');
            return NEVER;
          }),
        ),
      );
      expect(collect(runner.start(ctx))).to.deep.equal(['complete']);
      expect([ctx.cancelled, outcomeOf(runner)?.status]).to.deep.equal([false, 'cancelled']);
    });

    it('and cancels the run’s context when execute has ended, before finalize', () => {
      const log: unknown[] = [];
      const [master] = withCancel();
      const runner = taskRunner(
        task('x', {
          execute(ctx) {
            ctx.cancelled$.subscribe((cause) => log.push(cause));
            return new Observable((subscriber) => {
              subscriber.complete();
              return () => log.push(['teardown', ctx.cancelled]);
            });
          },
          finalize: () => log.push('finalize'),
        }),
      );
      runner.start(master).subscribe();
      expect(log).to.have.length(3);
      expect(log[0]).to.deep.equal(['teardown', false]);
      expect(log[1]).to.be.instanceOf(CancelledError);
      expect(log[2]).to.equal('finalize');
      expect(master.cancelled).to.equal(false);
    });

    it('and cancels it with the TaskError after a failure', () => {
      let ctx: Context | undefined;
      const runner = taskRunner(
        task('x', (run) => {
          ctx = run;
          throw new Error('boom');
        }),
      );
      runner.start().subscribe({ error: () => undefined });
      expect(ctx?.cause).to.equal(outcomeOf(runner)?.error);
    });

    for (const [how, end] of [
      ['completes', (subscriber: { complete(): void }) => subscriber.complete()],
      ['errors', (subscriber: { error(error: unknown): void }) => subscriber.error(new Error('boom'))],
    ] as const) {
      for (const when of ['synchronously', 'later'] as const) {
        it(`and runs execute’s own teardown before the cancel and finalize when it ${how} ${when}`, async () => {
          const log: string[] = [];
          const runner = taskRunner(
            task('x', {
              execute(ctx) {
                ctx.cancelled$.subscribe(() => log.push('cancelled'));
                return new Observable<never>((subscriber) => {
                  subscriber.add(() => log.push('added'));
                  if (when === 'synchronously') end(subscriber);
                  else setTimeout(() => end(subscriber), 1);
                  return () => log.push('returned');
                }).pipe(finalize(() => log.push('operator')));
              },
              finalize: () => log.push('finalize'),
            }),
          );
          await lastValueFrom(runner.start(), { defaultValue: 0 }).catch(() => undefined);
          expect(log.slice(0, 3)).to.have.members(['added', 'returned', 'operator']);
          expect(log.slice(3)).to.deep.equal(['cancelled', 'finalize']);
        });
      }
    }

    it('and ends what was started under its context with it', () => {
      virtually(({ cold, expectSubscriptions }) => {
        const inner = cold('-x');
        const outer = taskRunner(
          task('outer', (ctx) => {
            taskRunner(task('inner', () => inner))
              .start(ctx)
              .subscribe();
            return timer(5);
          }),
        );
        outer.start().subscribe();
        expectSubscriptions(inner.subscriptions).toBe('^----!');
      });
    });

    it('gives the context of a run that ended well one cause', () => {
      let ctx: RunContext | undefined;
      taskRunner(task('x', (run) => void (ctx = run)))
        .start()
        .subscribe();
      expect(ctx?.cause).to.be.instanceOf(Error).and.equal(ctx?.cause);
      expect(ctx?.signal.reason).to.equal(ctx?.cause);
    });

    it('without initialize, finalize is not called when execute was not', () => {
      const finalized = sinon.spy();
      const [ctx, cancel] = withCancel();
      const runner = taskRunner({ execute: () => 1, finalize: finalized });
      runner.ready$.subscribe(() => cancel());
      runner.start(ctx).subscribe();
      expect([finalized.callCount, outcomeOf(runner)?.status]).to.deep.equal([0, 'cancelled']);
    });
  });

  describe('flattens what a hook gives back', () => {
    const streams: [string, () => unknown, unknown[]][] = [
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
        'a reader without more',
        () => {
          const left = [1, 2];
          return {
            getReader: () => ({
              read: () => Promise.resolve(left.length ? { done: false, value: left.shift() } : { done: true }),
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
    for (const [what, execute, values] of streams) {
      it(what, async () => {
        const log: string[] = [];
        const runner = noted(log, { execute });
        const told = collect(runner.start());
        await lastValueFrom(runner.done$);
        expect(told).to.deep.equal([...values, 'complete']);
        expect(log).to.deep.equal(['initialize', 'execute', 'finalize']);
      });
    }

    it('an Observable, or a task, from another copy of rxjs: accepted', () => {
      const require = createRequire(import.meta.url);
      const rxjs = require.resolve('rxjs');
      const copies = Object.keys(require.cache).filter((file) => file.includes('/rxjs/'));
      const kept = copies.map((file) => [file, require.cache[file]] as const);
      for (const file of copies) Reflect.deleteProperty(require.cache, file);
      const other = require(rxjs) as typeof import('rxjs');
      for (const [file, module] of kept) require.cache[file] = module;
      expect(other.Observable).to.not.equal(Observable);

      const foreign = { execute: () => other.of(1, 2).pipe(other.map((n) => n * 2)), toString: () => 'foreign' };
      expect(collect(taskRunner(foreign as never).start())).to.deep.equal([2, 4, 'complete']);
      let torn = false;
      const endless = taskRunner(task('endless', () => new other.Observable(() => () => (torn = true)) as never));
      endless.start().subscribe().unsubscribe();
      expect([torn, outcomeOf(endless)?.status]).to.deep.equal([true, 'cancelled']);
    });

    it('and fails with what each of them throws', async () => {
      const boom = new Error('boom');
      const sources: (() => unknown)[] = [
        failing(boom),
        () => Promise.reject(boom),
        () => throwError(() => boom),
        async function* () {
          yield await Promise.resolve(1);
          throw boom;
        },
        () => ({ [Symbol.asyncIterator]: failing(boom) }),
        () => new ReadableStream({ start: (c) => c.error(boom) }),
        () => Promise.resolve(throwError(() => boom)),
        () => ({ then: failing(boom) }),
        () => ({ [interop]: failing(boom) }),
      ];
      for (const execute of sources) {
        const log: string[] = [];
        const runner = noted(log, { execute });
        runner.start().subscribe({ error: () => undefined });
        const { status, error } = await lastValueFrom(runner.done$);
        expect([status, error?.phase, error?.cause]).to.deep.equal(['failed', 'execute', boom]);
        expect(log).to.deep.equal(['initialize', 'execute', 'finalize']);
      }
    });

    it('execute returns NEVER, EMPTY: cancellable; completed', () => {
      virtually(({ expectObservable }) => {
        const never = taskRunner(task('never', () => NEVER));
        expectObservable(never.start(), '---!').toBe('-');
        expectObservable(statusOf(never)).toBe('---(c|)', { c: 'cancelled' });
        expectObservable(taskRunner(task('empty', () => EMPTY)).start()).toBe('|');
      });
    });

    it('a million synchronous values: no overflow, and cancel is honoured half-way', () => {
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
      ['an object whose then is no function', { then: 1 }],
      ['an object whose getReader is no function', { getReader: 1 }],
    ] as const) {
      it(`${what} is one value`, () => {
        const told = collect(taskRunner(task('x', () => value as unknown)).start());
        expect(told).to.deep.equal([value, 'complete']);
      });
    }

    it('a callable thenable', async () => {
      const callable = Object.assign(() => undefined, { then: (resolve: (n: number) => void) => resolve(1) });
      const told = collect(taskRunner(task('x', () => callable as unknown)).start());
      await settled();
      expect(told).to.deep.equal([1, 'complete']);
    });

    it('unsubscribes from an Observable of another version of RxJS, which knows no subscriber of ours', () => {
      const told: string[] = [];
      const foreign: object = {
        lift: () => foreign,
        subscribe: () => ({ unsubscribe: () => told.push('unsubscribed') }),
        [(Symbol as { observable?: symbol }).observable ?? '@@observable']: () => foreign,
      };
      expect(isObservable(foreign)).to.equal(true);
      const [ctx, cancel] = withCancel();
      const runner = taskRunner(
        task('x', {
          execute: () => foreign as unknown as Observable<number>,
          finalize: () => void told.push('finalize'),
        }),
      );
      runner.start(ctx).subscribe();
      cancel();
      expect(told).to.deep.equal(['unsubscribed', 'finalize']);
    });

    it('lets go of a web stream’s lock, read to its end, failed or cancelled', async () => {
      const [ctx, cancel] = withCancel();
      const ended = new ReadableStream({ start: (c) => c.close() });
      const failed = new ReadableStream({ start: (c) => c.error(new Error('boom')) });
      const cut = new ReadableStream();
      for (const stream of [ended, failed, cut])
        taskRunner(task('x', () => stream))
          .start(ctx)
          .subscribe({ error: () => undefined });
      await settled();
      cancel();
      await settled();
      expect([ended.locked, failed.locked, cut.locked]).to.deep.equal([false, false, false]);
    });

    it('a reader without cancel is let go of', async () => {
      const [ctx, cancel] = withCancel();
      const released = sinon.spy();
      const runner = taskRunner(
        task('x', () => ({
          getReader: () => ({ read: () => new Promise<never>(() => undefined), releaseLock: released }),
        })),
      );
      const told = collect(runner.start(ctx));
      cancel();
      await settled();
      expect([told, released.callCount]).to.deep.equal([['complete'], 1]);
    });

    it('an iterable without return is let go of', async () => {
      const [ctx, cancel] = withCancel();
      const runner = taskRunner(
        task('x', () => ({
          [Symbol.asyncIterator]: () => ({ next: () => new Promise<IteratorResult<number>>(() => undefined) }),
        })),
      );
      const told = collect(runner.start(ctx));
      cancel();
      await settled();
      expect(told).to.deep.equal(['complete']);
    });
  });

  describe('fails', () => {
    it('initialize throws, synchronously and later: finalize runs; failed, phase initialize', async () => {
      const boom = new Error('boom');
      for (const initialize of [failing(boom), () => Promise.reject(boom), () => throwError(() => boom)]) {
        const log: string[] = [];
        const runner = noted(log, { initialize });
        const told = collect(runner.start());
        const { status, error } = await lastValueFrom(runner.done$);
        expect(log).to.deep.equal(['initialize', 'finalize']);
        expect([status, error?.task, error?.phase, error?.cause]).to.deep.equal([
          'failed',
          'noted',
          'initialize',
          boom,
        ]);
        expect(told).to.deep.equal([error]);
        expect(collect(runner.ready$)).to.deep.equal(['complete']);
      }
    });

    it('execute throws synchronously: failed, phase execute', () => {
      const runner = taskRunner(task('x', failing(new Error('boom'))));
      const [error] = collect(runner.start());
      expect(error).to.be.instanceOf(TaskError).and.equal(outcomeOf(runner)?.error);
      expect(error).to.include({
        task: 'x',
        phase: 'execute',
        message: 'x failed in execute: boom',
        name: 'TaskError',
      });
      expect(outcomeOf(runner)?.status).to.equal('failed');
    });

    it('execute rejects with undefined, null, 0, "": still failed, with an Error around it', async () => {
      for (const reason of [undefined, null, 0, '', false]) {
        for (const execute of [failing(reason), async () => Promise.reject(reason), () => throwError(() => reason)]) {
          const runner = taskRunner(task('x', execute));
          runner.start().subscribe({ error: () => undefined });
          const { status, error } = await lastValueFrom(runner.done$);
          expect([status, error?.cause]).to.deep.equal(['failed', reason]);
          expect(error).to.be.instanceOf(Error);
        }
      }
    });

    it('finalize rejects after success / after a failure: failed / the first error kept, this one suppressed', async () => {
      const late = new Error('late');
      const succeeding = taskRunner(task('x', { execute: () => 1, finalize: () => Promise.reject(late) }));
      expect(await lastValueFrom(succeeding.start()).catch((error: unknown) => error)).to.include({
        phase: 'finalize',
        cause: late,
      });
      expect(outcomeOf(succeeding)?.status).to.equal('failed');

      const first = new Error('first');
      const failed = taskRunner(task('x', { execute: failing(first), finalize: failing(late) }));
      const [error] = collect(failed.start()) as TaskError[];
      expect(error).to.include({ phase: 'execute', cause: first });
      expect(error?.suppressed).to.have.length(1);
      expect(error?.suppressed[0]).to.include({ phase: 'finalize', cause: late }).and.be.instanceOf(TaskError);
    });

    it('finalize rejects after a cancel: failed', async () => {
      const [ctx, cancel] = withCancel();
      const runner = taskRunner(
        task('x', { execute: () => NEVER, finalize: () => Promise.reject(new DOMException('', 'AbortError')) }),
      );
      const told = collect(runner.start(ctx));
      cancel();
      const { status, error } = await lastValueFrom(runner.done$);
      expect([status, error?.phase]).to.deep.equal(['failed', 'finalize']);
      expect(told).to.deep.equal([error]);
    });

    it('with an error of execute’s teardown, and with the second one suppressed', () => {
      const teardown = new Error('teardown');
      const synchronous = taskRunner(
        task(
          'x',
          () =>
            new Observable((subscriber) => {
              subscriber.complete();
              return failing(teardown);
            }),
        ),
      );
      expect((collect(synchronous.start()) as TaskError[])[0]?.cause).to.equal(teardown);

      const subject = new Subject<number>();
      const later = taskRunner(task('x', () => subject.pipe(finalize(failing(teardown)))));
      const told = collect(later.start()) as TaskError[];
      subject.error(new Error('first'));
      expect(told.map(({ message }) => message)).to.deep.equal(['x failed in execute: first']);
      expect(told[0]?.suppressed.map(({ cause }) => cause)).to.deep.equal([teardown]);
    });

    it('goes RxJS’s way when the subscriber has no error handler', async () => {
      const runner = taskRunner(task('x', failing(new Error('boom'))));
      expect(await unhandledDuring(() => runner.start().subscribe())).to.deep.equal([outcomeOf(runner)?.error]);
    });

    it('by a CancelledError that is not the cause', async () => {
      const [ctx, cancel] = withCancel();
      const runner = taskRunner(
        task(
          'x',
          (run) => new Promise((_, reject) => run.signal.addEventListener('abort', () => reject(new CancelledError()))),
        ),
      );
      runner.start(ctx).subscribe({ error: () => undefined });
      cancel(new Error('cause'));
      expect((await lastValueFrom(runner.done$)).status).to.equal('failed');
    });

    it('by what only looks like a promise, or a stream, in a promise too', async () => {
      const evil = (name: string) => Object.defineProperty({}, name, { get: failing(new Error('evil')) });
      for (const output of [evil('then'), evil('getReader'), Promise.resolve(evil('getReader'))]) {
        const runner = taskRunner(task('x', () => output));
        runner.start().subscribe({ error: () => undefined });
        expect((await lastValueFrom(runner.done$)).error?.message).to.equal('x failed in execute: evil');
      }
    });

    it('by an error without a stack', () => {
      const bare = Object.assign(new Error('bare'), { stack: null });
      expect(collect(taskRunner(task('x', failing(bare))).start())[0]).to.have.property(
        'message',
        'x failed in execute: bare',
      );
    });

    it('by a Subject that is of no use any more', () => {
      const subject = new Subject();
      // eslint-disable-next-line rxjs-x/no-subject-unsubscribe -- it is what makes it so
      subject.unsubscribe();
      const runner = taskRunner(task('x', () => subject));
      expect(collect(runner.start())).to.deep.equal([outcomeOf(runner)?.error]);
    });

    it('behind a subscriber who has left: with console.error, when nobody waits for the outcome', async () => {
      const written = sinon.stub(console, 'error');
      try {
        const boom = new Error('boom');
        const make = () => taskRunner(task('x', { execute: () => NEVER, finalize: () => Promise.reject(boom) }));
        const unheard = make();
        unheard.start().subscribe().unsubscribe();
        const launched = make();
        launchRunner(background, () => undefined, launched).unsubscribe();
        const awaited = make();
        const outcome = lastValueFrom(awaited.done$);
        awaited.start().subscribe().unsubscribe();
        const observed = make();
        observed.events$.subscribe();
        observed.start().subscribe().unsubscribe();
        expect((await outcome).status).to.equal('failed');
        await settled();
        expect(written.args.flat()).to.deep.equal([outcomeOf(unheard)?.error, outcomeOf(launched)?.error]);
      } finally {
        written.restore();
      }
    });
  });

  describe('is cancelled', () => {
    it('cancel before start: no hook is called; cancelled', () => {
      const log: string[] = [];
      const [ctx, cancel] = withCancel();
      cancel();
      const runner = noted(log);
      const types = eventTypes(runner);
      expect(collect(runner.start(ctx))).to.deep.equal(['complete']);
      expect(log).to.deep.equal([]);
      expect(outcomeOf(runner)?.status).to.equal('cancelled');
      expect(types).to.deep.equal(['done']);
      expect(collect(runner.ready$)).to.deep.equal(['complete']);
      expect(collect(noted(log).start(AbortSignal.abort()))).to.deep.equal(['complete']);
      expect(log).to.deep.equal([]);
    });

    it('a task launched while the master is being cancelled: never executes', () => {
      const log: string[] = [];
      const [ctx, cancel] = withCancel();
      const runner = noted(log);
      ctx.cancelled$.subscribe(() => runner.start(ctx).subscribe());
      cancel();
      expect([log, outcomeOf(runner)?.status]).to.deep.equal([[], 'cancelled']);
    });

    it('by its context, an AbortSignal’s too, and leaves nothing in it', () => {
      const controller = new AbortController();
      const removed = sinon.spy(controller.signal, 'removeEventListener');
      const runner = taskRunner(task('x', () => NEVER));
      const told = collect(runner.start(controller.signal));
      controller.abort();
      expect(told).to.deep.equal(['complete']);
      expect(removed.callCount).to.equal(1);
    });

    it('and unsubscribes an Observable at once, without finalize’s being cut', () => {
      virtually(({ cold, hot, expectObservable, expectSubscriptions }) => {
        const [ctx, cancel] = withCancel();
        hot('      -----c').subscribe(cancel);
        const source = cold('-a-b-c-d');
        const finalizing = cold('  ---|');
        const runner = taskRunner(task('x', { execute: () => source, finalize: () => finalizing }));
        expectObservable(runner.start(ctx)).toBe('-a-b----|');
        expectSubscriptions(source.subscriptions).toBe('^----!');
        expectSubscriptions(finalizing.subscriptions).toBe('-----^--!');
      });
    });

    it('cancel from inside execute, initialize, an event subscriber: finalize once', () => {
      const inExecute: string[] = [];
      const inInitialize: string[] = [];
      const [ctx, cancel] = withCancel();
      const first = noted(inExecute, { execute: (_, cancelAll) => defer(() => (cancelAll(), NEVER)) });
      first.start(ctx, cancel).subscribe();
      expect(inExecute).to.deep.equal(['initialize', 'execute', 'finalize']);

      const [other, cancelOther] = withCancel();
      const second = noted(inInitialize, { initialize: () => cancelOther() });
      second.start(other).subscribe();
      expect(inInitialize).to.deep.equal(['initialize', 'finalize']);

      for (const [type, hooks] of Object.entries({
        initializing: ['initialize', 'finalize'],
        ready: ['initialize', 'finalize'],
        cancelling: ['initialize', 'execute', 'finalize'],
        finalizing: ['initialize', 'execute', 'finalize'],
        done: ['initialize', 'execute', 'finalize'],
      })) {
        const log: string[] = [];
        const [master, cancelMaster] = withCancel();
        const runner = noted(log, { execute: () => (type === 'cancelling' ? (cancelMaster(), NEVER) : 1) });
        runner.events$.subscribe((event) => event.type === type && cancelMaster());
        const told = collect(runner.start(master));
        expect(log, type).to.deep.equal(hooks);
        expect(told.at(-1), type).to.equal('complete');
      }
    });

    it('and tells so once, with the cause', () => {
      const runner = taskRunner(task('x', { execute: () => NEVER }));
      const told = events(runner);
      const [ctx, cancel] = withCancel();
      runner.start(ctx).subscribe();
      cancel('cause');
      expect(told.map(({ type }) => type)).to.deep.equal(['initializing', 'ready', 'cancelling', 'finalizing', 'done']);
      expect(told[2]).to.include({ cause: 'cause', task: 'x', runId: 1 });
    });

    it('during initialize: execute is never called', async () => {
      const log: string[] = [];
      const [ctx, cancel] = withCancel();
      const { promise, resolve } = deferred<void>();
      const runner = noted(log, { initialize: () => promise });
      runner.start(ctx).subscribe();
      cancel();
      await settled();
      expect(log).to.deep.equal(['initialize']);
      resolve();
      await lastValueFrom(runner.done$);
      expect([log, outcomeOf(runner)?.status]).to.deep.equal([['initialize', 'finalize'], 'cancelled']);
    });

    it('and is so however it then ends: by the cause, by what the cause caused, by an AbortError', async () => {
      const cause = new Error('stop');
      const looped: { cause?: unknown } = new Error('looped');
      looped.cause = new Error('back', { cause: new Error('to', { cause }) });
      for (const end of [
        () => Promise.resolve('value'),
        () => Promise.reject(cause),
        () => Promise.reject(new Error('outer', { cause: new Error('inner', { cause }) })),
        () => Promise.reject(looped),
        () => Promise.reject(new DOMException('aborted', 'AbortError')),
        (ctx: RunContext) => sleep(1000, undefined, { signal: ctx.signal }),
      ]) {
        const [ctx, cancel] = withCancel();
        const runner = taskRunner(
          task('x', async (run) => {
            await new Promise((resolve) => run.signal.addEventListener('abort', resolve));
            return end(run);
          }),
        );
        const told = collect(runner.start(ctx));
        cancel(cause);
        const outcome = await lastValueFrom(runner.done$);
        expect([outcome.status, outcome.error]).to.deep.equal(['cancelled', undefined]);
        expect(told.at(-1)).to.equal('complete');
      }
    });

    it('but fails by any other error, and by an abort-looking one without a cancel', async () => {
      const [ctx, cancel] = withCancel();
      const other = new Error('other', { cause: Object.assign(new Error('loop'), {}) });
      (other.cause as Error).cause = other;
      const runner = taskRunner(
        task('x', async (run) => {
          await new Promise((resolve) => run.signal.addEventListener('abort', resolve));
          throw other;
        }),
      );
      runner.start(ctx).subscribe({ error: () => undefined });
      cancel();
      expect(await lastValueFrom(runner.done$))
        .to.include({ status: 'failed' })
        .and.have.nested.property('error.cause', other);

      for (const reason of [null, new Error('without more', { cause: null })]) {
        const [parent, stop] = withCancel();
        const late = deferred<never>();
        const rejecting = taskRunner(task('x', () => late.promise));
        rejecting.start(parent).subscribe({ error: () => undefined });
        stop();
        late.reject(reason);
        expect((await lastValueFrom(rejecting.done$)).error?.cause).to.equal(reason);
      }

      const aborting = taskRunner(task('x', () => Promise.reject(new DOMException('aborted', 'AbortError'))));
      aborting.start().subscribe({ error: () => undefined });
      expect((await lastValueFrom(aborting.done$)).status).to.equal('failed');
    });

    it('not by a cancel after execute has ended', () => {
      virtually(({ expectObservable, hot }) => {
        const [ctx, cancel] = withCancel();
        hot('---c').subscribe(cancel);
        const runner = taskRunner(task('x', { execute: () => timer(2), finalize: () => timer(5) }));
        const types$ = runner.events$.pipe(map(({ type }) => type));
        expectObservable(types$.pipe(skip(2))).toBe('--f----d', { f: 'finalizing', d: 'done' });
        expectObservable(runner.start(ctx)).toBe('--0----|', [0]);
        expectObservable(statusOf(runner)).toBe('-------(c|)', { c: 'completed' });
      });
    });

    it('and all that hangs on its context is told before finalize, whatever ends execute', () => {
      const log: string[] = [];
      const [ctx, cancel] = withCancel();
      const runner = noted(log, {
        execute: (run) =>
          new Observable((subscriber) => {
            run.cancelled$.subscribe(() => subscriber.complete());
            run.cancelled$.subscribe(() => log.push('told'));
          }),
      });
      const types = eventTypes(runner);
      runner.start(ctx).subscribe();
      cancel();
      expect(log).to.deep.equal(['initialize', 'execute', 'told', 'finalize']);
      expect(types).to.deep.equal(['initializing', 'ready', 'cancelling', 'finalizing', 'done']);
      expect(outcomeOf(runner)?.status).to.equal('cancelled');
    });

    it('by unsubscribing: finalize goes on behind it and done$ tells', async () => {
      const { promise, resolve } = deferred<void>();
      const log: string[] = [];
      let cause: unknown;
      const runner = noted(log, {
        execute: (ctx) => {
          ctx.cancelled$.subscribe((why) => (cause = why));
          return NEVER;
        },
        finalize: () => promise,
      });
      const outcomes: Outcome[] = [];
      const subscription = runner.start().subscribe();
      runner.done$.subscribe((outcome) => outcomes.push(outcome));
      subscription.unsubscribe();
      expect([log, runner.status]).to.deep.equal([['initialize', 'execute', 'finalize'], 'finalizing']);
      expect(cause).to.be.instanceOf(CancelledError);
      await settled();
      expect(outcomes).to.deep.equal([]);
      resolve();
      await settled();
      expect(outcomes.map(({ status }) => status)).to.deep.equal(['cancelled']);
    });

    it('and the master is not, by unsubscribing', () => {
      const [ctx, cancel] = withCancel();
      taskRunner(task('x', () => NEVER))
        .start(ctx, cancel)
        .subscribe()
        .unsubscribe();
      expect([ctx.cancelled, listenerCount(ctx)]).to.deep.equal([false, 0]);
    });

    it('too, when execute ends by itself at the abort, before the run has been told', () => {
      const [ctx, cancel] = withCancel();
      const runner = taskRunner(task('x', (run) => fromEvent(run.signal, 'abort').pipe(take(1))));
      const types = eventTypes(runner);
      runner.start(ctx).subscribe();
      cancel();
      expect(outcomeOf(runner)?.status).to.equal('cancelled');
      expect(types).to.deep.equal(['ready', 'cancelling', 'done']);
    });

    it('during initialize: it is never ready', async () => {
      const { promise, resolve } = deferred<void>();
      const [ctx, cancel] = withCancel();
      const runner = taskRunner(task('x', { initialize: () => promise, execute: () => 1 }));
      const ready = collect(runner.ready$);
      const types = eventTypes(runner);
      runner.start(ctx).subscribe();
      cancel();
      resolve();
      await settled();
      expect(ready).to.deep.equal(['complete']);
      expect(types).to.deep.equal(['initializing', 'cancelling', 'finalizing', 'done']);
    });

    it('by an Observable that errors with the cause at the abort', () => {
      const [ctx, cancel] = withCancel();
      const runner = taskRunner(
        task(
          'x',
          (run) =>
            new Observable((subscriber) =>
              run.signal.addEventListener('abort', () => subscriber.error(run.signal.reason)),
            ),
        ),
      );
      const told = collect(runner.start(ctx));
      cancel(new Error('cause'));
      expect([told, outcomeOf(runner)?.status]).to.deep.equal([['complete'], 'cancelled']);
    });

    it('and delivers nothing of what a source says while it is torn down', () => {
      for (const say of [
        (s: Subscriber<string>) => s.next('late'),
        (s: Subscriber<string>) => s.error(new Error('late')),
        (s: Subscriber<string>) => s.complete(),
      ]) {
        const [ctx, cancel] = withCancel();
        const runner = taskRunner(task('x', () => new Observable<string>((subscriber) => () => say(subscriber))));
        const told = collect(runner.start(ctx));
        cancel();
        expect([told, outcomeOf(runner)?.status]).to.deep.equal([['complete'], 'cancelled']);
      }
    });

    it('not by execute’s own teardown, when it has ended by itself', () => {
      const subject = new Subject();
      const cases: [Observable<unknown>, () => void][] = [
        [of(1), () => undefined],
        [subject, () => subject.complete()],
      ];
      for (const [source, end] of cases) {
        const [ctx, cancel] = withCancel();
        const runner = taskRunner(task('x', (_, cancelAll) => source.pipe(finalize(() => cancelAll()))));
        const types = eventTypes(runner);
        runner.start(ctx, cancel).subscribe();
        end();
        expect([outcomeOf(runner)?.status, types, ctx.cancelled]).to.deep.equal(['completed', ['ready', 'done'], true]);
      }
    });

    it('not by a subscriber who leaves with the one value there is', async () => {
      for (const execute of [() => 1, async () => 1]) {
        const runner = taskRunner(task('x', execute));
        expect(await firstValueFrom(runner.start())).to.equal(1);
        expect((await lastValueFrom(runner.done$)).status).to.equal('completed');
      }
    });

    it('by its own cancel without a cause: with a CancelledError', () => {
      let ctx: RunContext | undefined;
      const runner = taskRunner(
        task('x', (run, cancel) => {
          ctx = run;
          cancel();
          return NEVER;
        }),
      );
      runner.start().subscribe();
      expect(ctx?.cause).to.be.instanceOf(CancelledError).and.equal(ctx?.signal.reason);
    });

    it('but fails by an error after its own cancel', () => {
      const runner = taskRunner(
        task('x', (_, cancel) => {
          cancel();
          throw new Error('boom');
        }),
      );
      runner.start().subscribe({ error: () => undefined });
      expect(outcomeOf(runner)?.status).to.equal('failed');
    });

    it('by who hears that it is ready: it was', () => {
      const [ctx, cancel] = withCancel();
      const runner = taskRunner(task('x', { execute: () => NEVER }));
      const types = eventTypes(runner);
      runner.ready$.subscribe(() => cancel());
      runner.start(ctx).subscribe();
      expect(types).to.deep.equal(['initializing', 'ready', 'cancelling', 'finalizing', 'done']);
    });
  });

  describe('gives a hook its grace', () => {
    it('an Observable’s is 0 unless the task says more; values within it are delivered', () => {
      virtually(({ cold, hot, expectObservable, expectSubscriptions }) => {
        const [ctx, cancel] = withCancel();
        hot('            ---c').subscribe(cancel);
        const source = cold('-a-b-c-d-e-f');
        const patient = taskRunner(task('x', { execute: () => source, grace: 5 }));
        expectObservable(patient.start(ctx)).toBe('-a-b-c-d|');
        expectSubscriptions(source.subscriptions).toBe('^-------!');
      });
    });

    it('what ends within its grace ends by itself', () => {
      virtually(({ hot, expectObservable }) => {
        const [ctx, cancel] = withCancel();
        hot('---c').subscribe(cancel);
        const draining = taskRunner(task('y', { execute: () => timer(5), grace: 100 }));
        expectObservable(draining.start(ctx)).toBe('-----(v|)', { v: 0 });
        expectObservable(statusOf(draining)).toBe('-----(c|)', { c: 'cancelled' });
      });
    });

    it('initialize has the same', () => {
      virtually(({ cold, hot, expectObservable, expectSubscriptions }) => {
        const [ctx, cancel] = withCancel();
        hot('                ---c').subscribe(cancel);
        const atOnce = cold('    --------|');
        const patient = cold('   --------|');
        expectObservable(taskRunner(task('x', { initialize: () => atOnce, execute: () => 1 })).start(ctx)).toBe('---|');
        expectObservable(
          taskRunner(task('x', { initialize: () => patient, execute: () => 1, grace: 2 })).start(ctx),
        ).toBe('-----|');
        expectSubscriptions(atOnce.subscriptions).toBe('^--!');
        expectSubscriptions(patient.subscriptions).toBe('^----!');
      });
    });

    it('a promise is waited for, and its value within that is delivered', async () => {
      const { promise, resolve } = deferred<string>();
      const [ctx, cancel] = withCancel();
      const runner = taskRunner(task('x', () => promise));
      const told = collect(runner.start(ctx));
      cancel();
      await settled();
      expect([told, runner.status]).to.deep.equal([[], 'running']);
      resolve('late but welcome');
      await settled();
      expect(told).to.deep.equal(['late but welcome', 'complete']);
      expect(outcomeOf(runner)?.status).to.equal('cancelled');
    });

    it('execute settles after its grace: a late event; nothing is delivered', async () => {
      for (const [settle, error] of [
        [(work: ReturnType<typeof deferred>) => work.resolve('value'), undefined],
        [(work: ReturnType<typeof deferred>) => work.reject('reason'), 'reason'],
        [(work: ReturnType<typeof deferred>) => work.reject(new DOMException('', 'AbortError')), undefined],
      ] as const) {
        const work = deferred<unknown>();
        const log: string[] = [];
        const [ctx, cancel] = withCancel();
        const runner = noted(log, { execute: () => work.promise, grace: 0 });
        const told = collect(runner.start(ctx));
        const results = collect(runner.results$);
        const happened = events(runner);
        cancel();
        expect(log).to.deep.equal(['initialize', 'execute', 'finalize']);
        expect([told, outcomeOf(runner)?.status]).to.deep.equal([['complete'], 'cancelled']);
        settle(work);
        await settled();
        expect(told).to.deep.equal(['complete']);
        expect(results).to.deep.equal([]);
        const late = happened.at(-1);
        expect(late).to.include({ type: 'result-dropped', phase: 'execute', task: 'noted', runId: 1 });
        expect(late?.type === 'result-dropped' && late.error?.cause).to.equal(error);
      }
    });

    it('initialize settles after its grace: a late event of that phase', async () => {
      const work = deferred<unknown>();
      const [ctx, cancel] = withCancel();
      const runner = noted([], { initialize: () => work.promise, grace: 0 });
      runner.start(ctx).subscribe();
      const happened = events(runner);
      cancel();
      work.reject('reason');
      await settled();
      expect(happened.at(-1)).to.include({ type: 'result-dropped', phase: 'initialize' });
    });

    it('a promise of an iterable that cancels while it is being opened: return() comes before finalize', async () => {
      const log: string[] = [];
      const [ctx, cancel] = withCancel();
      const iterable = {
        [Symbol.asyncIterator]: () => {
          cancel();
          return {
            next: () => Promise.resolve({ done: false, value: 1 }),
            return: () => {
              log.push('return');
              return Promise.resolve({ done: true, value: undefined });
            },
          };
        },
      };
      const runner = noted(log, { execute: () => Promise.resolve(iterable), grace: 0 });
      const told = collect(runner.start(ctx));
      await lastValueFrom(runner.done$);
      expect(log).to.deep.equal(['initialize', 'execute', 'return', 'finalize']);
      expect(told).to.deep.equal(['complete']);
    });

    it('a promise of a stream that comes after the grace of streams is let go of unopened', async () => {
      const work = deferred<Observable<number>>();
      let subscribed = false;
      const [ctx, cancel] = withCancel();
      const runner = taskRunner(task('x', () => work.promise));
      const told = collect(runner.start(ctx));
      cancel();
      work.resolve(defer(() => ((subscribed = true), of(1))));
      await settled();
      expect([told, subscribed]).to.deep.equal([['complete'], false]);
    });

    it('an async iterable’s is 0: return() is called and awaited, later values are dropped', async () => {
      const closing = deferred<void>();
      const log: string[] = [];
      const [ctx, cancel] = withCancel();
      const pulls = deferred<IteratorResult<string>>();
      let first = true;
      const iterable: AsyncIterable<string> = {
        [Symbol.asyncIterator]: () => ({
          next: () => (first ? ((first = false), Promise.resolve({ done: false, value: 'a' })) : pulls.promise),
          return: async () => {
            log.push('return');
            await closing.promise;
            return { done: true, value: undefined };
          },
        }),
      };
      const runner = noted(log, { execute: () => iterable });
      const told = collect(runner.start(ctx));
      const happened = eventTypes(runner);
      await settled();
      cancel();
      expect(log).to.deep.equal(['initialize', 'execute', 'return']);
      pulls.resolve({ done: false, value: 'b' });
      await settled();
      expect(log).to.deep.equal(['initialize', 'execute', 'return']);
      closing.resolve();
      await settled();
      expect(log).to.deep.equal(['initialize', 'execute', 'return', 'finalize']);
      expect(told).to.deep.equal(['a', 'complete']);
      expect(happened).to.include('result-dropped');
    });

    it('an async iterable may go on within the grace that the task says', async () => {
      const [ctx, cancel] = withCancel();
      const runner = taskRunner(
        task('x', {
          async *execute() {
            for (let i = 0; i < 3; i++) {
              await settled();
              yield i;
            }
          },
          grace: 1000,
        }),
      );
      const told = collect(runner.start(ctx));
      cancel();
      await lastValueFrom(runner.done$);
      expect(told).to.deep.equal([0, 1, 2, 'complete']);
    });

    it('a web stream is cancelled, though a read is under way', async () => {
      let cancelled = false;
      const [ctx, cancel] = withCancel();
      const runner = taskRunner(task('x', () => new ReadableStream({ cancel: () => void (cancelled = true) })));
      runner.start(ctx).subscribe();
      await settled();
      cancel();
      await lastValueFrom(runner.done$);
      expect(cancelled).to.equal(true);
    });

    it('a Node stream is destroyed, though a read is under way', async () => {
      const readable = new Readable({ read: () => undefined });
      readable.push('a');
      const [ctx, cancel] = withCancel();
      const runner = taskRunner(task('x', () => readable));
      const told = collect(runner.start(ctx));
      await settled();
      cancel();
      const { status } = await lastValueFrom(runner.done$);
      expect([status, String(readable.errored), told.at(-1)]).to.deep.equal([
        'cancelled',
        'AbortError: Cancelled',
        'complete',
      ]);
    });

    it('a stream of another make is destroyed that can be, and has no events', async () => {
      let destroyed: unknown;
      const stream = {
        destroy: (error: Error) => (destroyed = error.name),
        [Symbol.asyncIterator]: () => ({ next: () => new Promise<IteratorResult<number>>(() => undefined) }),
      };
      const runner = taskRunner(task('a', () => stream));
      const [ctx, cancel] = withCancel();
      runner.start(ctx).subscribe();
      cancel();
      const { status, error } = await firstValueFrom(runner.done$);
      expect([status, error, destroyed]).to.deep.equal(['cancelled', undefined, 'AbortError']);
    });

    it('a Node stream is destroyed that nobody had begun to read, and its error is nobody’s', async () => {
      const readable = new Readable({ read: () => undefined });
      const [ctx, cancel] = withCancel();
      const runner = taskRunner(task('x', () => (cancel(), readable)));
      // Without a listener it would be an uncaught exception, which would fail this spec.
      const told = collect(runner.start(ctx));
      const { status } = await lastValueFrom(runner.done$);
      await settled();
      expect([status, readable.destroyed, told]).to.deep.equal(['cancelled', true, ['complete']]);
    });

    it('an error of an iterable’s clean-up is a failure', async () => {
      const boom = new Error('clean-up');
      const [ctx, cancel] = withCancel();
      const runner = taskRunner(
        task('x', async function* (run) {
          try {
            yield 1;
            await new Promise((resolve) => run.signal.addEventListener('abort', resolve));
            yield 2;
          } finally {
            await Promise.reject(boom);
          }
        }),
      );
      const told = collect(runner.start(ctx));
      await settled();
      cancel();
      const { status, error } = await lastValueFrom(runner.done$);
      expect([status, error?.cause]).to.deep.equal(['failed', boom]);
      expect(told).to.deep.equal([1, error]);
    });

    it('the timer of which is cleared when the hook ends within the grace', () => {
      const clock = sinon.useFakeTimers();
      try {
        const subject = new Subject();
        const [ctx, cancel] = withCancel();
        taskRunner(task('x', { execute: () => subject, grace: 60_000 }))
          .start(ctx)
          .subscribe();
        cancel();
        expect(clock.countTimers()).to.equal(1);
        subject.complete();
        expect(clock.countTimers()).to.equal(0);
      } finally {
        clock.restore();
      }
    });

    it('the timer of which is cleared when no hook is under way', () => {
      const clock = sinon.useFakeTimers();
      try {
        const [ctx, cancel] = withCancel();
        const r = taskRunner({ execute: () => NEVER, grace: 60_000 });
        r.ready$.subscribe(() => cancel());
        r.start(ctx).subscribe();
        expect(r.status).to.equal('done');
        expect(clock.countTimers()).to.equal(0);
      } finally {
        clock.restore();
      }
    });

    it('the timer of which is cleared when whoever is told of the cancel ends the hook', () => {
      const clock = sinon.useFakeTimers();
      try {
        const subject = new Subject();
        const [ctx, cancel] = withCancel();
        const r = taskRunner(task('x', { execute: () => subject, grace: 60_000 }));
        r.events$.subscribe(({ type }) => {
          if (type === 'cancelling') subject.complete();
        });
        r.start(ctx).subscribe();
        cancel();
        expect(r.status).to.equal('done');
        expect(clock.countTimers()).to.equal(0);
      } finally {
        clock.restore();
      }
    });

    it('results$ has what comes within the grace, behind an unsubscribed start too', () => {
      virtually(({ cold, expectObservable }) => {
        const runner = taskRunner(task('x', { execute: () => cold('-a-b-c-d'), grace: 3 }));
        expectObservable(runner.results$).toBe('-a-b-c');
        expectObservable(runner.start(), '---!').toBe('-a');
      });
    });

    it('an iterable that ends while it is being returned: finalize waits for return', async () => {
      const closing = deferred<void>();
      const pull = deferred<IteratorResult<string>>();
      const [ctx, cancel] = withCancel();
      const finalized = sinon.spy();
      const runner = taskRunner(
        task('x', {
          execute: () => ({
            [Symbol.asyncIterator]: () => ({
              next: () => pull.promise,
              return: async () => (await closing.promise, { done: true as const, value: undefined }),
            }),
          }),
          finalize: finalized,
        }),
      );
      const told = collect(runner.start(ctx));
      cancel();
      pull.resolve({ done: true, value: undefined });
      await settled();
      expect([finalized.callCount, told]).to.deep.equal([0, []]);
      closing.resolve();
      await settled();
      expect([finalized.callCount, told]).to.deep.equal([1, ['complete']]);
    });

    it('an iterable whose pull rejects after it has been returned: a late event, no failure', async () => {
      const pull = deferred<IteratorResult<string>>();
      const [ctx, cancel] = withCancel();
      const runner = taskRunner(
        task('x', () => ({
          [Symbol.asyncIterator]: () => ({
            next: () => pull.promise,
            return: () => Promise.resolve({ done: true as const, value: undefined }),
          }),
        })),
      );
      const happened = events(runner);
      runner.start(ctx).subscribe();
      cancel();
      await settled();
      pull.reject(new Error('late'));
      await settled();
      expect(outcomeOf(runner)).to.include({ status: 'cancelled' }).and.not.have.property('error');
      expect(happened.at(-1))
        .to.include({ type: 'result-dropped', phase: 'execute' })
        .and.have.nested.property('error.cause.message', 'late');
    });

    it('a promise’s is over when its value is delivered: a cancel then changes nothing', async () => {
      const fin = deferred<void>();
      const [ctx, cancel] = withCancel();
      const r = taskRunner(task('x', { execute: () => Promise.resolve(1), finalize: () => fin.promise, grace: 0 }));
      const told: unknown[] = [];
      r.start(ctx).subscribe({
        next: (v) => {
          told.push(v);
          cancel();
        },
        complete: () => told.push('complete'),
      });
      await settled();
      expect(told).to.deep.equal([1]);
      fin.resolve();
      await settled();
      expect(told).to.deep.equal([1, 'complete']);
    });
  });

  it('finalizes once, though whoever is told that a rejection came late cancels the run', async () => {
    const { promise, reject } = deferred();
    let finalized = 0;
    const runner = taskRunner(
      task('x', { initialize: () => promise, execute: () => 1, finalize: () => finalized++, grace: 0 }),
    );
    const [ctx, cancel] = withCancel();
    const ends: string[] = [];
    runner.events$.subscribe((event) => {
      if (event.type === 'result-dropped') cancel();
      if (event.type === 'done') ends.push(event.outcome.status);
    });
    const [waiter, giveUp] = withCancel();
    runner.start(ctx).subscribe({ error: () => undefined });
    joinAll(waiter, 0, [runner]).subscribe();
    giveUp();
    reject(new Error('boom'));
    await settled();
    expect([finalized, ends]).to.deep.equal([1, ['failed']]);
  });

  describe('runs once at a time', () => {
    it('errors with AlreadyRunningError while a run is under way, finalize included', () => {
      const finalizing = new Subject();
      const runner = taskRunner(task('x', { execute: () => NEVER, finalize: () => finalizing }));
      const subscription = runner.start().subscribe();
      for (const unsubscribe of [false, true]) {
        if (unsubscribe) subscription.unsubscribe();
        const [error] = collect(runner.start());
        expect(error).to.be.instanceOf(AlreadyRunningError).and.include({ task: 'x', message: 'x is already running' });
      }
      finalizing.complete();
      expect(outcomeOf(runner)?.status).to.equal('cancelled');
    });

    it('and can be started again, also by who is told of its end', () => {
      const runs: number[] = [];
      const runner = taskRunner(task('x', (ctx) => runs.push(ctx.runId)));
      const outcomes: (number | undefined)[] = [];
      runner.done$.subscribe((outcome) => {
        outcomes.push(runs.length);
        expect(outcome.status).to.equal('completed');
        runner.start().subscribe();
        runner.done$.subscribe(() => outcomes.push(runs.length));
      });
      runner.start().subscribe({ complete: () => runs.length < 4 && runner.start().subscribe() });
      expect(runs).to.deep.equal([1, 2, 3]);
      expect(outcomes).to.deep.equal([1, 2]);
      expect(collect(runner.start())).to.deep.equal([4, 'complete']);
    });

    it('and can be started again by who hears the done event', () => {
      let runs = 0;
      const runner = taskRunner(task('x', () => ++runs));
      const told: unknown[] = [];
      const first = collect(runner.done$);
      runner.events$.subscribe(({ type }) => type === 'done' && runs < 2 && told.push(...collect(runner.start())));
      runner.start().subscribe();
      expect([told, runs, first.length]).to.deep.equal([[2, 'complete'], 2, 2]);
    });
  });

  describe('tells those who do not own its runs', () => {
    it('done$ and ready$ of the run under way, else of the last one, else of the next', () => {
      virtually((_, scheduler) => {
        const runner = taskRunner(task('x', { initialize: () => timer(2), execute: () => timer(3) }));
        const log: string[] = [];
        const look = (label: string) => {
          runner.ready$.subscribe({
            next: () => log.push(`${scheduler.now()} ${label} ready`),
            complete: () => log.push(`${scheduler.now()} ${label} ready over`),
          });
          runner.done$.subscribe(({ status }) => log.push(`${scheduler.now()} ${label} ${status}`));
        };
        look('idle');
        scheduler.schedule(() => runner.start().subscribe(), 1);
        scheduler.schedule(() => look('running'), 4);
        scheduler.schedule(() => look('done'), 8);
        scheduler.schedule(() => runner.start().subscribe(), 10);
        scheduler.schedule(() => look('second'), 11);
        scheduler.flush();
        expect(log).to.deep.equal([
          '3 idle ready',
          '3 idle ready over',
          '4 running ready',
          '4 running ready over',
          '6 idle completed',
          '6 running completed',
          '8 done ready',
          '8 done ready over',
          '8 done completed',
          '12 second ready',
          '12 second ready over',
          '15 second completed',
        ]);
      });
    });

    it('results$ and events$ of all runs: they never error, never complete', () => {
      let runs = 0;
      const runner = taskRunner(task('x', () => (++runs === 2 ? throwError(() => new Error('boom')) : of(runs))));
      const results = collect(runner.results$);
      const happened = collect(runner.events$);
      for (let i = 0; i < 3; i++) runner.start().subscribe({ error: () => undefined });
      expect(results).to.deep.equal([1, 3]);
      expect(happened).to.not.include('complete');
      expect(happened.filter((event) => event instanceof Error)).to.deep.equal([]);
    });

    it('pays nothing for events without a subscriber', () => {
      const now = sinon.spy();
      const [ctx] = withCancel(undefined, {
        scheduler: Object.assign(Object.create({ schedule: () => undefined }) as never, { now: () => (now(), 0) }),
      });
      const runner = taskRunner(task('x', { execute: () => 1 }));
      runner.start(ctx).subscribe();
      const unobserved = now.callCount;
      const subscription = runner.events$.subscribe();
      runner.start(ctx).subscribe();
      expect(now.callCount - 2 * unobserved).to.equal(4);
      subscription.unsubscribe();
      now.resetHistory();
      runner.start(ctx).subscribe();
      expect(now.callCount).to.equal(unobserved);
    });

    it('a late error that nobody listens for is written with console.error', async () => {
      const written = sinon.stub(console, 'error');
      try {
        const work = deferred<void>();
        const [ctx, cancel] = withCancel();
        taskRunner(task('x', { execute: () => work.promise, grace: 0 }))
          .start(ctx)
          .subscribe();
        cancel();
        work.reject(new Error('nobody listens'));
        await settled();
        expect(written.args).to.have.length(1);
        expect(written.args[0]?.[0])
          .to.be.instanceOf(TaskError)
          .and.have.property('message', 'x failed in execute: nobody listens');
      } finally {
        written.restore();
      }
    });

    it('two tasks with one name: two distinguishable outcomes', () => {
      const [a, b] = [1, 2].map((n) => taskRunner(task('same', () => n)));
      a?.start().subscribe();
      b?.start().subscribe();
      const outcomes = [a, b].map((runner) => runner && outcomeOf(runner));
      expect(outcomes.map((outcome) => outcome?.task)).to.deep.equal(['same', 'same']);
      expect(outcomes.map((outcome) => outcome?.runner)).to.deep.equal([a, b]);
    });

    it('a throwing subscriber of done$, events$ or results$ disturbs no run', async () => {
      const runner = taskRunner(task('x', { execute: () => of(1, 2) }));
      const boom = new Error('boom');
      for (const stream of [runner.done$, runner.events$, runner.results$, runner.ready$] as Observable<unknown>[])
        stream.subscribe(failing(boom));
      const told: unknown[] = [];
      const errors = await unhandledDuring(() => told.push(...collect(runner.start())));
      expect(told).to.deep.equal([1, 2, 'complete']);
      expect(new Set(errors)).to.deep.equal(new Set([boom]));
    });

    it('done$ and ready$ tell nobody who has left, and keep nobody', () => {
      const subject = new Subject<void>();
      const runner = taskRunner(task('x', { initialize: () => subject, execute: () => 1 }));
      runner.start().subscribe();
      const heard = sinon.spy();
      const subs = [runner.done$.subscribe(heard), runner.ready$.subscribe(heard)];
      const { awaitingReady } = runner as unknown as { awaitingReady: object };
      expect([listenerCount(runner), listenerCount(awaitingReady)]).to.deep.equal([1, 1]);
      for (const s of subs) s.unsubscribe();
      expect([listenerCount(runner), listenerCount(awaitingReady)]).to.deep.equal([0, 0]);
      subject.complete();
      expect(heard.callCount).to.equal(0);
    });

    it('a value goes to those who are there when it comes: not to who comes at it, nor to who leaves at it', () => {
      const subject = new Subject<number>();
      const runner = taskRunner(task('x', () => subject));
      runner.start().subscribe();
      const [early, leaving, late] = [sinon.spy(), sinon.spy(), sinon.spy()];
      runner.results$.pipe(take(1)).subscribe(() => {
        runner.results$.subscribe(late);
        left.unsubscribe();
      });
      const left = runner.results$.subscribe(leaving);
      runner.results$.subscribe(early);
      subject.next(1);
      subject.next(2);
      expect([early.args, leaving.args, late.args]).to.deep.equal([[[1], [2]], [], [[2]]]);
    });

    it('whoever throws at a value or an event keeps nobody from it', async () => {
      const boom = new Error('boom');
      const runner = taskRunner(task('x', () => 1));
      const heard: unknown[] = [];
      const streams: Observable<unknown>[] = [runner.results$, runner.events$.pipe(map(({ type }) => type))];
      for (const stream$ of streams) {
        stream$.subscribe(() => {
          throw boom;
        });
        stream$.subscribe((value) => heard.push(value));
      }
      const errors = await unhandledDuring(() => runner.start().subscribe());
      expect(heard).to.deep.equal(['ready', 1, 'done']);
      expect(errors).to.deep.equal([boom, boom, boom]);
    });

    it('whoever starts it again when told of its end waits for the next one', () => {
      const [ctx, cancel] = withCancel();
      const runner = taskRunner(task('x', () => NEVER));
      const [next, other] = [sinon.spy(), sinon.spy()];
      runner.done$.subscribe(() => {
        runner.start().subscribe();
        runner.done$.subscribe(next);
      });
      runner.done$.subscribe(other);
      runner.start(ctx).subscribe();
      cancel();
      expect([runner.status, next.callCount, other.callCount]).to.deep.equal(['running', 0, 1]);
    });

    it('ready$ completes without emitting for who waits, when the run ends first', () => {
      const runner = taskRunner(
        task('x', {
          initialize: () => {
            throw new Error('boom');
          },
          execute: () => 1,
        }),
      );
      const early = collect(runner.ready$);
      runner.start().subscribe({ error: () => undefined });
      expect(early).to.deep.equal(['complete']);
    });

    it('results$ and events$ give no way to emit', () => {
      const runner = taskRunner(task('x', () => 1));
      for (const stream of [runner.results$, runner.events$]) {
        expect(stream).to.be.instanceOf(Observable);
        for (const name of ['next', 'error', 'complete']) expect(stream).to.not.have.property(name);
      }
    });
  });

  it('10,000 start/stop cycles: flat heap, listeners and handles', async function () {
    this.timeout(20_000);
    const emitter = new EventEmitter();
    const [ctx, cancel] = withCancel();
    const runner = taskRunner(
      task('x', {
        initialize: async () => undefined,
        execute: (run) => {
          run.signal.addEventListener('abort', () => undefined);
          return new Observable(() => {
            const listener = () => undefined;
            emitter.on('x', listener);
            const handle = setInterval(listener, 1000);
            return () => {
              clearInterval(handle);
              emitter.off('x', listener);
            };
          });
        },
        finalize: async () => undefined,
      }),
    );
    const cycles = async (n: number) => {
      for (let i = 0; i < n; i++) {
        const subscription = runner.start(ctx, cancel).subscribe();
        await lastValueFrom(runner.ready$);
        subscription.unsubscribe();
        await lastValueFrom(runner.done$);
      }
      await settled();
      globalThis.gc?.();
      return process.memoryUsage().heapUsed;
    };
    const handles = process.getActiveResourcesInfo().length;
    const before = await cycles(1000);
    const after = await cycles(10_000);
    expect([emitter.listenerCount('x'), listenerCount(ctx)]).to.deep.equal([0, 0]);
    // Mocha has some of its own.
    expect(process.getActiveResourcesInfo().length).to.be.below(handles + 10);
    expect(globalThis.gc, 'mocha runs with --expose-gc').to.be.a('function');
    // 100 B a cycle would be 1 MB.
    expect(after - before).to.be.below(1e6);
  });

  it('600 cycles of each that waits by timers, under an AbortSignal: flat heap, listeners and handles', async function () {
    this.timeout(30_000);
    const { signal } = new AbortController();
    const target = new EventEmitter();
    const idle = task('idle', () => NEVER);
    const runners = [
      // It is in its grace for a moment.
      taskRunner(task('graceful', { execute: ({ cancelled$ }) => firstValueFrom(cancelled$), grace: 60_000 })),
      cron(idle, 60_000, { timeout: 60_000 }),
      cron(idle, '@hourly'),
      supervise(
        task('failing', () => throwError(() => new Error('boom'))),
        { backoff: { initial: 60_000, max: 60_000 } },
      ),
      ordered('ordered', idle, signalListener({ target })),
      parallel('parallel', idle, supervise(idle)),
    ];
    for (const { events$ } of runners) events$.subscribe();
    const cycles = async (n: number) => {
      for (let i = 0; i < n; i++) {
        const [ctx, cancel] = withTimeout(60_000, signal);
        for (const runner of runners) launchRunner(ctx, cancel, runner);
        const joined = lastValueFrom(joinAll(ctx, 60_000, runners).pipe(toArray()));
        cancel();
        for (const { status } of await joined) expect(status).to.equal('cancelled');
      }
      await settled();
      globalThis.gc?.();
      return process.memoryUsage().heapUsed;
    };
    const timers = () => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;
    const before = { heap: await cycles(200), timers: timers() };
    const heap = await cycles(600);
    expect([getEventListeners(signal, 'abort').length, target.eventNames()]).to.deep.equal([0, []]);
    expect(timers()).to.be.at.most(before.timers);
    // A run that stayed would be 400 B, all of them 1.4 MB.
    expect(heap - before.heap).to.be.below(1e6);
  });

  it('runs a task that uses no promise without one', () => {
    virtually(({ expectObservable }) => {
      const runner = taskRunner(
        task('x', { initialize: () => timer(1), execute: () => interval(1).pipe(take(2)), finalize: () => timer(1) }),
      );
      expectObservable(runner.start()).toBe('--01|', [0, 1]);
    });
    expect(collect(taskRunner(task('y', { execute: () => 1 })).start())).to.deep.equal([1, 'complete']);
  });
});

import { expect } from 'chai';
import { NEVER, Observable, Subject } from 'rxjs';
import {
  cron,
  future,
  joinAll,
  launch,
  launchRunner,
  task,
  TaskError,
  taskRunner,
  withCancel,
  type CancelFunc,
  type Context,
  type Future,
  type TaskEvent,
} from '../../lib/index.js';
import { collect, unhandledDuring } from '../helpers/collect.js';
import { spyOnConsoleError } from '../helpers/console-spy.js';
import { deferred, events, eventTypes, settled, throwing } from '../helpers/tasks.js';

const boom = new Error('boom');
const failing = (ctx: Context, reason: unknown = boom): Future<never> => future(() => Promise.reject(reason), ctx);

/** Returns the errors of futures that were reported among events. */
function lost(emitted: readonly TaskEvent[]): unknown[] {
  return emitted.flatMap((event) => (event.type === 'future-failed' ? [event.error] : []));
}

describe('The error of a future that nobody has looked at', () => {
  const written = spyOnConsoleError();

  it('is an event of the run above it, after its `finalize` and before its end', async () => {
    const runner = taskRunner(
      task('t', {
        execute: async (ctx) => {
          failing(ctx);
          await settled();
        },
        finalize: () => undefined,
      }),
    );
    const types = eventTypes(runner);
    const emitted = events(runner);
    collect(runner.start());
    await settled();
    await settled();
    expect(types).to.deep.equal(['initializing', 'ready', 'finalizing', 'future-failed', 'done']);
    expect(lost(emitted)).to.deep.equal([boom]);
    expect(written.all()).to.deep.equal([]);
  });

  it('is written without a listener, once', async () => {
    const runner = taskRunner(
      task('t', async (ctx) => {
        failing(ctx);
        await settled();
      }),
    );
    collect(runner.start());
    await settled();
    await settled();
    expect(written.all()).to.deep.equal([boom]);
  });

  it('is not reported if somebody looks at it before the run ends, even in `finalize`', async () => {
    const looks: ((result: Future<never>) => unknown)[] = [
      (result) => result.await().catch(() => undefined),
      (result) => result.then(undefined, () => undefined),
      (result) => result.subscribe({ error: () => undefined }),
      (result) => result.subscribe({ error: () => undefined }).unsubscribe(),
    ];
    for (const look of looks) {
      let result: Future<never> | undefined;
      const runner = taskRunner(
        task('t', {
          execute: async (ctx) => {
            result = failing(ctx);
            await settled();
          },
          finalize: () => result && look(result),
        }),
      );
      const emitted = events(runner);
      collect(runner.start());
      await settled();
      await settled();
      expect([runner.status, lost(emitted)]).to.deep.equal(['done', []]);
    }
  });

  it('is an event of the run above it, also under a context or future between them', async () => {
    const runner = taskRunner(
      task('t', async (ctx) => {
        failing(withCancel(ctx)[0], 'under a context');
        failing(withCancel(ctx.signal)[0], 'under a signal');
        const outer = future(async (inner) => {
          failing(inner, 'under a future');
          await settled();
        }, ctx);
        await outer;
      }),
    );
    const emitted = events(runner);
    collect(runner.start());
    await settled();
    await settled();
    expect(lost(emitted)).to.have.members(['under a context', 'under a signal', 'under a future']);
  });

  it('is an event of each slot of a cron', async () => {
    const runner = cron(
      task('tick', async (ctx) => {
        failing(ctx);
        await settled();
      }),
      1,
      { maxRuns: 2 },
    );
    const emitted = events(runner);
    await new Promise<void>((resolve) => {
      runner.start().subscribe({ complete: resolve });
    });
    expect(lost(emitted)).to.deep.equal([boom, boom]);
  });

  it('is in the report of the application, which is not clean, and is written once', async () => {
    const error = new Error('boom');
    const report = await launch([
      task('t', async (ctx) => {
        failing(ctx, error);
        await settled();
      }),
    ]);
    expect([report.failures, report.moreFailures, report.clean]).to.deep.equal([[error], 0, false]);
    expect(report.outcomes.map(({ status }) => status)).to.deep.equal(['completed']);
    expect(written.all()).to.deep.equal([error]);
  });

  it('is counted in the report beyond the first 100', async () => {
    const report = await launch(
      [
        task('t', async (ctx) => {
          for (let i = 0; i < 103; i++) failing(ctx, i);
          await settled();
        }),
      ],
      { observer: () => undefined },
    );
    expect(report.failures).to.deep.equal(Array.from({ length: 100 }, (_, i) => i));
    expect([report.moreFailures, report.clean]).to.deep.equal([3, false]);
  });

  it('is in the report also when the run above it does not end by the deadline', async () => {
    const app = launch(
      [
        task('t', {
          execute: async (ctx) => {
            failing(ctx);
            await settled();
          },
          finalize: () => NEVER,
        }),
      ],
      { timeout: 0 },
    );
    await settled();
    await settled();
    const report = await app.stop();
    expect([report.failures, report.outcomes.map(({ status }) => status)]).to.deep.equal([[boom], ['timed-out']]);
  });

  it('is reported once for a run that ends after a join has abandoned it', async () => {
    const end = new Subject<void>();
    const [ctx, cancel] = withCancel();
    const runner = taskRunner(
      task('t', {
        execute: (context) => {
          failing(context);
          return NEVER;
        },
        finalize: () => end,
      }),
    );
    const emitted = events(runner);
    launchRunner(ctx, cancel, runner);
    await settled();
    cancel();
    collect(joinAll(ctx, 0, [runner]));
    end.complete();
    expect([runner.status, lost(emitted)]).to.deep.equal(['done', [boom]]);
  });

  it('keeps no listener of the process when it was reported or looked at', async () => {
    const before = process.listenerCount('exit');
    const results: Future<never>[] = [];
    const runner = taskRunner(
      task('t', (ctx) => {
        results.push(failing(ctx), failing(ctx));
        return NEVER;
      }),
    );
    const running = runner.start().subscribe();
    await settled();
    expect(process.listenerCount('exit')).to.equal(before + 1);
    results.slice(1).forEach(collect);
    expect(process.listenerCount('exit')).to.equal(before + 1);
    running.unsubscribe();
    expect(process.listenerCount('exit')).to.equal(before);
  });
});

describe('What the work of a cancelled future still yields or throws', () => {
  it('is a `result-dropped` event of the run above it, and no lost error', async () => {
    for (const settle of ['resolve', 'reject'] as const) {
      const work = deferred<unknown>();
      const runner = taskRunner(
        task('t', (ctx) => {
          future(() => work.promise, ctx).cancel('enough');
          return NEVER;
        }),
      );
      const emitted = events(runner);
      const running = runner.start().subscribe();
      work[settle](boom);
      await settled();
      running.unsubscribe();
      const dropped = emitted.find(({ type }) => type === 'result-dropped');
      expect(dropped).to.include({ type: 'result-dropped', task: 't', phase: 'execute' });
      if (settle === 'reject') {
        expect(dropped).to.have.property('error').that.is.instanceOf(TaskError).with.property('cause', boom);
        expect(dropped).to.have.nested.property('error.phase', 'execute');
      } else expect(dropped).to.not.have.property('error');
      expect(lost(emitted)).to.deep.equal([]);
    }
  });

  it('is also the error that its teardown throws, or that its source emits at the cancel', () => {
    for (const source of [
      () => new Observable(() => throwing(boom)),
      ({ cancelled$ }: Context) =>
        new Observable((subscriber) => void cancelled$.subscribe(() => subscriber.error(boom))),
    ]) {
      const seen: unknown[] = [];
      const runner = taskRunner(
        task('t', (ctx) => {
          const result = future(source, ctx);
          result.cancel('enough');
          seen.push(result.status, collect(result));
          return NEVER;
        }),
      );
      const emitted = events(runner);
      runner.start().subscribe().unsubscribe();
      expect(seen).to.deep.equal(['cancelled', ['enough']]);
      const dropped = emitted.filter(({ type }) => type === 'result-dropped');
      expect(dropped).to.have.lengthOf(1);
      expect(dropped[0]).to.have.property('error').that.is.instanceOf(TaskError).with.property('cause', boom);
    }
  });

  it('is also the value that it returns, or that its source emits, during the cancel', () => {
    const works: ((ctx: Context, cancel: CancelFunc) => unknown)[] = [
      (_, cancel) => {
        cancel('enough');
        return 1;
      },
      ({ cancelled$ }, cancel) =>
        new Observable((subscriber) => {
          cancelled$.subscribe(() => subscriber.next(1));
          cancel('enough');
        }),
    ];
    for (const work of works) {
      const runner = taskRunner(
        task('t', (ctx) => {
          const [parent, cancel] = withCancel(ctx);
          expect(collect(future((child) => work(child, cancel), parent))).to.deep.equal(['enough']);
        }),
      );
      const emitted = events(runner);
      runner.start().subscribe();
      const dropped = emitted.filter(({ type }) => type === 'result-dropped');
      expect(dropped).to.have.lengthOf(1);
      expect(dropped[0]).to.not.have.property('error');
    }
  });

  it('is no event if it is only the cause of the cancel', async () => {
    const runner = taskRunner(
      task('t', (ctx) => {
        future(
          ({ signal }) => new Promise((_, reject) => signal.addEventListener('abort', () => reject(boom))),
          ctx,
        ).cancel(boom);
        return NEVER;
      }),
    );
    const emitted = events(runner);
    const running = runner.start().subscribe();
    await settled();
    running.unsubscribe();
    expect(emitted.map(({ type }) => type)).to.not.include('result-dropped');
  });

  it('is dropped outside a run', async () => {
    const errors = await unhandledDuring(() => {
      future(() => new Observable(() => throwing(boom))).cancel();
    });
    expect(errors).to.deep.equal([]);
  });
});

describe('The error that an iterable throws when a cancel of its future closes it', () => {
  const written = spyOnConsoleError();
  const closing = {
    [Symbol.asyncIterator]: () => ({
      next: () => new Promise<IteratorResult<number>>(() => undefined),
      return: () => Promise.reject(boom),
    }),
  };

  it('is a `teardown-failed` event of the run above it', async () => {
    const runner = taskRunner(
      task('t', (ctx) => {
        future(() => closing, ctx).cancel();
        return NEVER;
      }),
    );
    const emitted = events(runner);
    const running = runner.start().subscribe();
    await settled();
    running.unsubscribe();
    expect(emitted.flatMap((event) => (event.type === 'teardown-failed' ? [event.error] : []))).to.deep.equal([boom]);
    expect(written.all()).to.deep.equal([]);
  });

  it('is written outside a run', async () => {
    future(() => closing).cancel();
    await settled();
    expect(written.all()).to.deep.equal([boom]);
  });
});

import { expect } from 'chai';
import { Readable } from 'node:stream';
import { defer, filter, firstValueFrom, lastValueFrom, NEVER, Observable, of, Subject, timer } from 'rxjs';
import sinon from 'sinon';
import { joinAll, task, taskRunner, withCancel, type TaskEvent } from '../../lib/index.js';
import { collect } from '../helpers/collect.js';
import { deferred, events, eventTypes, outcomeOf, settled } from '../helpers/tasks.js';
import { virtually } from '../helpers/virtual-time.js';
import { loggingRunner, statusOf } from './helpers.js';

describe('The grace of a hook', () => {
  it('lets an Observable emit values until it has elapsed', () => {
    virtually(({ cold, hot, expectObservable, expectSubscriptions }) => {
      const [ctx, cancel] = withCancel();
      hot('            ---c').subscribe(cancel);
      const source = cold('-a-b-c-d-e-f');
      const graceful = taskRunner(task('x', { execute: () => source, grace: 5 }));
      expectObservable(graceful.start(ctx)).toBe('-a-b-c-d|');
      expectSubscriptions(source.subscriptions).toBe('^-------!');
    });
  });

  it('lets a hook end by itself', () => {
    virtually(({ hot, expectObservable }) => {
      const [ctx, cancel] = withCancel();
      hot('---c').subscribe(cancel);
      const draining = taskRunner(task('y', { execute: () => timer(5), grace: 100 }));
      expectObservable(draining.start(ctx)).toBe('-----(v|)', { v: 0 });
      expectObservable(statusOf(draining)).toBe('-----(c|)', { c: 'cancelled' });
    });
  });

  it('also applies to initialize', () => {
    virtually(({ cold, hot, expectObservable, expectSubscriptions }) => {
      const [ctx, cancel] = withCancel();
      hot('                ---c').subscribe(cancel);
      const immediate = cold('    --------|');
      const graceful = cold('   --------|');
      expectObservable(taskRunner(task('x', { initialize: () => immediate, execute: () => 1 })).start(ctx)).toBe(
        '---|',
      );
      expectObservable(
        taskRunner(task('x', { initialize: () => graceful, execute: () => 1, grace: 2 })).start(ctx),
      ).toBe('-----|');
      expectSubscriptions(immediate.subscriptions).toBe('^--!');
      expectSubscriptions(graceful.subscriptions).toBe('^----!');
    });
  });

  it('is infinite for a promise by default, and its value is delivered', async () => {
    const { promise, resolve } = deferred<string>();
    const [ctx, cancel] = withCancel();
    const runner = taskRunner(task('x', () => promise));
    const received = collect(runner.start(ctx));
    cancel();
    await settled();
    expect([received, runner.status]).to.deep.equal([[], 'running']);
    resolve('within the grace');
    await settled();
    expect(received).to.deep.equal(['within the grace', 'complete']);
    expect(outcomeOf(runner)?.status).to.equal('cancelled');
  });

  it('drops the result of execute after it has elapsed, and emits result-dropped', async () => {
    for (const [settle, error] of [
      [(work: ReturnType<typeof deferred>) => work.resolve('value'), undefined],
      [(work: ReturnType<typeof deferred>) => work.reject('reason'), 'reason'],
      [(work: ReturnType<typeof deferred>) => work.reject(new DOMException('', 'AbortError')), undefined],
    ] as const) {
      const work = deferred<unknown>();
      const log: string[] = [];
      const [ctx, cancel] = withCancel();
      const runner = loggingRunner(log, { execute: () => work.promise, grace: 0 });
      const received = collect(runner.start(ctx));
      const results = collect(runner.results$);
      const emitted = events(runner);
      cancel();
      expect(log).to.deep.equal(['initialize', 'execute', 'finalize']);
      expect([received, outcomeOf(runner)?.status]).to.deep.equal([['complete'], 'cancelled']);
      settle(work);
      await settled();
      expect(received).to.deep.equal(['complete']);
      expect(results).to.deep.equal([]);
      const late = emitted.at(-1);
      expect(late).to.include({ type: 'result-dropped', phase: 'execute', task: 'logging', runId: 1 });
      expect(late?.type === 'result-dropped' && late.error?.cause).to.equal(error);
    }
  });

  it('drops the result of initialize after it has elapsed, and emits result-dropped', async () => {
    const work = deferred<unknown>();
    const [ctx, cancel] = withCancel();
    const runner = loggingRunner([], { initialize: () => work.promise, grace: 0 });
    runner.start(ctx).subscribe();
    const emitted = events(runner);
    cancel();
    work.reject('reason');
    await settled();
    expect(emitted.at(-1)).to.include({ type: 'result-dropped', phase: 'initialize' });
  });

  it('makes finalize wait for return() when an iterable cancels while it is opened', async () => {
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
    const runner = loggingRunner(log, { execute: () => Promise.resolve(iterable), grace: 0 });
    const received = collect(runner.start(ctx));
    await lastValueFrom(runner.done$);
    expect(log).to.deep.equal(['initialize', 'execute', 'return', 'finalize']);
    expect(received).to.deep.equal(['complete']);
  });

  it('applies to the stream of a promise, which is not subscribed after it has elapsed', async () => {
    const work = deferred<Observable<number>>();
    let subscribed = false;
    const [ctx, cancel] = withCancel();
    const runner = taskRunner(task('x', () => work.promise));
    const received = collect(runner.start(ctx));
    cancel();
    work.resolve(defer(() => ((subscribed = true), of(1))));
    await settled();
    expect([received, subscribed]).to.deep.equal([['complete'], false]);
  });

  it('is 0 for an async iterable: return() is called and awaited, and later values are dropped', async () => {
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
    const runner = loggingRunner(log, { execute: () => iterable });
    const received = collect(runner.start(ctx));
    const emitted = eventTypes(runner);
    await settled();
    cancel();
    expect(log).to.deep.equal(['initialize', 'execute', 'return']);
    pulls.resolve({ done: false, value: 'b' });
    await settled();
    expect(log).to.deep.equal(['initialize', 'execute', 'return']);
    closing.resolve();
    await settled();
    expect(log).to.deep.equal(['initialize', 'execute', 'return', 'finalize']);
    expect(received).to.deep.equal(['a', 'complete']);
    expect(emitted).to.include('result-dropped');
  });

  it('lets an async iterable continue when the task sets one', async () => {
    const [ctx, cancel] = withCancel();
    const runner = taskRunner(
      task('x', {
        async *execute() {
          for (let i = 0; i < 3; i++) {
            await settled();
            yield i;
          }
        },
        grace: 60_000,
      }),
    );
    const received = collect(runner.start(ctx));
    cancel();
    await lastValueFrom(runner.done$);
    expect(received).to.deep.equal([0, 1, 2, 'complete']);
  });

  it('is 0 for a web stream, which is cancelled during a read', async () => {
    let cancelled = false;
    const [ctx, cancel] = withCancel();
    const runner = taskRunner(task('x', () => new ReadableStream({ cancel: () => void (cancelled = true) })));
    runner.start(ctx).subscribe();
    await settled();
    cancel();
    await lastValueFrom(runner.done$);
    expect(cancelled).to.equal(true);
  });

  it('is 0 for a Node stream, which is destroyed during a read', async () => {
    const readable = new Readable({ read: () => undefined });
    readable.push('a');
    const [ctx, cancel] = withCancel();
    const runner = taskRunner(task('x', () => readable));
    const received = collect(runner.start(ctx));
    await settled();
    cancel();
    const { status } = await lastValueFrom(runner.done$);
    expect([status, String(readable.errored), received.at(-1)]).to.deep.equal([
      'cancelled',
      'AbortError: Cancelled',
      'complete',
    ]);
  });

  it('is 0 for a custom stream with destroy and without events, which is destroyed', async () => {
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

  it('is 0 for a Node stream, which is destroyed before its first read without an uncaught error', async () => {
    const readable = new Readable({ read: () => undefined });
    const [ctx, cancel] = withCancel();
    const runner = taskRunner(task('x', () => (cancel(), readable)));
    // Without a listener it would be an uncaught exception, which would fail this spec.
    const received = collect(runner.start(ctx));
    const { status } = await lastValueFrom(runner.done$);
    await settled();
    expect([status, readable.destroyed, received]).to.deep.equal(['cancelled', true, ['complete']]);
  });

  it('does not hide an error in the cleanup of an iterable, which is an event and does not fail the run', async () => {
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
    const failures = collect(runner.events$.pipe(filter(({ type }) => type === 'teardown-failed')));
    const received = collect(runner.start(ctx));
    await settled();
    cancel();
    const { status, error } = await lastValueFrom(runner.done$);
    expect([status, error]).to.deep.equal(['cancelled', undefined]);
    expect(received).to.deep.equal([1, 'complete']);
    const at = failures.map((event) => (event as TaskEvent).at)[0];
    expect(failures).to.deep.equal([{ type: 'teardown-failed', task: 'x', runId: 1, at, error: boom }]);
  });

  it('has a timer that is cleared when the hook ends earlier', () => {
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

  it('has no timer after a cancel between two hooks', () => {
    const clock = sinon.useFakeTimers();
    try {
      const [ctx, cancel] = withCancel();
      const runner = taskRunner({ execute: () => NEVER, grace: 60_000 });
      runner.ready$.subscribe(() => cancel());
      runner.start(ctx).subscribe();
      expect(runner.status).to.equal('done');
      expect(clock.countTimers()).to.equal(0);
    } finally {
      clock.restore();
    }
  });

  it('has a timer that is cleared when a listener of the cancel ends the hook', () => {
    const clock = sinon.useFakeTimers();
    try {
      const subject = new Subject();
      const [ctx, cancel] = withCancel();
      const runner = taskRunner(task('x', { execute: () => subject, grace: 60_000 }));
      runner.events$.subscribe(({ type }) => {
        if (type === 'cancelling') subject.complete();
      });
      runner.start(ctx).subscribe();
      cancel();
      expect(runner.status).to.equal('done');
      expect(clock.countTimers()).to.equal(0);
    } finally {
      clock.restore();
    }
  });

  it('lets results$ emit after the run was unsubscribed', () => {
    virtually(({ cold, expectObservable }) => {
      const runner = taskRunner(task('x', { execute: () => cold('-a-b-c-d'), grace: 3 }));
      expectObservable(runner.results$).toBe('-a-b-c');
      expectObservable(runner.start(), '---!').toBe('-a');
    });
  });

  it('is 0 for an iterable: finalize waits for return() even if the iterable ends during it', async () => {
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
    const received = collect(runner.start(ctx));
    cancel();
    pull.resolve({ done: true, value: undefined });
    await settled();
    expect([finalized.callCount, received]).to.deep.equal([0, []]);
    closing.resolve();
    await settled();
    expect([finalized.callCount, received]).to.deep.equal([1, ['complete']]);
  });

  it('is 0 for an iterable: a rejection after return() emits result-dropped and is not a failure', async () => {
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
    const emitted = events(runner);
    runner.start(ctx).subscribe();
    cancel();
    await settled();
    pull.reject(new Error('late'));
    await settled();
    expect(outcomeOf(runner)).to.include({ status: 'cancelled' }).and.not.have.property('error');
    expect(emitted.at(-1))
      .to.include({ type: 'result-dropped', phase: 'execute' })
      .and.have.nested.property('error.cause.message', 'late');
  });

  it('ends for a promise at the delivery of its value: a later cancel has no effect', async () => {
    const finalizing = deferred<void>();
    const [ctx, cancel] = withCancel();
    const runner = taskRunner(
      task('x', { execute: () => Promise.resolve(1), finalize: () => finalizing.promise, grace: 0 }),
    );
    const received: unknown[] = [];
    runner.start(ctx).subscribe({
      next: (value) => {
        received.push(value);
        cancel();
      },
      complete: () => received.push('complete'),
    });
    await settled();
    expect(received).to.deep.equal([1]);
    finalizing.resolve();
    await settled();
    expect(received).to.deep.equal([1, 'complete']);
  });

  it('does not let finalize be called twice when a listener of result-dropped cancels the run', async () => {
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
    const [joinCtx, stopWaiting] = withCancel();
    runner.start(ctx).subscribe({ error: () => undefined });
    joinAll(joinCtx, 0, [runner]).subscribe();
    stopWaiting();
    reject(new Error('boom'));
    await settled();
    expect([finalized, ends]).to.deep.equal([1, ['failed']]);
  });
});

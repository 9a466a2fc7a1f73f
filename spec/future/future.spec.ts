import { expect } from 'chai';
import { getEventListeners } from 'node:events';
import {
  config,
  defer,
  EMPTY,
  finalize,
  firstValueFrom,
  forkJoin,
  from,
  isObservable,
  lastValueFrom,
  map,
  NEVER,
  Observable,
  of,
  Subject,
  throwError,
  timer,
} from 'rxjs';
import sinon from 'sinon';
import { CancelledError, future, task, taskRunner, withCancel, type Context } from '../../lib/index.js';
import { collect, listenerCount, unhandledDuring } from '../helpers/collect.js';
import { deferred, settled } from '../helpers/tasks.js';
import { virtually } from '../helpers/virtual-time.js';

const boom = new Error('boom');

describe('future', () => {
  it('starts at once, synchronously', () => {
    const work = sinon.spy(() => 1);
    const result = future(work);
    expect([work.callCount, result.status]).to.deep.equal([1, 'fulfilled']);
  });

  it('keeps its result for any number of awaits and subscriptions, early or late', async () => {
    const { promise, resolve } = deferred<number>();
    const work = sinon.spy(() => promise);
    const result = future(work);
    const early = collect(result);
    const earlyAwait = result.await();
    expect(result.status).to.equal('pending');
    resolve(7);
    expect([await result, await result, await result.await(), await earlyAwait]).to.deep.equal([7, 7, 7, 7]);
    expect([early, collect(result), result.status]).to.deep.equal([[7, 'complete'], [7, 'complete'], 'fulfilled']);
    expect(work.callCount).to.equal(1);
  });

  it('gives the last value of what the work yields, undefined when there is none', async () => {
    expect(await future(() => of(1, 2, 3))).to.equal(3);
    expect(await future(() => EMPTY)).to.equal(undefined);
    expect(await future(() => [1, 2])).to.deep.equal([1, 2]);
    expect(
      await future(async function* () {
        yield 1;
        yield 2;
      }),
    ).to.equal(2);
    expect(await future(() => Promise.resolve(of('a', 'b')))).to.equal('b');
    expect(await future(() => future(() => 'inner'))).to.equal('inner');
  });

  it('is an Observable and composes', async () => {
    const [a, b] = [future(async () => 1), future(() => timer(1).pipe(map(() => 2)))];
    expect(a).to.be.instanceOf(Observable);
    expect(isObservable(a)).to.equal(true);
    expect(await lastValueFrom(forkJoin([a, b]))).to.deep.equal([1, 2]);
    expect(await Promise.all([a, b])).to.deep.equal([1, 2]);
    expect(await firstValueFrom(a.pipe(map((n) => n + 1)))).to.equal(2);
    expect(await lastValueFrom(from(b))).to.equal(2);
    expect(await a.then((n) => n * 10)).to.equal(10);
  });

  it('errors with what was thrown, unwrapped, a synchronous throw included', async () => {
    for (const work of [
      () => {
        throw boom;
      },
      () => Promise.reject(boom),
      () => throwError(() => boom),
      () => ({ [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(boom) }) }),
    ]) {
      const result = future<unknown>(work);
      expect(await result.await().catch((error: unknown) => error)).to.equal(boom);
      expect(await result.then(undefined, (error: unknown) => error)).to.equal(boom);
      expect([collect(result), result.status]).to.deep.equal([[boom], 'rejected']);
    }
    expect(
      await future(() => Promise.reject(undefined)).then(undefined, (error: unknown) => ['rejected', error]),
    ).to.deep.equal(['rejected', undefined]);
  });

  it('is pending until the work has let go of what it held', () => {
    for (const end of ['complete', 'error'] as const) {
      const source = new Subject<number>();
      const told: string[] = [];
      const result = future(() => source.pipe(finalize(() => told.push(result.status))));
      result.subscribe({ error: () => undefined });
      source[end](boom);
      expect(told).to.deep.equal(['pending']);
      expect(result.status).to.equal(end === 'complete' ? 'fulfilled' : 'rejected');
    }
  });

  it('shows in virtual time when the work ends', () => {
    virtually(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('-a-b-|');
      const result = future(() => source);
      expectObservable(result).toBe('-----(b|)');
      expectObservable(result, '---^').toBe('-----(b|)');
      expectObservable(result, '-------^').toBe('-------(b|)');
      expectSubscriptions(source.subscriptions).toBe('^----!');
    });
  });

  it('goes on when a subscriber leaves', () => {
    const source = new Subject<number>();
    const result = future(() => source);
    const left = collect(NEVER);
    result.subscribe((value) => left.push(value as never)).unsubscribe();
    source.next(1);
    source.complete();
    expect([left, collect(result)]).to.deep.equal([[], [1, 'complete']]);
  });

  it('refuses work that is no function and a parent that is no context', () => {
    expect(() => future(Promise.resolve(1) as never)).to.throw(
      TypeError,
      'Expected `work` to be a function, got `Promise',
    );
    expect(() => future(() => 1, 1 as never)).to.throw(TypeError, 'Expected `ctx`');
  });

  describe('awaited', () => {
    it('gives up when the waiter is cancelled, and the work goes on', async () => {
      const { promise, resolve } = deferred<number>();
      const [waiter, cancel] = withCancel();
      const result = future(() => promise);
      const given = result.await(waiter).catch((error: unknown) => error);
      cancel('tired');
      expect(await given).to.equal('tired');
      expect(result.status).to.equal('pending');
      resolve(1);
      expect(await result).to.equal(1);
      expect(listenerCount(waiter)).to.equal(0);
    });

    it('with a waiter, too, rejects with what was thrown', async () => {
      const [waiter] = withCancel();
      const result = future(() => Promise.reject(boom));
      expect(await result.await(waiter).then(undefined, (error: unknown) => ['rejected', error])).to.deep.equal([
        'rejected',
        boom,
      ]);
    });

    it('leaves nothing in the waiter', async () => {
      const [waiter] = withCancel();
      const { signal } = new AbortController();
      const added = sinon.spy(signal, 'addEventListener');
      const removed = sinon.spy(signal, 'removeEventListener');
      const { promise, resolve } = deferred<number>();
      const result = future(() => promise);
      const awaits = [result.await(waiter), result.await(signal)];
      expect(listenerCount(waiter)).to.equal(1);
      resolve(1);
      expect(await Promise.all(awaits)).to.deep.equal([1, 1]);
      expect([listenerCount(waiter), added.callCount, removed.callCount]).to.deep.equal([0, 1, 1]);
      await Promise.resolve(future(() => Promise.reject(boom)).await(waiter)).catch(() => undefined);
      expect(listenerCount(waiter)).to.equal(0);
    });

    it('awaiting a cancelled future; twice; late; with an aborted signal: rejects with the cause; same result; no listener left', async () => {
      const result = future(() => NEVER);
      const early = result.await().catch((error: unknown) => error);
      result.cancel('cause');
      const awaits = [early, ...[1, 2].map(() => result.await().catch((error: unknown) => error))];
      expect(await Promise.all(awaits)).to.deep.equal(['cause', 'cause', 'cause']);
      expect(collect(result)).to.deep.equal(['cause']);

      const aborted = AbortSignal.abort('aborted');
      const added = sinon.spy(aborted, 'addEventListener');
      for (const any of [future(() => NEVER), future(() => 1), result]) {
        expect(await any.await(aborted).catch((error: unknown) => error)).to.equal('aborted');
      }
      expect(added.callCount).to.equal(0);

      const controller = new AbortController();
      const waiting = future(() => NEVER)
        .await(controller.signal)
        .catch((error: unknown) => error);
      expect(getEventListeners(controller.signal, 'abort')).to.have.length(1);
      controller.abort('aborted meanwhile');
      expect(await waiting).to.equal('aborted meanwhile');
      expect(getEventListeners(controller.signal, 'abort')).to.deep.equal([]);
    });

    it('with what is no context: rejects', async () => {
      expect(
        await future(() => 1)
          .await('x' as never)
          .catch((error: unknown) => error),
      ).to.be.instanceOf(TypeError);
    });
  });

  describe('cancelled', () => {
    it('rejects with the cause at once, and tells the work', async () => {
      let ctx: Context | undefined;
      const result = future((context) => {
        ctx = context;
        return new Promise(() => undefined);
      });
      const told = collect(result);
      result.cancel('cause');
      result.cancel('again');
      expect([told, result.status, ctx?.cause]).to.deep.equal([['cause'], 'cancelled', 'cause']);
      const silent = future(() => NEVER);
      silent.cancel();
      expect(await silent.await().catch((error: unknown) => error)).to.be.instanceOf(CancelledError);
    });

    it('unsubscribes from an Observable, returns an iterable, drops a promise’s result', async () => {
      virtually(({ cold, hot, expectObservable, expectSubscriptions }) => {
        const source = cold('-a-b-c|');
        const result = future(() => source);
        hot('---c').subscribe(() => result.cancel('x'));
        expectObservable(result).toBe('---#', {}, 'x');
        expectSubscriptions(source.subscriptions).toBe('^--!');
      });

      const returned = sinon.spy(async () => ({ done: true as const, value: undefined }));
      const iterating = future(() => ({
        [Symbol.asyncIterator]: () => ({ next: () => new Promise<never>(() => undefined), return: returned }),
      }));
      iterating.cancel();
      expect(returned.callCount).to.equal(1);

      for (const settle of ['resolve', 'reject'] as const) {
        const work = deferred<unknown>();
        const dropped = future(() => work.promise);
        dropped.cancel('cause');
        const errors = await unhandledDuring(() => work[settle](boom));
        expect([errors, collect(dropped)]).to.deep.equal([[], ['cause']]);
      }
    });

    it('does so when the work cancels itself, or is cancelled while it starts', () => {
      const [parent, cancel] = withCancel();
      let subscribed = false;
      const source = defer(() => {
        subscribed = true;
        return NEVER;
      });
      const result = future(() => {
        cancel('inside');
        return source;
      }, parent);
      expect([collect(result), subscribed, result.status]).to.deep.equal([['inside'], false, 'cancelled']);
    });

    it('says so from the first who is told on', () => {
      const [parent, cancel] = withCancel();
      const told: string[] = [];
      parent.cancelled$.subscribe(() => told.push(result.status));
      const result = future(() => NEVER, parent);
      cancel();
      expect(told).to.deep.equal(['cancelled']);
    });

    it('and drops the value of work that was cancelled while it was called', async () => {
      const [parent, cancel] = withCancel();
      const result = future(() => {
        cancel('why');
        return 'value';
      }, parent);
      expect(result.status).to.equal('cancelled');
      expect(await result.then(undefined, (reason: unknown) => ['rejected', reason])).to.deep.equal([
        'rejected',
        'why',
      ]);
    });

    it('has no effect once it has settled', () => {
      const result = future(() => 1);
      result.cancel('late');
      expect([collect(result), result.status]).to.deep.equal([[1, 'complete'], 'fulfilled']);
    });

    it('with its parent, with the same cause, an AbortSignal’s too', async () => {
      const [parent, cancel] = withCancel();
      const controller = new AbortController();
      const results = [future(() => NEVER, parent), future(() => NEVER, controller.signal)];
      cancel('parent');
      controller.abort('signal');
      expect(await Promise.allSettled(results)).to.deep.equal([
        { status: 'rejected', reason: 'parent' },
        { status: 'rejected', reason: 'signal' },
      ]);
      expect(results.map(({ status }) => status)).to.deep.equal(['cancelled', 'cancelled']);
    });

    it('parent: the work is never called', () => {
      const work = sinon.spy(() => 1);
      const [parent, cancel] = withCancel();
      cancel('gone');
      const result = future(work, parent);
      expect([work.callCount, result.status, collect(result)]).to.deep.equal([0, 'cancelled', ['gone']]);
    });

    it('leaves nothing in its parent, and keeps its context alive after a good end', async () => {
      const [parent, cancel] = withCancel();
      let ctx: Context | undefined;
      const result = future(async (context) => {
        ctx = context;
        context.signal.addEventListener('abort', () => undefined);
        return 1;
      }, parent);
      expect(listenerCount(parent)).to.equal(1);
      await result;
      // A Response is read after its fetch has resolved: its signal is not to be aborted by that.
      expect([listenerCount(parent), ctx?.cancelled]).to.deep.equal([0, false]);
      cancel();
      expect(result.status).to.equal('fulfilled');
    });

    it('still cancels what settled work left behind under its context, which then leaves nothing in the parent', async () => {
      const [parent, cancel] = withCancel();
      const leave: (() => void)[] = [];
      const results = [1, 2].map((n) =>
        future((ctx) => {
          const subscription = ctx.cancelled$.subscribe((cause) => told.push([n, cause]));
          leave.push(() => subscription.unsubscribe());
          return n;
        }, parent),
      );
      const told: unknown[] = [];
      expect(listenerCount(parent)).to.equal(2);
      leave[0]?.();
      expect(listenerCount(parent)).to.equal(1);
      cancel('cause');
      expect(told).to.deep.equal([[2, 'cause']]);
      expect(results.map(({ status }) => status)).to.deep.equal(['fulfilled', 'fulfilled']);
    });

    it('stays its parent’s to cancel when what waits under its context leaves', () => {
      const [parent, cancel] = withCancel();
      const result = future((ctx) => {
        ctx.cancelled$.subscribe().unsubscribe();
        return NEVER;
      }, parent);
      cancel('cause');
      expect([result.status, collect(result)]).to.deep.equal(['cancelled', ['cause']]);
    });

    it('drops all errors of work that was cancelled', async () => {
      const errors = await unhandledDuring(() => {
        const result = future(
          () =>
            new Observable((subscriber) => {
              for (const n of [1, 2])
                subscriber.add(() => {
                  throw new Error(String(n));
                });
            }),
        );
        result.subscribe({ error: () => undefined });
        result.cancel();
      });
      expect(errors).to.deep.equal([]);
    });

    it('by the work’s own teardown, which comes too late', () => {
      const subject = new Subject<number>();
      const [parent, cancel] = withCancel();
      const result = future(() => subject.pipe(finalize(() => cancel('late'))), parent);
      subject.next(1);
      subject.complete();
      expect([collect(result), result.status]).to.deep.equal([[1, 'complete'], 'fulfilled']);
    });
  });

  describe('rejected', () => {
    const collected = async () => {
      for (let i = 0; i < 20; i++) {
        await new Promise((resolve) => setTimeout(resolve, 5));
        globalThis.gc?.();
      }
    };

    it('is no unhandled rejection while it may still be awaited', async () => {
      const rejections: unknown[] = [];
      const listener = (reason: unknown) => rejections.push(reason);
      process.on('unhandledRejection', listener);
      const result = future(() => Promise.reject(boom));
      await settled();
      await settled();
      process.off('unhandledRejection', listener);
      expect(await result.await().catch((error: unknown) => error)).to.equal(boom);
      expect(rejections).to.deep.equal([]);
    });

    it('goes RxJS’s way when it is collected and nobody had looked at it', async () => {
      const seen = new Error('seen');
      const errors = await unhandledDuring(async () => {
        (() => {
          future(() => Promise.reject(boom));
          future(() => Promise.reject(seen)).subscribe({ error: () => undefined });
          const late = future(() => {
            throw seen;
          });
          late.subscribe({ error: () => undefined });
          future(() => NEVER).cancel(seen);
        })();
        await collected();
      });
      expect(errors).to.deep.equal([boom]);
      expect(config.onUnhandledError).to.equal(null);
    });

    it('a second error, of the work’s teardown, is reported', async () => {
      const teardown = new Error('teardown');
      let result: ReturnType<typeof future> | undefined;
      const errors = await unhandledDuring(() => {
        const subject = new Subject<number>();
        result = future(
          () =>
            new Observable((subscriber) => {
              subject.subscribe(subscriber);
              return () => {
                throw teardown;
              };
            }),
        );
        subject.error(boom);
      });
      expect(errors).to.deep.equal([teardown]);
      expect(result && collect(result)).to.deep.equal([boom]);
    });

    it('goes RxJS’s way though a waiter gave up, a subscriber left, its context is held', async () => {
      const contexts: unknown[] = [];
      const errors = await unhandledDuring(async () => {
        const works = [1, 2, 3].map(() => deferred<number>());
        await (async () => {
          const [waited, subscribed] = works.map(({ promise }) =>
            future((ctx) => {
              if (contexts.length === 0) contexts.push(ctx);
              return promise;
            }),
          );
          const [waiter, cancel] = withCancel();
          const given = waited?.await(waiter).catch(() => undefined);
          cancel();
          await given;
          subscribed?.subscribe().unsubscribe();
        })();
        works.forEach(({ reject }, n) => reject(n));
        for (let i = 0; i < 20; i++) {
          await new Promise((r) => setTimeout(r, 5));
          globalThis.gc?.();
        }
      });
      expect(errors.toSorted()).to.deep.equal([0, 1, 2]);
      expect(contexts).to.have.length(1);
    });
  });

  it('can be what a task gives back', () => {
    expect(collect(taskRunner(task('x', (ctx) => future(() => 1, ctx))).start())).to.deep.equal([1, 'complete']);
  });
});

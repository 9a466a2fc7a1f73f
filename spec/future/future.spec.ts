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

describe('A future', () => {
  it('starts its work immediately and synchronously', () => {
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

  it('has the last value of its work as the result, or undefined if there is none', async () => {
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

  it('is an Observable and composes with other Observables and promises', async () => {
    const [a, b] = [future(async () => 1), future(() => timer(1).pipe(map(() => 2)))];
    expect(a).to.be.instanceOf(Observable);
    expect(isObservable(a)).to.equal(true);
    expect(await lastValueFrom(forkJoin([a, b]))).to.deep.equal([1, 2]);
    expect(await Promise.all([a, b])).to.deep.equal([1, 2]);
    expect(await firstValueFrom(a.pipe(map((n) => n + 1)))).to.equal(2);
    expect(await lastValueFrom(from(b))).to.equal(2);
    expect(await a.then((n) => n * 10)).to.equal(10);
  });

  it('errors with what the work threw, unwrapped, even synchronously', async () => {
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

  it('errors with the error of a Subject that is unsubscribed', async () => {
    const closed = new Subject<never>();
    // eslint-disable-next-line rxjs-x/no-subject-unsubscribe -- closes the Subject
    closed.unsubscribe();
    for (const work of [() => closed, () => Promise.resolve(closed)]) {
      const result = future(work);
      expect(await result.await().catch(String)).to.equal('ObjectUnsubscribedError: object unsubscribed');
      expect(result.status).to.equal('rejected');
    }
  });

  it('is pending until the work has released its resources', () => {
    for (const end of ['complete', 'error'] as const) {
      const source = new Subject<number>();
      const statuses: string[] = [];
      const result = future(() => source.pipe(finalize(() => statuses.push(result.status))));
      result.subscribe({ error: () => undefined });
      source[end](boom);
      expect(statuses).to.deep.equal(['pending']);
      expect(result.status).to.equal(end === 'complete' ? 'fulfilled' : 'rejected');
    }
  });

  it('emits in virtual time when the work ends', () => {
    virtually(({ cold, expectObservable, expectSubscriptions }) => {
      const source = cold('-a-b-|');
      const result = future(() => source);
      expectObservable(result).toBe('-----(b|)');
      expectObservable(result, '---^').toBe('-----(b|)');
      expectObservable(result, '-------^').toBe('-------(b|)');
      expectSubscriptions(source.subscriptions).toBe('^----!');
    });
  });

  it('goes on when a subscriber unsubscribes', () => {
    const source = new Subject<number>();
    const result = future(() => source);
    const values: number[] = [];
    result.subscribe((value) => values.push(value)).unsubscribe();
    source.next(1);
    source.complete();
    expect([values, collect(result)]).to.deep.equal([[], [1, 'complete']]);
  });

  it('refuses work that is not a function and a parent that is not a context', () => {
    expect(() => future(Promise.resolve(1) as never)).to.throw(
      TypeError,
      'Expected `work` to be a function, got a promise. Return it from a function: future(() => …)',
    );
    expect(() => future(() => 1, 1 as never)).to.throw(TypeError, 'Expected `ctx`');
  });

  describe('that is awaited', () => {
    it('rejects when the waiter is cancelled, and the work goes on', async () => {
      const { promise, resolve } = deferred<number>();
      const [waiter, cancel] = withCancel();
      const result = future(() => promise);
      const rejected = result.await(waiter).catch((error: unknown) => error);
      cancel('tired');
      expect(await rejected).to.equal('tired');
      expect(result.status).to.equal('pending');
      resolve(1);
      expect(await result).to.equal(1);
      expect(listenerCount(waiter)).to.equal(0);
    });

    it('rejects with what the work threw, also with a waiter', async () => {
      const [waiter] = withCancel();
      const result = future(() => Promise.reject(boom));
      expect(await result.await(waiter).then(undefined, (error: unknown) => ['rejected', error])).to.deep.equal([
        'rejected',
        boom,
      ]);
    });

    it('leaves no listener on the waiter', async () => {
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

    it('rejects with the cause of its cancel, early, late and repeatedly', async () => {
      const result = future(() => NEVER);
      const early = result.await().catch((error: unknown) => error);
      result.cancel('cause');
      const awaits = [early, ...[1, 2].map(() => result.await().catch((error: unknown) => error))];
      expect(await Promise.all(awaits)).to.deep.equal(['cause', 'cause', 'cause']);
      expect(collect(result)).to.deep.equal(['cause']);
    });

    it('rejects with the reason of an aborted signal, and adds no listener to it', async () => {
      const aborted = AbortSignal.abort('aborted');
      const added = sinon.spy(aborted, 'addEventListener');
      const cancelled = future(() => NEVER);
      cancelled.cancel('cause');
      cancelled.subscribe({ error: () => undefined });
      for (const result of [future(() => NEVER), future(() => 1), cancelled]) {
        expect(await result.await(aborted).catch((error: unknown) => error)).to.equal('aborted');
      }
      expect(added.callCount).to.equal(0);
    });

    it('rejects when a signal is aborted later, and removes its listener from it', async () => {
      const controller = new AbortController();
      const waiting = future(() => NEVER)
        .await(controller.signal)
        .catch((error: unknown) => error);
      expect(getEventListeners(controller.signal, 'abort')).to.have.length(1);
      controller.abort('aborted later');
      expect(await waiting).to.equal('aborted later');
      expect(getEventListeners(controller.signal, 'abort')).to.deep.equal([]);
    });

    it('rejects with a TypeError if the waiter is not a context', async () => {
      expect(
        await future(() => 1)
          .await('x' as never)
          .catch((error: unknown) => error),
      ).to.be.instanceOf(TypeError);
    });
  });

  describe('that is cancelled', () => {
    it('errors with the cause at once, and cancels the context of the work', async () => {
      let ctx: Context | undefined;
      const result = future((context) => {
        ctx = context;
        return new Promise(() => undefined);
      });
      const emitted = collect(result);
      result.cancel('cause');
      result.cancel('again');
      expect([emitted, result.status, ctx?.cause]).to.deep.equal([['cause'], 'cancelled', 'cause']);
      const silent = future(() => NEVER);
      silent.cancel();
      expect(await silent.await().catch((error: unknown) => error)).to.be.instanceOf(CancelledError);
    });

    it('unsubscribes an Observable, calls `return()` of an iterable, and drops the result of a promise', async () => {
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

    it('does not subscribe to what the work returns after it cancelled its parent', () => {
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

    it('has the status cancelled already for the first listener of the parent', () => {
      const [parent, cancel] = withCancel();
      const statuses: string[] = [];
      parent.cancelled$.subscribe(() => statuses.push(result.status));
      const result = future(() => NEVER, parent);
      cancel();
      expect(statuses).to.deep.equal(['cancelled']);
    });

    it('drops the value of work that is cancelled while it is called', async () => {
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

    it('after it has settled keeps its result', () => {
      const result = future(() => 1);
      result.cancel('late');
      expect([collect(result), result.status]).to.deep.equal([[1, 'complete'], 'fulfilled']);
    });

    it('with its parent has the cause of the parent, also of an AbortSignal', async () => {
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

    it('because its parent already is never calls the work', () => {
      const work = sinon.spy(() => 1);
      const [parent, cancel] = withCancel();
      cancel('gone');
      const result = future(work, parent);
      expect([work.callCount, result.status, collect(result)]).to.deep.equal([0, 'cancelled', ['gone']]);
    });

    it('after a good end was detached from the parent, and its context is not cancelled', async () => {
      const [parent, cancel] = withCancel();
      let ctx: Context | undefined;
      const result = future(async (context) => {
        ctx = context;
        context.signal.addEventListener('abort', () => undefined);
        return 1;
      }, parent);
      expect(listenerCount(parent)).to.equal(1);
      await result;
      // A Response is read after its fetch has resolved, so its signal must not be aborted by then.
      expect([listenerCount(parent), ctx?.cancelled]).to.deep.equal([0, false]);
      cancel();
      expect(result.status).to.equal('fulfilled');
    });

    it('after it has settled cancels what the work left running under its context', async () => {
      const [parent, cancel] = withCancel();
      const unsubscribe: (() => void)[] = [];
      const results = [1, 2].map((n) =>
        future((ctx) => {
          const subscription = ctx.cancelled$.subscribe((cause) => causes.push([n, cause]));
          unsubscribe.push(() => subscription.unsubscribe());
          return n;
        }, parent),
      );
      const causes: unknown[] = [];
      expect(listenerCount(parent)).to.equal(2);
      unsubscribe[0]?.();
      expect(listenerCount(parent)).to.equal(1);
      cancel('cause');
      expect(causes).to.deep.equal([[2, 'cause']]);
      expect(results.map(({ status }) => status)).to.deep.equal(['fulfilled', 'fulfilled']);
    });

    it('by its parent errors even if a listener of its context has unsubscribed', () => {
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

    it('by the teardown of its own work keeps its result', () => {
      const subject = new Subject<number>();
      const [parent, cancel] = withCancel();
      const result = future(() => subject.pipe(finalize(() => cancel('late'))), parent);
      subject.next(1);
      subject.complete();
      expect([collect(result), result.status]).to.deep.equal([[1, 'complete'], 'fulfilled']);
    });
  });

  describe('that is rejected', () => {
    /** Collects garbage, at least once, until a condition holds. */
    const collectGarbage = async (isDone: () => boolean) => {
      do {
        globalThis.gc?.();
        await new Promise((resolve) => setTimeout(resolve, 5));
      } while (!isDone());
    };

    it('causes no unhandled rejection while it may still be awaited', async () => {
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

    it('has its error reported by RxJS if it is collected without a subscriber or an await', async () => {
      const seen = new Error('seen');
      const errors = await unhandledDuring(async (reported) => {
        (() => {
          future(() => Promise.reject(boom));
          future(() => Promise.reject(seen)).subscribe({ error: () => undefined });
          const late = future(() => {
            throw seen;
          });
          late.subscribe({ error: () => undefined });
          future(() => NEVER).cancel(seen);
        })();
        await collectGarbage(() => reported.length >= 1);
        // A few more rounds, which must report nothing.
        for (let round = 0; round < 5; round++) await collectGarbage(() => true);
      });
      expect(errors).to.deep.equal([boom]);
      expect(config.onUnhandledError).to.equal(null);
    });

    it('has a second error, of the work’s teardown, reported', async () => {
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

    it('has its error reported although its context is held', async () => {
      const contexts: unknown[] = [];
      const errors = await unhandledDuring(async (reported) => {
        future(async (ctx) => {
          contexts.push(ctx);
          throw boom;
        });
        await collectGarbage(() => reported.length >= 1);
      });
      expect(errors).to.deep.equal([boom]);
      expect(contexts).to.have.length(1);
    });

    it('has no error reported after somebody has looked at it, even if they left before', async () => {
      const errors = await unhandledDuring(async (reported) => {
        await (async () => {
          const works = [1, 2, 3].map(() => deferred<number>());
          const [waited, subscribed, refused] = works.map(({ promise }) => future(() => promise));
          const [waiter, cancel] = withCancel();
          const rejected = waited?.await(waiter).catch(() => undefined);
          cancel();
          await rejected;
          subscribed?.subscribe().unsubscribe();
          // Rejects before it looks at the result.
          await refused?.await(AbortSignal.abort()).catch(() => undefined);
          for (const { reject } of works) reject(boom);
        })();
        future(() => Promise.reject(new Error('the last')));
        await collectGarbage(() => reported.length >= 1);
        for (let round = 0; round < 5; round++) await collectGarbage(() => true);
      });
      expect(errors.map(String)).to.deep.equal(['Error: the last']);
    });
  });

  it('can be returned by a task', () => {
    expect(collect(taskRunner(task('x', (ctx) => future(() => 1, ctx))).start())).to.deep.equal([1, 'complete']);
  });
});

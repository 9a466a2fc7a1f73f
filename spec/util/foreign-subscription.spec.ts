import { expect } from 'chai';
import { AsyncLocalStorage } from 'node:async_hooks';
import { finalize, NEVER, Observable, of, Subject, Subscription, throwError } from 'rxjs';
import { captureAsyncContext } from '../../lib/util/async-context.js';
import { ForeignSubscription } from '../../lib/util/foreign-subscription.js';
import { throwing } from '../helpers/tasks.js';

describe('A subscription to a foreign stream', () => {
  const boom = new Error('boom');
  const throwBoom = throwing(boom);

  /** Subscribes to a stream and collects the calls. */
  const subscribed = <T>(source: () => Observable<T>) => {
    const calls: unknown[] = [];
    const subscription = new ForeignSubscription<T>(
      {
        next: (value) => calls.push(value),
        error: (error) => calls.push(['error', error]),
        complete: () => calls.push('complete'),
        teardownFailed: (error) => calls.push(['teardown', error]),
      },
      captureAsyncContext(),
    );
    subscription.subscribeTo(source);
    return { calls, subscription };
  };

  it('passes on values and the end', () => {
    expect(subscribed(() => of(1, 2)).calls).to.deep.equal([1, 2, 'complete']);
    expect(subscribed(() => throwError(() => boom)).calls).to.deep.equal([['error', boom]]);
    expect(subscribed(throwBoom).calls).to.deep.equal([['error', boom]]);
    const refusing = Object.assign(new Observable<number>(), { subscribe: throwBoom });
    expect(subscribed(() => refusing).calls).to.deep.equal([['error', boom]]);
  });

  it('passes on nothing after it is unsubscribed', () => {
    const subject = new Subject<number>();
    const { calls, subscription } = subscribed(() => subject);
    subject.next(1);
    subscription.unsubscribe();
    subscription.unsubscribe();
    expect([calls, subject.observed]).to.deep.equal([[1], false]);
  });

  it('reports each error of a teardown, after the end', () => {
    const failing = <T>(source: Observable<T>) =>
      new Observable<T>((subscriber) => {
        subscriber.add(throwBoom);
        source.subscribe(subscriber);
        return throwBoom;
      });
    const teardowns = [
      ['teardown', boom],
      ['teardown', boom],
    ];
    expect(subscribed(() => failing(of(1))).calls).to.have.deep.members([1, 'complete', ...teardowns]);
    const subject = new Subject<number>();
    const { calls } = subscribed(() => failing(subject));
    subject.complete();
    expect(calls).to.deep.equal(['complete', ...teardowns]);
    const never = subscribed(() => failing(NEVER));
    never.subscription.unsubscribe();
    expect(never.calls).to.deep.equal(teardowns);
    expect(subscribed(() => of(1).pipe(finalize(throwBoom))).calls).to.deep.equal([1, 'complete', ['teardown', boom]]);
  });

  it('unsubscribes from an Observable that returns a subscription of its own', () => {
    let unsubscribed = 0;
    class Custom extends Observable<number> {
      override subscribe(): Subscription {
        return new Subscription(() => unsubscribed++);
      }
    }
    subscribed(() => new Custom()).subscription.unsubscribe();
    expect(unsubscribed).to.equal(1);
  });

  it('does not subscribe to a stream if it is unsubscribed while that is created', () => {
    let subscribed = 0;
    const observer = { next: throwBoom, error: throwBoom, complete: throwBoom, teardownFailed: throwBoom };
    const subscription = new ForeignSubscription<never>(observer, undefined);
    subscription.subscribeTo(() => {
      subscription.unsubscribe();
      return new Observable(() => {
        subscribed++;
      });
    });
    expect(subscribed).to.equal(0);
  });

  it('calls the observer and the teardown in its own async context', () => {
    const storage = new AsyncLocalStorage<string>();
    const stores: unknown[] = [];
    const readStore = () => stores.push(storage.getStore());
    const subject = new Subject<number>();
    const subscription = storage.run(
      'own',
      () =>
        new ForeignSubscription<number>(
          { next: readStore, error: readStore, complete: readStore, teardownFailed: readStore },
          captureAsyncContext(),
        ),
    );
    storage.run('foreign', () => {
      subscription.subscribeTo(() => subject.pipe(finalize(() => (readStore(), throwBoom()))));
      subject.next(1);
      subject.complete();
    });
    expect(stores).to.deep.equal(['own', 'own', 'own', 'own']);
  });
});

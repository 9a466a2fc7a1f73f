import { AsyncLocalStorage } from 'node:async_hooks';
import { expect } from 'chai';
import { concat, defer, lastValueFrom, NEVER, of, tap, timer } from 'rxjs';
import { launch, task } from 'rxjs-tasks';
import { limiter } from '../../examples/recipes/limiter.js';
import { virtually } from '../helpers/virtual-time.js';

describe('A limit that several callers share', () => {
  it('lets as many streams run as it allows, and the others wait in their order', () => {
    virtually(({ cold, expectObservable, expectSubscriptions }) => {
      const limit = limiter(2);
      const [third, fourth] = [cold('c|'), cold('--d|')];
      expectObservable(limit(cold('--a|'))).toBe('--a|');
      expectObservable(limit(cold('----b|'))).toBe('----b|');
      expectObservable(limit(third)).toBe('---c|');
      expectObservable(limit(fourth)).toBe('------d|');
      expectSubscriptions(third.subscriptions).toBe('---^!');
      expectSubscriptions(fourth.subscriptions).toBe('----^--!');
    });
  });

  it('is a cold stream for each subscriber', () => {
    virtually(({ cold, expectObservable }) => {
      const limited$ = limiter(1)(cold('-a|'));
      expectObservable(limited$).toBe('-a|');
      expectObservable(limited$).toBe('---a|');
    });
  });

  it('gives the turn to the next one after an error', () => {
    virtually(({ cold, expectObservable }) => {
      const limit = limiter(1);
      expectObservable(limit(cold('--#'))).toBe('--#');
      expectObservable(limit(cold('a|'))).toBe('--a|');
    });
  });

  it('gives the turn to the next one when a running stream is unsubscribed', () => {
    virtually(({ cold, expectObservable, expectSubscriptions }) => {
      const limit = limiter(1);
      const work = cold('----------a|');
      expectObservable(limit(work), '^--!').toBe('----');
      expectObservable(limit(cold('b|'))).toBe('---b|');
      expectSubscriptions(work.subscriptions).toBe('^--!');
    });
  });

  it('never subscribes to a stream that was unsubscribed while it waited', () => {
    virtually(({ cold, expectObservable, expectSubscriptions }) => {
      const limit = limiter(1);
      const work = cold('b|');
      expectObservable(limit(cold('----a|'))).toBe('----a|');
      expectObservable(limit(work), '^-!').toBe('---');
      expectObservable(limit(cold('c|'))).toBe('-----c|');
      expectSubscriptions(work.subscriptions).toBe([]);
    });
  });

  it('runs each stream in the async context of its subscriber', async () => {
    const tenant = new AsyncLocalStorage<string>();
    const limit = limiter(1);
    const storeOf = (name: string) =>
      tenant.run(name, () =>
        lastValueFrom(
          limit(
            concat(
              timer(1),
              defer(() => of(tenant.getStore())),
            ),
          ),
        ),
      );
    expect(await Promise.all([storeOf('acme'), storeOf('bolt')])).to.deep.equal(['acme', 'bolt']);
  });

  it('is free again when the task that uses it is cancelled', async () => {
    const limit = limiter(1);
    const started: string[] = [];
    const user = (name: string) => task(name, () => limit(NEVER.pipe(tap({ subscribe: () => started.push(name) }))));
    const first = launch([user('first')]);
    const second = launch([user('second')]);
    expect(started).to.deep.equal(['first']);
    await first.stop();
    expect(started).to.deep.equal(['first', 'second']);
    await second.stop();
  });
});

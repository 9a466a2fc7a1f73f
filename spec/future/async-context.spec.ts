import { expect } from 'chai';
import { AsyncLocalStorage } from 'node:async_hooks';
import { merge, NEVER, Observable, Subject } from 'rxjs';
import { future } from '../../lib/index.js';

const store = new AsyncLocalStorage<string>();

describe('The async context of a future', () => {
  for (const end of ['complete', 'error', 'cancel'] as const)
    it(`is that of each subscriber and await, and of its start for its work, however it ends (${end})`, async () => {
      const seen: string[] = [];
      const record = (name: string) => seen.push(`${name} ${store.getStore()}`);
      const source = new Subject<number>();
      const result = store.run('starter', () =>
        future(
          () =>
            new Observable((subscriber) => {
              merge(source, NEVER).subscribe(subscriber);
              source.subscribe({ complete: () => subscriber.complete(), error: () => undefined });
              return () => record('teardown');
            }),
        ),
      );
      const awaits = ['A', 'B'].map((name) =>
        store.run(name, async () => {
          result.subscribe({
            next: () => record('next'),
            error: () => record('error'),
            complete: () => record('complete'),
          });
          await result.await().catch(() => undefined);
          record('await');
        }),
      );
      store.run('other', () => {
        if (end === 'cancel') return result.cancel();
        source.next(1);
        source[end](new Error('boom'));
      });
      await Promise.all(awaits);
      const notifications = end === 'complete' ? ['next', 'complete'] : ['error'];
      expect(seen).to.have.members([
        'teardown starter',
        ...['A', 'B'].flatMap((name) => [...notifications, 'await'].map((each) => `${each} ${name}`)),
      ]);
    });
});

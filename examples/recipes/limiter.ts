import { AsyncResource } from 'node:async_hooks';
import { mergeMap, Observable, Subject } from 'rxjs';

/** A limit that several callers share: returns a stream that subscribes to another one when it is its turn. */
export type Limit = <T>(work$: Observable<T>) => Observable<T>;

/**
 * Creates a limit for `concurrency` streams at a time. The others wait in the order of their subscriptions.
 * Unsubscribing gives up the turn, or ends it.
 */
export function limiter(concurrency: number): Limit {
  const turns$ = new Subject<Observable<never>>();
  turns$.pipe(mergeMap((turn$) => turn$, concurrency)).subscribe();
  return <T>(work$: Observable<T>) =>
    new Observable<T>((subscriber) => {
      // Otherwise the work would run in the async context of the caller whose turn has ended.
      const start = AsyncResource.bind(() => work$.subscribe(subscriber));
      const turn$ = new Observable<never>((turn) => {
        subscriber.add(() => turn.complete());
        if (!subscriber.closed) start();
      });
      turns$.next(turn$);
    });
}

import { Observable } from 'rxjs';
import { toArray, append, remove, type LinkedList } from './linked-list.js';
import { SubscriberListener } from './subscriber-listener.js';

/** A Subject without an end, from which a subscriber unsubscribes in O(1). */
export class LinkedSubject<T> implements LinkedList<SubscriberListener<T>> {
  first: SubscriberListener<T> | undefined = undefined;
  last: SubscriberListener<T> | undefined = undefined;
  /** The current listeners. Copied again after one subscribed or unsubscribed. */
  private listeners: readonly SubscriberListener<T>[] | undefined = undefined;

  get observed(): boolean {
    return this.first !== undefined;
  }

  asObservable(): Observable<T> {
    return new Observable((subscriber) => {
      const listener = new SubscriberListener<T>((value) => subscriber.next(value));
      append(this, listener);
      this.listeners = undefined;
      return () => {
        remove(listener);
        this.listeners = undefined;
      };
    });
  }

  next(value: T): void {
    this.listeners ??= toArray(this);
    // A listener that unsubscribes during the loop receives nothing more, because its subscriber is closed.
    for (const listener of this.listeners) listener.notify(value);
  }
}

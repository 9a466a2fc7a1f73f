import { Observable } from 'rxjs';
import { toArray, append, remove, Listener, type LinkedList } from './linked-list.js';

/** A Subject without an end, from which a subscriber unsubscribes in O(1). */
export class LinkedSubject<T> implements LinkedList<Listener<T>> {
  first: Listener<T> | undefined = undefined;
  last: Listener<T> | undefined = undefined;
  /** The current listeners. Copied again after one subscribed or unsubscribed. */
  private listeners: readonly Listener<T>[] | undefined = undefined;

  get observed(): boolean {
    return this.first !== undefined;
  }

  asObservable(): Observable<T> {
    return new Observable((subscriber) => {
      const listener = new Listener<T>((value) => subscriber.next(value));
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

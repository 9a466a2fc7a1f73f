import { Observable } from 'rxjs';
import { toArray, append, remove, Listener, type LinkedList } from './linked-list.js';

/** A hot stream without an end: RxJS's Subject, but that leaving costs O(1) however many others there are. */
export class LinkedSubject<T> implements LinkedList<Listener<T>> {
  first: Listener<T> | undefined = undefined;
  last: Listener<T> | undefined = undefined;
  /** Whom the next value goes to; made again when someone has come or left. */
  private receivers: readonly Listener<T>[] | undefined = undefined;

  get observed(): boolean {
    return this.first !== undefined;
  }

  get stream(): Observable<T> {
    return new Observable((subscriber) => {
      const listener = new Listener<T>((value) => subscriber.next(value));
      append(this, listener);
      this.receivers = undefined;
      return () => {
        remove(listener);
        this.receivers = undefined;
      };
    });
  }

  next(value: T): void {
    this.receivers ??= toArray(this);
    // Whoever leaves meanwhile is told no more: its subscriber is closed.
    for (const listener of this.receivers) listener.notify(value);
  }
}

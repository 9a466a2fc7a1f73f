import { Observable } from 'rxjs';
import { all, join, leave, Listener, type Chain } from './linked-list.js';

/** A hot stream without an end: RxJS's Subject, but that leaving costs O(1) however many others there are. */
export class Hub<T> implements Chain<Listener<T>> {
  first: Listener<T> | undefined = undefined;
  last: Listener<T> | undefined = undefined;
  /** Whom the next value goes to; made again when someone has come or left. */
  private present: readonly Listener<T>[] | undefined = undefined;

  get observed(): boolean {
    return this.first !== undefined;
  }

  get stream(): Observable<T> {
    return new Observable((subscriber) => {
      const listener = new Listener<T>((value) => subscriber.next(value));
      join(this, listener);
      this.present = undefined;
      return () => {
        leave(listener);
        this.present = undefined;
      };
    });
  }

  next(value: T): void {
    this.present ??= all(this);
    // Whoever leaves meanwhile is told no more: its subscriber is closed.
    for (const listener of this.present) listener.tell(value);
  }
}

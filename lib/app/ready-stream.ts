import { Observable } from 'rxjs';
import { LinkedSubject } from '../util/linked-subject.js';

/** The readiness of an application, as a value and as a stream. */
export class ReadyStream {
  ready = false;
  private readonly changes = new LinkedSubject<boolean | 'end'>();
  private emitted = false;
  private emitting = false;
  private ended = false;
  private completed = false;

  /** Emits the current value and its changes. Its subscribers run in the async contexts of their subscriptions. */
  readonly ready$: Observable<boolean> = new Observable<boolean>((subscriber) => {
    subscriber.add(
      this.changes.asObservable().subscribe((change) => {
        if (change === 'end') subscriber.complete();
        else subscriber.next(change);
      }),
    );
    subscriber.next(this.emitted);
    if (this.completed) subscriber.complete();
  });

  set(ready: boolean): void {
    this.ready = ready;
    this.emitChanges();
  }

  end(): void {
    this.ready = false;
    this.ended = true;
    this.emitChanges();
  }

  private emitChanges(): void {
    if (this.emitting) return;
    this.emitting = true;
    // A subscriber may change the value. The loop emits the change after all subscribers have received the value
    // before it.
    while (this.emitted !== this.ready) this.changes.next((this.emitted = this.ready));
    this.emitting = false;
    if (!this.ended) return;
    this.completed = true;
    this.changes.next('end');
  }
}

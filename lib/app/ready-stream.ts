import { ReplaySubject, type Observable } from 'rxjs';

/** The readiness of an application, as a value and as a stream. */
export class ReadyStream {
  ready = false;
  private readonly changes = new ReplaySubject<boolean>(1);
  private emitting = false;
  readonly ready$: Observable<boolean> = this.changes.asObservable();

  constructor() {
    this.changes.next(this.ready);
  }

  set(ready: boolean): void {
    this.ready = ready;
    if (this.emitting) return;
    this.emitting = true;
    // A subscriber may change the value. The loop emits the change after all subscribers have received the value
    // before it.
    for (let emitted; emitted !== this.ready;) this.changes.next((emitted = this.ready));
    this.emitting = false;
  }

  end(): void {
    if (this.ready) this.set(false);
    this.changes.complete();
  }
}

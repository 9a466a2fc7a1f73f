import { Observable } from 'rxjs';
import { closedError } from '../fleet/closed-error.js';
import { validateProgress } from '../fleet/event-text.js';
import type { JobEvent, JobEventDetail } from '../fleet/queue-types.js';
import { keepAsyncContext } from '../util/keep-async-context.js';
import { LinkedSubject } from '../util/linked-subject.js';
import type { MemoryJob } from './memory-job.js';
import type { MemoryStore } from './memory-store.js';

/** The connection of a process to a fleet in memory, which its queues and workers share. */
export class MemoryConnection {
  /** The name of the process. */
  readonly name: string;
  readonly store: MemoryStore;
  private readonly closing = new LinkedSubject<Error>();
  private closed: Error | undefined = undefined;

  constructor(store: MemoryStore, name: string) {
    this.store = store;
    this.name = name;
  }

  get isClosed(): boolean {
    return this.closed !== undefined;
  }

  /** Emits at the close. */
  get closing$(): Observable<Error> {
    return this.closing.asObservable();
  }

  /** Calls a function. Returns its result, or its error, as a promise. */
  call<T>(work: () => T | PromiseLike<T>): Promise<T> {
    return new Promise((resolve) => {
      this.validateOpen();
      resolve(work());
    });
  }

  /** @throws CancelledError after the close. */
  validateOpen(): void {
    if (this.closed) throw this.closed;
  }

  emit(queue: string, job: string, detail: JobEventDetail): JobEvent {
    const event: JobEvent = { queue, job, at: this.store.now(), by: this.name, ...detail };
    if (event.type === 'progress') {
      validateProgress(event.progress);
      const reported = this.store.table(queue).get(job);
      if (reported) reported.progress = JSON.stringify(event.progress);
    }
    this.store.emit(event);
    return event;
  }

  /** Emits the result of a job when it ends. */
  resultOf<Out>(job: MemoryJob): Observable<Out> {
    const result$ = new Observable<Out>((subscriber) => {
      const onEnd = () => {
        const { error } = job;
        if (error) return subscriber.error(error);
        if (job.state !== 'completed') return;
        subscriber.next(job.value() as Out);
        subscriber.complete();
      };
      subscriber.add(job.end.asObservable().subscribe(onEnd));
      subscriber.add(this.closing$.subscribe((closed) => subscriber.error(closed)));
      onEnd();
    });
    return result$.pipe(keepAsyncContext());
  }

  /** Fails the results that are waited for, and all later calls. */
  close(): void {
    this.closed = closedError(this.store.context.cause);
    this.closing.next(this.closed);
  }
}

import type { Observable } from 'rxjs';
import type { CancelFunc } from '../context.js';
import type { TaskEventDetail } from '../outcome.js';
import type { RunContext, SimpleTask } from '../task.js';
import type { Scope } from './scope.js';

/**
 * What tasks made of other tasks implement beside `execute`, which is then not called. Such a stream ends by itself once
 * its context is cancelled, when all it runs has ended: it is not cut, whatever its `grace`. A TaskError it fails with is
 * its own.
 */
export const drive: unique symbol = Symbol('drive');

export interface Driven<T> extends SimpleTask<T> {
  [drive](ctx: RunContext & Scope, cancel: CancelFunc, events: EventSink): Observable<T>;
}

/** Where the events of a run go. */
export interface EventSink {
  /** Whether someone listens; otherwise only an event with an error is worth making. */
  readonly observed: boolean;
  emit(detail: TaskEventDetail): void;
}

export function isDriven<T>(task: SimpleTask<T>): task is Driven<T> {
  return drive in task;
}

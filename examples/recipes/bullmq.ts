import type { EventEmitter } from 'node:events';
import { defer, fromEvent, map, merge, take, takeUntil, type Observable } from 'rxjs';
import { task, type Task } from 'rxjs-tasks';

/** As much of BullMQ's `Worker` as the task needs. It is made with `autorun: false`. */
export interface WorkerLike extends Pick<EventEmitter, 'addListener' | 'removeListener'> {
  waitUntilReady(): Promise<unknown>;
  /** Takes jobs until it is closed. */
  run(): Promise<unknown>;
  /** Takes no more, and waits for those under way. */
  close(): Promise<unknown>;
}

/**
 * Works at the jobs of a queue, and yields those that are completed. A job that fails is tried again by BullMQ; an error of the
 * worker itself fails the task, so put it under `supervise`.
 */
export function bullWorker<Job>(name: string, make: () => WorkerLike): Task<Job> {
  let worker: WorkerLike;
  return task(name, {
    initialize() {
      worker = make();
      return unlessItErrs(worker, () => worker.waitUntilReady());
    },
    execute: () =>
      merge(
        fromEvent(worker, 'completed', (job: Job) => job),
        errorsOf(worker),
      ).pipe(takeUntil(defer(() => worker.run()))),
    finalize: () => unlessItErrs(worker, () => worker.close()),
  });
}

/** A worker tells what goes wrong by an event, and neither `waitUntilReady` nor `close` rejects then. */
function unlessItErrs(worker: WorkerLike, work: () => Promise<unknown>): Observable<unknown> {
  return merge(errorsOf(worker), defer(work)).pipe(take(1));
}

function errorsOf(worker: WorkerLike): Observable<never> {
  return fromEvent(worker, 'error').pipe(
    map((error) => {
      throw error;
    }),
  );
}

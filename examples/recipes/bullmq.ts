import type { EventEmitter } from 'node:events';
import { defer, fromEvent, map, merge, take, takeUntil, type Observable } from 'rxjs';
import { task, type Task } from 'rxjs-tasks';

/** The part of BullMQ's `Worker` that the task needs. Create the worker with `autorun: false`. */
export interface WorkerLike extends Pick<EventEmitter, 'addListener' | 'removeListener'> {
  waitUntilReady(): Promise<unknown>;
  /** Takes jobs until it is closed. */
  run(): Promise<unknown>;
  /** Takes no more jobs, and waits for the current ones. */
  close(): Promise<unknown>;
}

/**
 * Runs the jobs of a queue, and yields the completed ones. BullMQ retries a failed job. An error of the worker itself
 * fails the task, so put it under `supervise`.
 */
export function bullWorker<Job>(name: string, make: () => WorkerLike): Task<Job> {
  let worker: WorkerLike;
  return task(name, {
    initialize() {
      worker = make();
      return orWorkerError(worker, () => worker.waitUntilReady());
    },
    execute: () =>
      merge(
        fromEvent(worker, 'completed', (job: Job) => job),
        errorsOf(worker),
      ).pipe(takeUntil(defer(() => worker.run()))),
    finalize: () => orWorkerError(worker, () => worker.close()),
  });
}

/** Fails on the worker's `error` event, because neither `waitUntilReady` nor `close` rejects then. */
function orWorkerError(worker: WorkerLike, work: () => Promise<unknown>): Observable<unknown> {
  return merge(errorsOf(worker), defer(work)).pipe(take(1));
}

function errorsOf(worker: WorkerLike): Observable<never> {
  return fromEvent(worker, 'error').pipe(
    map((error) => {
      throw error;
    }),
  );
}

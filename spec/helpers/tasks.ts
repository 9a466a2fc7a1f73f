import { filter, firstValueFrom, map, NEVER, timer, type Observable, type SchedulerLike } from 'rxjs';
import { task, taskRunner, type Application, type Outcome, type TaskEvent, type TaskRunner } from '../../lib/index.js';

/** Creates a promise that the spec settles. */
export function deferred<T>(): { promise: Promise<T>; resolve: (value: T) => void; reject: (reason: unknown) => void } {
  let resolve!: (value: T) => void;
  let reject!: (reason: unknown) => void;
  const promise = new Promise<T>((...settle) => ([resolve, reject] = settle));
  return { promise, resolve, reject };
}

/** Resolves after the callbacks of all promises that are settled now. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Resolves when an application is ready. */
export async function whenReady({ ready$ }: Application): Promise<void> {
  await firstValueFrom(ready$.pipe(filter(Boolean)));
}

/** Returns an array that grows with the types of a runner's events. */
export function eventTypes(runner: TaskRunner): TaskEvent['type'][] {
  const types: TaskEvent['type'][] = [];
  runner.events$.subscribe(({ type }) => types.push(type));
  return types;
}

/** Returns an array that grows with a runner's events. */
export function events(runner: TaskRunner): TaskEvent[] {
  const emitted: TaskEvent[] = [];
  runner.events$.subscribe((event) => emitted.push(event));
  return emitted;
}

/** Returns the outcome of a runner's last run. */
export function outcomeOf(runner: TaskRunner): Outcome | undefined {
  let last: Outcome | undefined;
  runner.done$.subscribe((outcome) => (last = outcome)).unsubscribe();
  return last;
}

/** Returns a hook that throws. */
export function throwing(reason: unknown = new Error('boom')): () => never {
  return () => {
    throw reason;
  };
}

/** Emits an error after some time. */
export function failAfter(ms: number, scheduler?: SchedulerLike): Observable<never> {
  return timer(ms, scheduler).pipe(map(throwing()));
}

/** Creates a runner whose task fails as soon as it starts. */
export function failing(name: string, reason: unknown = new Error(name)): TaskRunner<never> {
  return taskRunner(task(name, throwing(reason)));
}

/** Creates a runner whose task runs until it is cancelled. */
export function forever(name: string): TaskRunner<never> {
  return taskRunner(task(name, () => NEVER));
}

/** Creates a runner whose task completes after some time. */
export function lasting(name: string, ms: number): TaskRunner<0> {
  return taskRunner(task(name, () => timer(ms)));
}

/** Creates a runner whose task runs until it is cancelled and then finalizes for some time. */
export function slow(name: string, ms: number): TaskRunner<never> {
  return taskRunner(task(name, { execute: () => NEVER, finalize: () => timer(ms) }));
}

/** Returns these values one after another, and then again from the first. */
export function cycle<T>(values: readonly T[]): () => T {
  let n = 0;
  return () => values[n++ % values.length] as T;
}

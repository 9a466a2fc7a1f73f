import type { Outcome, TaskEvent, TaskRunner } from '../../lib/index.js';

/** A promise to be settled by hand. */
export function deferred<T>(): { promise: Promise<T>; resolve: (value: T) => void; reject: (reason: unknown) => void } {
  let resolve!: (value: T) => void;
  let reject!: (reason: unknown) => void;
  const promise = new Promise<T>((...settle) => ([resolve, reject] = settle));
  return { promise, resolve, reject };
}

/** Every promise that is settled by now has been dealt with when this resolves. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** The types of a runner's events as they come. */
export function eventTypes(runner: TaskRunner): TaskEvent['type'][] {
  const types: TaskEvent['type'][] = [];
  runner.events$.subscribe(({ type }) => types.push(type));
  return types;
}

/** A runner's events as they come. */
export function events(runner: TaskRunner): TaskEvent[] {
  const told: TaskEvent[] = [];
  runner.events$.subscribe((event) => told.push(event));
  return told;
}

/** The outcome of a runner's last run. */
export function outcomeOf(runner: TaskRunner): Outcome | undefined {
  let last: Outcome | undefined;
  runner.done$.subscribe((outcome) => (last = outcome)).unsubscribe();
  return last;
}

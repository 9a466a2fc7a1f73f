import { lastValueFrom, toArray } from 'rxjs';
import type { ThreadPool, ThreadRunOptions } from '../../lib/threads/index.js';
import { pause } from './wait.js';

/** The module whose functions the specs run in threads. */
export const workUrl: URL = new URL('../fixtures/threads/work.ts', import.meta.url);

/** Runs an export of that module and returns all its values. */
export function valuesOf(
  pool: ThreadPool,
  name: string,
  input?: unknown,
  options?: ThreadRunOptions,
): Promise<unknown[]> {
  return lastValueFrom(pool.run(workUrl, input, { name, ...options }).pipe(toArray()));
}

/** Runs an export of that module and returns its error. */
export async function errorOf(pool: ThreadPool, name: string, input?: unknown): Promise<unknown> {
  const result = await valuesOf(pool, name, input).catch((error: unknown) => ({ error }));
  if ('error' in result) return result.error;
  throw new Error(`Expected an error, got the values ${result.join()}`);
}

/** Two integers in memory that all threads share. */
export function sharedInts(): Int32Array {
  return new Int32Array(new SharedArrayBuffer(8));
}

/** Resolves when the first integer has stopped changing: when no thread counts any more. */
export async function whenConstant(ints: Int32Array): Promise<void> {
  let before: number;
  do {
    before = Atomics.load(ints, 0);
    await pause(50);
  } while (Atomics.load(ints, 0) !== before);
}

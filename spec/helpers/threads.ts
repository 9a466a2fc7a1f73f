import { lastValueFrom, toArray } from 'rxjs';
import type { ThreadPool, ThreadRunOptions } from '../../lib/threads/index.js';

/** What the specs run in threads. */
export const work: URL = new URL('../fixtures/threads/work.ts', import.meta.url);

/** All that an export of it yields. */
export function all(pool: ThreadPool, name: string, input?: unknown, options?: ThreadRunOptions): Promise<unknown[]> {
  return lastValueFrom(pool.run(work, input, { name, ...options }).pipe(toArray()));
}

/** What it fails with. */
export async function failure(pool: ThreadPool, name: string, input?: unknown): Promise<unknown> {
  const values = await all(pool, name, input).catch((error: unknown) => ({ error }));
  if ('error' in values) return values.error;
  throw new Error(`It does not fail, but yields ${values.join()}`);
}

/** A few numbers that several threads see. */
export function shared(): Int32Array {
  return new Int32Array(new SharedArrayBuffer(8));
}

export async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 2));
}

/** Resolves when a number stays as it is: when nobody counts any longer. */
export async function still(numbers: Int32Array, at = 0): Promise<void> {
  let before: number;
  do {
    before = Atomics.load(numbers, at);
    await new Promise((resolve) => setTimeout(resolve, 50));
  } while (Atomics.load(numbers, at) !== before);
}

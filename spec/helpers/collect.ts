import { config, type Observable } from 'rxjs';

/** What a stream has told so far, its end included. */
export function collect<T>(stream: Observable<T>): (T | 'complete' | Error)[] {
  const told: (T | 'complete' | Error)[] = [];
  stream.subscribe({
    next: (value) => told.push(value),
    error: (error: unknown) => told.push(error as Error),
    complete: () => told.push('complete'),
  });
  return told;
}

/** Calls a function while errors that nobody catches are kept, and gives them. RxJS reports them in a later task. */
export async function unhandledDuring(work: () => unknown): Promise<unknown[]> {
  const errors: unknown[] = [];
  const before = config.onUnhandledError;
  config.onUnhandledError = (error: unknown) => errors.push(error);
  try {
    await work();
    await new Promise((resolve) => setTimeout(resolve, 5));
  } finally {
    config.onUnhandledError = before;
  }
  return errors;
}

/** Calls a function and gives what Node has warned of meanwhile. */
export async function warningsDuring(work: () => unknown): Promise<Error[]> {
  const warnings: Error[] = [];
  const listener = (warning: Error) => warnings.push(warning);
  process.on('warning', listener);
  try {
    await work();
    await new Promise((resolve) => setTimeout(resolve, 5));
  } finally {
    process.off('warning', listener);
  }
  return warnings;
}

/** How many children and listeners hang on a context. */
export function listenerCount(ctx: object): number {
  type Link = { nextNode?: Link } | undefined;
  let count = 0;
  for (let link = (ctx as { first: Link }).first; link; link = link.nextNode) count++;
  return count;
}

/** What a function throws. */
export function thrownBy(work: () => unknown): Error {
  try {
    work();
  } catch (error) {
    if (error instanceof Error) return error;
  }
  throw new Error('It throws no error');
}

import { config, type Observable } from 'rxjs';

/** Subscribes to a stream. Returns an array that grows with its values and its end. */
export function collect<T>(stream: Observable<T>): (T | 'complete' | Error)[] {
  const received: (T | 'complete' | Error)[] = [];
  stream.subscribe({
    next: (value) => received.push(value),
    error: (error: unknown) => received.push(error as Error),
    complete: () => received.push('complete'),
  });
  return received;
}

/**
 * Calls a function and returns the unhandled errors meanwhile. RxJS reports them in a later macrotask.
 *
 * @param action gets the errors so far, to wait for them.
 */
export async function unhandledDuring(action: (errors: readonly unknown[]) => unknown): Promise<unknown[]> {
  const errors: unknown[] = [];
  const previous = config.onUnhandledError;
  config.onUnhandledError = (error: unknown) => errors.push(error);
  try {
    await action(errors);
    await new Promise((resolve) => setTimeout(resolve, 5));
  } finally {
    config.onUnhandledError = previous;
  }
  return errors;
}

/** Calls a function and returns Node's warnings meanwhile. */
export async function warningsDuring(action: () => unknown): Promise<Error[]> {
  const warnings: Error[] = [];
  const listener = (warning: Error) => warnings.push(warning);
  process.on('warning', listener);
  try {
    await action();
    await new Promise((resolve) => setTimeout(resolve, 5));
  } finally {
    process.off('warning', listener);
  }
  return warnings;
}

/** Counts the children and listeners of a context. */
export function listenerCount(ctx: object): number {
  type Node = { nextNode?: Node } | undefined;
  let count = 0;
  for (let node = (ctx as { first: Node }).first; node; node = node.nextNode) count++;
  return count;
}

/** Calls a function and returns the error that it throws. */
export function thrownBy(action: () => unknown): Error {
  try {
    action();
  } catch (error) {
    if (error instanceof Error) return error;
  }
  throw new Error('The function throws no error');
}

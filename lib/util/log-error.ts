import { attempt } from './attempt.js';
import { stackTrace } from './error-causes.js';

/**
 * Writes an error with `console.error`: as the console prints it, or else in those of its parts that can be printed.
 */
export function logError(error: unknown): void {
  try {
    console.error(error);
  } catch {
    attempt(() => console.error(stackTrace(error)), undefined);
  }
}

const written = new WeakSet();

/**
 * Writes an error as {@link logError} does, unless it was written by this function before: the subscriber of a run and
 * the applications around it all write the failure that they learn of. Other values than objects are always written.
 */
export function logErrorOnce(error: unknown): void {
  if (typeof error === 'object' && error !== null) {
    if (written.has(error)) return;
    written.add(error);
  }
  logError(error);
}

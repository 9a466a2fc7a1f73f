import { attempt } from './attempt.js';
import { stackTrace } from './error-causes.js';

/** Writes an error with `console.error`: as the console prints it, or else in those of its parts that can be printed. */
export function logError(error: unknown): void {
  try {
    console.error(error);
  } catch {
    attempt(() => console.error(stackTrace(error)), undefined);
  }
}

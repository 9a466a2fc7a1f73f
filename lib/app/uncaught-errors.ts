import { hasMethod } from '../util/has-members.js';
import { logErrorOnce } from '../util/log-error.js';

/** The most errors that are written, because a fault may cause any number of them. */
const maxWritten = 100;

/**
 * Calls a function with each uncaught exception and unhandled rejection of this process, which goes on. Writes the
 * first hundred to stderr, unless they are errors of tasks that are written already.
 *
 * @param isHandled whether an error is handled elsewhere. What it throws, or rejects with, is another uncaught error,
 * with which it is not called.
 * @returns the function that ends this.
 */
export function catchUncaughtErrors(
  isHandled: ((error: unknown) => unknown) | undefined,
  onError: (error: unknown) => void,
): () => void {
  let count = 0;
  const report = (reason: unknown) => {
    const error = reason ?? new Error(`Thrown or rejected with ${String(reason)}`);
    if (count++ < maxWritten) logErrorOnce(error);
    onError(error);
  };
  const onUncaught = (reason: unknown) => {
    const errors = [reason];
    try {
      const handled = isHandled?.(reason);
      if (handled === true) return;
      // Called with its own rejection, it would reject again, and Node would call it before any timer.
      if (hasMethod(handled, 'then')) Promise.resolve(handled).catch(report);
    } catch (error) {
      errors.push(error);
    }
    errors.forEach(report);
  };
  process.on('uncaughtException', onUncaught);
  process.on('unhandledRejection', onUncaught);
  return () => {
    process.off('uncaughtException', onUncaught);
    process.off('unhandledRejection', onUncaught);
  };
}

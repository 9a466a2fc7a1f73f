import { CancelledError } from '../errors/cancelled-error.js';
import { attempt } from '../util/attempt.js';

// Registered, because the cause of a cancel may reach a task of another copy of this package.
const removal = Symbol.for('rxjs-tasks.removal');

/** Creates the cause with which a group cancels a member that was removed or replaced by its key. */
export function removalError(message: string): CancelledError {
  return Object.defineProperty(new CancelledError(message), removal, { value: true });
}

/** Whether a task was cancelled because it, or what it is part of, was removed or replaced. */
export function isRemoval(cause: unknown): boolean {
  // A trap of a Proxy may throw.
  return attempt(() => (cause as Record<symbol, unknown> | null | undefined)?.[removal] === true, false);
}

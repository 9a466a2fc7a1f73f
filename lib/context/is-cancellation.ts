import { attempt } from '../util/attempt.js';
import { isError, nameOf } from '../util/describe-error.js';

/** The longest chain of causes that is searched: a getter may make up one without an end. */
const maxLength = 25_000;

/**
 * Whether an error only reports that its work was cancelled. Platform APIs reject with an AbortError of their own when
 * their signal is aborted; other code wraps the cause.
 */
export function isCancellation(error: unknown, cause: unknown): boolean {
  if (isError(error) && nameOf(error) === 'AbortError') return true;
  const visited = new Set<unknown>();
  for (let current = error; !visited.has(current) && visited.size < maxLength; current = causeOfObject(current)) {
    if (Object.is(current, cause)) return true;
    if (typeof current !== 'object' || current === null) return false;
    visited.add(current);
  }
  return false;
}

function causeOfObject(object: unknown): unknown {
  return attempt(() => (object as { cause?: unknown }).cause, undefined);
}

import { attempt } from '../util/attempt.js';
import { isError, nameOf } from '../util/error-parts.js';

/** The longest chain of causes that is searched: a getter may return a new cause each time. */
const maxLength = 25_000;

/**
 * Whether an error only reports that its work was cancelled. Platform APIs reject with an AbortError of their own when
 * their signal is aborted; other code wraps the cause.
 */
export function isCancellation(error: unknown, cause: unknown): boolean {
  if (isError(error) && nameOf(error) === 'AbortError') return true;
  // An earlier error of the chain, to notice a circle (Brent's algorithm): it moves on at each power of two.
  let earlier: unknown = undefined;
  let current = error;
  for (let length = 1; length <= maxLength; length++) {
    if (Object.is(current, cause)) return true;
    if (typeof current !== 'object' || current === null || current === earlier) return false;
    if ((length & (length - 1)) === 0) earlier = current;
    current = causeOfObject(current);
  }
  return false;
}

function causeOfObject(object: object): unknown {
  return attempt(() => (object as { cause?: unknown }).cause, undefined);
}

/**
 * Whether an error only reports that its work was cancelled. Platform APIs reject with an AbortError of their own when
 * their signal is aborted; other code wraps the cause.
 */
export function isCancellation(error: unknown, cause: unknown): boolean {
  if (error instanceof Error && error.name === 'AbortError') return true;
  const visited = new Set<unknown>();
  for (let current = error; !visited.has(current); current = (current as { cause?: unknown }).cause) {
    if (Object.is(current, cause)) return true;
    if (typeof current !== 'object' || current === null) return false;
    visited.add(current);
  }
  return false;
}

/**
 * Whether all that an error says is that its work was cancelled. Platform APIs reject with an AbortError of their own when
 * their signal is aborted; others wrap the cause.
 */
export function isCancellation(error: unknown, cause: unknown): boolean {
  if (error instanceof Error && error.name === 'AbortError') return true;
  const seen = new Set<unknown>();
  for (let one = error; !seen.has(one); one = (one as { cause?: unknown }).cause) {
    if (Object.is(one, cause)) return true;
    if (typeof one !== 'object' || one === null) return false;
    seen.add(one);
  }
  return false;
}

/**
 * Returns the result of `read`, or the fallback when it throws: a getter of an error, or a trap of a Proxy, may throw.
 */
export function attempt<T>(read: () => T, fallback: T): T {
  try {
    return read();
  } catch {
    return fallback;
  }
}

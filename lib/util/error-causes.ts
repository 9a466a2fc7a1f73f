/**
 * Returns an error and its chain of causes, outermost first. The chain may be circular or endless, and a `cause` may
 * throw when it is read.
 *
 * @param maxLength the maximum number of errors. Default: 10.
 * @param isShown whether an error is shown elsewhere with its causes. The chain ends with the first such cause.
 */
export function errorChain(
  error: unknown,
  maxLength = 10,
  isShown: (cause: unknown) => boolean = () => false,
): unknown[] {
  const chain = new Set([error]);
  for (let current = error; chain.size < maxLength;) {
    const outer = current;
    current = attempt(() => (outer instanceof Error ? outer.cause : undefined), undefined);
    if (current === undefined || chain.has(current)) break;
    chain.add(current);
    if (isShown(current)) break;
  }
  return [...chain];
}

/** Returns the result of `read`, or the fallback when it throws. An error's own getters may throw. */
export function attempt<T>(read: () => T, fallback: T): T {
  try {
    return read();
  } catch {
    return fallback;
  }
}

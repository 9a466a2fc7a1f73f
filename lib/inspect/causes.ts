/** An error and what caused it, outermost first; errors may go around in circles, be endless, and throw when they are looked at. */
export function causesOf(error: unknown): unknown[] {
  const causes = new Set<unknown>([error]);
  for (let one = error; causes.size < 10;) {
    one = attempt(() => (one instanceof Error ? one.cause : undefined), undefined);
    if (one === undefined || causes.has(one)) break;
    causes.add(one);
  }
  return [...causes];
}

/** What can be told of it, else what is told instead. */
export function attempt<T>(tell: () => T, instead: T): T {
  try {
    return tell();
  } catch {
    return instead;
  }
}

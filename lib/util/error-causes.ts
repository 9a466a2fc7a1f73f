import { causeOf, headline, stackOf } from './describe-error.js';

/**
 * Returns an error and its chain of causes, outermost first. The chain may be circular or endless, and a `cause` may
 * throw when it is read.
 *
 * @param maxLength the maximum number of errors. Default: 10.
 */
export function errorChain(error: unknown, maxLength = 10): unknown[] {
  const chain = new Set([error]);
  for (let current = error; chain.size < maxLength;) {
    current = causeOf(current);
    if (current === undefined || chain.has(current)) break;
    chain.add(current);
  }
  return [...chain];
}

/** Returns the stacks of an error and its causes. A value without a stack is printed. */
export function stackTrace(error: unknown): string {
  return errorChain(error)
    .map((each) => stackOf(each) || headline(each))
    .join('\ncaused by: ');
}

import { errorsOf, headline } from './describe-error.js';
import { causeOf, stackOf } from './error-parts.js';
import { printableLines } from './printable.js';

/** The most errors of a chain or a stack trace. */
const maxErrors = 10;
/** The longest message of a stack, and the longest list of its frames, in characters. */
const maxStack = 10_000;

/**
 * Returns an error and its chain of causes, outermost first. The chain may be circular or endless, and a `cause` may
 * throw when it is read.
 */
export function errorChain(error: unknown): unknown[] {
  const chain = new Set([error]);
  for (let current = error; chain.size < maxErrors;) {
    current = causeOf(current);
    if (current === undefined || chain.has(current)) break;
    chain.add(current);
  }
  return [...chain];
}

/** Returns what an error consists of and its cause, the next to visit last. */
export function directCauses(error: unknown): unknown[] {
  const cause = causeOf(error);
  return [...(cause === undefined ? [] : [cause]), ...errorsOf(error).toReversed()];
}

/**
 * Returns the stacks of an error, the errors that it consists of, and its causes, as printable text. A value without a
 * stack is printed.
 *
 * @param detailsOf returns the text that follows the stack of an error. Default: none.
 */
export function stackTrace(error: unknown, detailsOf: (error: unknown) => string = () => ''): string {
  return errorTree(error)
    .map((each) => printableStack(each) + detailsOf(each))
    .join('\ncaused by: ');
}

/** Returns an error, the errors that it consists of, and its causes, in the order in which a stack trace has them. */
export function errorTree(error: unknown): unknown[] {
  const found = new Set<unknown>();
  const pending = [error];
  while (pending.length > 0 && found.size < maxErrors) {
    const next = pending.pop();
    if (!found.has(next)) pending.push(...directCauses(next));
    found.add(next);
  }
  return [...found];
}

/** Returns a stack whose message and frames are cut, each for itself: a long message hides no frames. */
function printableStack(error: unknown): string {
  const head = headline(error);
  const stack = stackOf(error) || head;
  const firstFrame = stack.indexOf('\n    at ', stack.startsWith(head) ? head.length : 0);
  const end = firstFrame === -1 ? stack.length : firstFrame;
  return printableLines(stack.slice(0, end), maxStack) + printableLines(stack.slice(end), maxStack);
}

import { captureAsyncContext, runInAsyncContext, type AsyncContext } from './async-context.js';
import { reportUnhandled } from './report-unhandled.js';

/** The number of nested calls that run on the call stack. At about 2 kB each, a fourth of Node's default stack. */
const maxDepth = 100;

interface PostponedCall {
  readonly asyncContext: AsyncContext;
  readonly call: (object: never, argument: never) => void;
  readonly object: unknown;
  readonly argument: unknown;
}

let depth = 0;
let postponed: PostponedCall[] = [];

/**
 * Calls a function with an object and an argument, on the call stack while that is shallow. A deeper call is postponed
 * until the outermost one has returned, so that tasks nested thousands of levels deep do not overflow the stack. For
 * the caller of the outermost call, all of them are synchronous.
 */
export function callNested<O, A>(call: (object: O, argument: A) => void, object: O, argument: A): void {
  // A call waits for those before it: a value must not arrive before an earlier one that was emitted further down.
  if (depth >= maxDepth || postponed.length > 0) {
    postponed.push({ asyncContext: captureAsyncContext(), call, object, argument });
    return;
  }
  depth++;
  try {
    call(object, argument);
  } finally {
    if (depth === 1 && postponed.length > 0) callPostponed();
    depth--;
  }
}

/** Calls what was postponed, at depth 1, in the order in which it was postponed. */
function callPostponed(): void {
  while (postponed.length > 0) {
    const calls = postponed;
    postponed = [];
    for (const { asyncContext, call, object, argument } of calls) {
      try {
        runInAsyncContext(asyncContext, call, object as never, argument as never);
      } catch (error) {
        reportUnhandled(error);
      }
    }
  }
}

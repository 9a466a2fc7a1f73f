import { reportUnhandled } from './report-unhandled.js';

/** The number of nested calls that run on the call stack. At about 2 kB each, a fourth of Node's default stack. */
const maxDepth = 100;

let depth = 0;
let postponed: (() => void)[] = [];

/**
 * Calls a function with an argument, on the call stack while that is shallow. A deeper call is postponed until the
 * outermost one has returned, so that tasks nested thousands of levels deep do not overflow the stack. For the caller
 * of the outermost call, all of them are synchronous.
 */
export function callNested<A>(call: (argument: A) => void, argument: A): void {
  if (depth >= maxDepth) {
    postponed.push(() => call(argument));
    return;
  }
  depth++;
  try {
    call(argument);
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
    for (const call of calls) {
      try {
        call();
      } catch (error) {
        reportUnhandled(error);
      }
    }
  }
}

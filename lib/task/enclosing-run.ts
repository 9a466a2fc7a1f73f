import type { CancelContext } from '../context/cancel-context.js';
import type { Run } from './run.js';

/**
 * Returns the nearest run at or above a context: a runner that is started under the context is a child of that run. A
 * context that is cancelled, or whose work has ended, is in no tree and has none.
 */
export function enclosingRun(ctx: CancelContext): Run<unknown> | undefined {
  for (let at: CancelContext | undefined = ctx; at; at = at.list as CancelContext | undefined) {
    const run = at.ownRun;
    if (run !== undefined) return (run ?? undefined) as Run<unknown> | undefined;
  }
  return undefined;
}

import { toContext } from '../context/abort-signal-context.js';
import type { Context } from '../context/types.js';
import { logError } from '../util/log-error.js';
import { enclosingRun } from './enclosing-run.js';

/**
 * Reports an error of a teardown, or of another function that is not the task's own work, as an event of the nearest
 * run at or above a context. Without a run the error is written with `console.error`.
 */
export function reportTeardownError(error: unknown, ctx?: Context): void {
  const run = ctx && enclosingRun(toContext(ctx));
  if (run) run.teardownFailed(error);
  else logError(error);
}

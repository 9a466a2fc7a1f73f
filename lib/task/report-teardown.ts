import { toContext } from '../context/abort-signal-context.js';
import type { Context } from '../context/types.js';
import { logError } from '../util/log-error.js';
import { enclosingRun } from './enclosing-run.js';

/**
 * Reports what a teardown, or another function beside the task's own work, has thrown: as an event of the run that a
 * context belongs to. Without a run the error is written with `console.error`.
 */
export function reportTeardownError(error: unknown, ctx?: Context): void {
  const run = ctx && enclosingRun(toContext(ctx));
  if (run) run.teardownFailed(error);
  else logError(error);
}

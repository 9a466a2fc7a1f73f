import type { RunContext } from '../context/types.js';
import type { CompositeRun } from './composite.js';

/** Whether another run has started a run, or one that it is part of, under its context. */
export function isStartedByRun(run: RunContext): boolean {
  // A loop, because runs may be nested deeper than the call stack.
  for (let at: RunContext | undefined = run; at; at = at.parent)
    if ((at as Partial<CompositeRun>).startedByRun === true) return true;
  return false;
}

import { isComposite } from '../task/composite.js';
import { inspectRunner } from '../task/runner-access.js';
import { Runner } from '../task/runner.js';
import type { TaskRunner } from '../task/types.js';

/** Whether a runner is another one, or is made of it at any depth. */
export function contains(runner: TaskRunner, part: TaskRunner): boolean {
  // A loop, because runners may be nested deeper than the call stack. It comes to each runner that it adds.
  const runners = new Set([runner]);
  for (const each of runners) for (const member of membersOf(each) ?? []) runners.add(member);
  return runners.has(part);
}

function membersOf(runner: TaskRunner): readonly TaskRunner[] | undefined {
  if (!(runner instanceof Runner)) return inspectRunner(runner).members;
  // The rest of its state would take much longer to read.
  return isComposite(runner.hooks) ? runner.hooks.members : undefined;
}

import { inspectRunner } from '../task/runner-access.js';
import type { TaskRunner } from '../task/types.js';

/** Returns the runner at a path such as `app/workers/mail`: of several with one path, the one that was started last. */
export function findRunner(runners: readonly TaskRunner[], path: string): TaskRunner | undefined {
  // Not split at each `/`, because the name of a task may have one.
  const stack = runners.map((runner) => ({ runner, path: runner.toString() }));
  for (let each = stack.pop(); each; each = stack.pop()) {
    if (each.path === path) return each.runner;
    const { members = [], memberName, children = [], transparent } = inspectRunner(each.runner);
    const above = each.path;
    if (!transparent && !path.startsWith(`${above}/`)) continue;
    for (const runner of [...members, ...children])
      stack.push({ runner, path: transparent ? above : `${above}/${memberName?.(runner) ?? runner.toString()}` });
  }
  return undefined;
}

import { inspectRunner } from '../task/runner-access.js';
import type { TaskRunner } from '../task/types.js';

/** A runner at its path. */
export interface PlacedRunner {
  readonly path: string;
  readonly runner: TaskRunner;
  /** The runner whose member it is, if it is one. */
  readonly group?: TaskRunner;
  /** Its name as a member of `group`. */
  readonly memberName?: string;
}

/**
 * Iterates over runners and all runners below them. Of several with one path, the one that was started last comes
 * first, and one that stands for others comes before these.
 *
 * @param isWanted whether to iterate over what is below a path. Default: everything.
 */
export function* placedRunners(
  runners: readonly TaskRunner[],
  isWanted: (path: string) => boolean = () => true,
): Generator<PlacedRunner> {
  const stack = runners.map((runner): PlacedRunner => ({ runner, path: runner.toString() }));
  for (let each = stack.pop(); each; each = stack.pop()) {
    yield each;
    const { runner, path } = each;
    const { members = [], memberName, children = [], transparent } = inspectRunner(runner);
    // The runners that it stands for have its path.
    if (transparent) for (const inner of [...members, ...children]) stack.push({ ...each, runner: inner });
    if (transparent || !isWanted(path)) continue;
    for (const member of members) {
      const name = memberName?.(member) ?? member.toString();
      stack.push({ runner: member, path: `${path}/${name}`, group: runner, memberName: name });
    }
    for (const child of children) stack.push({ runner: child, path: `${path}/${child.toString()}` });
  }
}

/** Returns the runner at a path such as `app/workers/mail`: of several with one path, the one that was started last. */
export function findRunner(runners: readonly TaskRunner[], path: string): TaskRunner | undefined {
  return findPlacedRunner(runners, path)?.runner;
}

/** Returns the runner at a path, with the group whose member it is. */
export function findPlacedRunner(runners: readonly TaskRunner[], path: string): PlacedRunner | undefined {
  // Not split at each `/`, because the name of a task may have one.
  for (const each of placedRunners(runners, (above) => path.startsWith(`${above}/`)))
    if (each.path === path) return each;
  return undefined;
}

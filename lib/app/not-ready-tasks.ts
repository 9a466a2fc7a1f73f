import { inspectRunner } from '../task/runner-access.js';
import type { TaskRunner } from '../task/types.js';
import { printableName } from '../util/printable.js';

/** A task that is not ready: it initializes, or waits for the tasks before it. */
export interface NotReadyTask {
  readonly path: string;
  readonly status: 'initializing' | 'idle';
}

/** Returns the tasks that a runner waits for to be ready. A group is replaced by its members. */
export function notReadyTasks(runner: TaskRunner, path: string): readonly NotReadyTask[] {
  const found: NotReadyTask[] = [];
  // A stack of its own, because groups may be nested deeper than the call stack.
  const stack = [{ runner, path }];
  for (let each = stack.pop(); each; each = stack.pop()) {
    const { status } = each.runner;
    if (status !== 'initializing' && status !== 'idle') continue;
    const { members, transparent } = inspectRunner(each.runner);
    // Pushed in reverse, so that the first member comes first.
    for (const member of members?.toReversed() ?? [])
      stack.push({ runner: member, path: transparent ? each.path : `${each.path}/${member.toString()}` });
    if (!members?.length) found.push({ path: each.path, status });
  }
  return found;
}

/** Names on stderr the tasks that are not ready in time. */
export function warnOfSlowStart(tasks: readonly NotReadyTask[]): void {
  const names = (status: NotReadyTask['status'], suffix: string) =>
    tasks.filter((task) => task.status === status).map(({ path }) => printableName(path) + suffix);
  const starting = names('initializing', ' (initialize)').join(', ');
  const waiting = names('idle', '').join(', ');
  console.error(
    `Not ready after 10 s: ${[starting, waiting && `not started yet: ${waiting}`].filter(Boolean).join('; ')}`,
  );
}

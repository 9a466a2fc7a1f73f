import { findPlacedRunner } from '../../app/find-runner.js';
import { notReadyTasks, type NotReadyTask } from '../../app/not-ready-tasks.js';
import { inspectRunner } from '../../task/runner-access.js';
import type { TaskRunner } from '../../task/types.js';

/**
 * Returns the tasks that the task at a path waits for while it is not ready: itself, while it initializes or waits for
 * its restart; the members of a group; and the tasks before one that has not been started, or before its group.
 */
export function waitsFor(runners: readonly TaskRunner[], path: string): readonly NotReadyTask[] {
  for (let placed = findPlacedRunner(runners, path); placed;) {
    const { runner, group, memberName } = placed;
    const { status } = runner;
    if (status === 'initializing') {
      const tasks = notReadyTasks(runner, placed.path);
      // An optional task is awaited by no other.
      return tasks.length > 0 ? tasks : [{ path: placed.path, status }];
    }
    if (status !== 'idle' || !group || memberName === undefined) break;
    const groupPath = placed.path.slice(0, -memberName.length - 1);
    if (group.status === 'initializing') return tasksBefore(runner, group, groupPath);
    placed = findPlacedRunner(runners, groupPath);
  }
  return [];
}

/** Returns the tasks that the members before one of an ordered group wait for. */
function tasksBefore(runner: TaskRunner, group: TaskRunner, groupPath: string): readonly NotReadyTask[] {
  const { members = [] } = inspectRunner(group);
  return members
    .slice(0, members.indexOf(runner))
    .flatMap((member) => notReadyTasks(member, `${groupPath}/${member.toString()}`));
}

import { findPlacedRunner } from '../../app/find-runner.js';
import { notReadyTasks, type NotReadyTask } from '../../app/not-ready-tasks.js';
import { inspectRunner } from '../../task/runner-access.js';
import type { TaskRunner } from '../../task/types.js';

/**
 * Returns the tasks that the task at a path waits for while it is not ready: itself, while it initializes or waits for
 * its restart; the members of a group; and the tasks before one that has not been started.
 */
export function waitsFor(runners: readonly TaskRunner[], path: string): readonly NotReadyTask[] {
  let placed = findPlacedRunner(runners, path);
  if (placed?.runner.status === 'initializing') {
    const tasks = notReadyTasks(placed.runner, path);
    // An optional task is awaited by no other.
    return tasks.length > 0 ? tasks : [{ path, status: 'initializing' }];
  }
  while (placed?.runner.status === 'idle' && placed.group && placed.memberName !== undefined) {
    const groupPath = placed.path.slice(0, -placed.memberName.length - 1);
    const tasks = tasksBefore(placed.runner, placed.group, groupPath);
    if (tasks.length > 0) return tasks;
    placed = findPlacedRunner(runners, groupPath);
  }
  return [];
}

/** Returns the tasks that the members before one of a group wait for. */
function tasksBefore(runner: TaskRunner, group: TaskRunner, groupPath: string): readonly NotReadyTask[] {
  const { members = [], memberName } = inspectRunner(group);
  return members
    .slice(0, members.indexOf(runner))
    .flatMap((member) => notReadyTasks(member, `${groupPath}/${memberName?.(member) ?? member.toString()}`));
}

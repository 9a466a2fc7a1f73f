import { inspectRunner, roleOf } from '../task/runner-access.js';
import type { TaskRunner } from '../task/types.js';
import { taskList } from './task-list.js';

/** A task that is not ready: it initializes, waits for its restart or for the tasks before it, or has failed. */
export interface NotReadyTask {
  readonly path: string;
  readonly status: 'initializing' | 'restarting' | 'idle' | 'done';
}

/** Returns the tasks that a runner waits for to be ready. A group is replaced by its members. */
export function notReadyTasks(runner: TaskRunner, path: string): readonly NotReadyTask[] {
  const found: NotReadyTask[] = [];
  // A stack of its own, because groups may be nested deeper than the call stack.
  const stack = [{ runner, path }];
  for (let each = stack.pop(); each; each = stack.pop()) {
    const { status } = each.runner;
    if ((status !== 'initializing' && status !== 'idle') || roleOf(each.runner) === 'optional') continue;
    const { members, memberName, transparent } = inspectRunner(each.runner);
    // The run of a supervised task has ended, and the next one starts after a delay.
    if (transparent && status === 'initializing' && members?.every((member) => member.status === 'done')) {
      found.push({ path: each.path, status: 'restarting' });
      continue;
    }
    // Pushed in reverse, so that the first member comes first.
    for (const member of members?.toReversed() ?? [])
      stack.push({
        runner: member,
        path: transparent ? each.path : `${each.path}/${memberName?.(member) ?? member.toString()}`,
      });
    if (!members?.length) found.push({ path: each.path, status });
  }
  return found;
}

/** Names on stderr the tasks that are not ready in time. */
export function warnOfSlowStart(tasks: readonly NotReadyTask[]): void {
  const starting = tasks.filter(({ status }) => status === 'initializing' || status === 'restarting');
  const hookOf = (status: NotReadyTask['status']) => (status === 'restarting' ? status : 'initialize');
  const named = (title: string, wanted: NotReadyTask['status']) => {
    const chosen = tasks.filter(({ status }) => status === wanted);
    return chosen.length > 0 && `${title}: ${taskList(chosen.map(({ path }) => ({ task: path })))}`;
  };
  const parts = [
    taskList(starting.map(({ path, status }) => ({ task: path, hook: hookOf(status) }))),
    named('not started yet', 'idle'),
    named('failed', 'done'),
  ];
  console.error(`Not ready after 10 s: ${parts.filter(Boolean).join('; ')}`);
}

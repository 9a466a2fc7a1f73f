import { inspectRunner } from '../task/runner-access.js';
import type { TaskRunner } from '../task/types.js';

/** A task that has not ended. */
export interface RunningTask {
  /** Its path. */
  readonly task: string;
  /** The hook that it is in, or `restarting`: it waits for its next run. */
  readonly hook: 'initialize' | 'execute' | 'finalize' | 'restarting';
  /** Whether it has been cancelled, or finalizes. Assumed of a custom runner. */
  readonly stopping: boolean;
}

const hookOf = { initializing: 'initialize', running: 'execute', finalizing: 'finalize' } as const;

/**
 * Returns the tasks that are running. A group is replaced by its members, and a task with children by these.
 * Children with the same name share an entry.
 */
export function runningTasks(runners: readonly TaskRunner[]): readonly RunningTask[] {
  const found = new Map<string, RunningTask>();
  // A stack of its own, because groups may be nested deeper than the call stack.
  const stack = runners.toReversed().map((runner) => ({ runner, task: runner.toString() }));
  for (let each = stack.pop(); each; each = stack.pop()) {
    const { runner, task } = each;
    const { status } = runner;
    if (status === 'idle' || status === 'done') continue;
    const { members = [], memberName, children = [], transparent = false, stopping = true } = inspectRunner(runner);
    const parts = [
      ...members.map((member) => ({ runner: member, name: memberName?.(member) ?? member.toString() })),
      ...children.map((child) => ({ runner: child, name: child.toString() })),
    ].filter(({ runner: part }) => part.status !== 'idle' && part.status !== 'done');
    for (const part of parts.reverse())
      stack.push({ runner: part.runner, task: transparent ? task : `${task}/${part.name}` });
    if (parts.length > 0) continue;
    found.set(task, { task, stopping, hook: transparent ? 'restarting' : hookOf[status] });
  }
  return [...found.values()];
}

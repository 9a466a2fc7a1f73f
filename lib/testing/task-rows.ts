import { isDeepStrictEqual } from 'node:util';
import { inspectRunner } from '../task/runner-access.js';
import type { TaskRunner } from '../task/types.js';

/** A task that has a row of its own. */
export interface TaskRow {
  readonly path: string;
  /** The runner of its values: that of the supervised task, if it is one. */
  readonly runner: TaskRunner;
  /** The runner of the task itself. */
  readonly task: TaskRunner;
  /** Whether the task has values of its own. A group only forwards the values of its members. */
  readonly yieldsValues: boolean;
  /** Whether it may start runs, or get members, whose names are not known in advance. */
  readonly isOpen: boolean;
}

/** Returns the rows of a task and of all tasks in it. */
export function taskRows(runner: TaskRunner, path: string = runner.toString()): TaskRow[] {
  const { members, memberName, transparent } = inspectRunner(runner);
  if (!members) return [{ path, runner, task: runner, yieldsValues: true, isOpen: true }];
  if (!transparent)
    return [
      { path, runner, task: runner, yieldsValues: false, isOpen: memberName !== undefined },
      ...members.flatMap((member) => taskRows(member, `${path}/${memberName?.(member) ?? member.toString()}`)),
    ];
  // The only member of a transparent task, for example of a supervised one, may be a group.
  const [whole, ...inner] = members.flatMap((member) => taskRows(member, path));
  return whole ? [whole.yieldsValues ? { ...whole, runner } : whole, ...inner] : [];
}

/** Returns the mark of a value: its letter, or itself if it is a letter or digit, or `_`. */
export function markOf(value: unknown, letters: Readonly<Record<string, unknown>>): string {
  const known = Object.entries(letters).find(([, each]) => isDeepStrictEqual(each, value))?.[0];
  const isMark = (typeof value === 'string' || typeof value === 'number') && /^\w$/.test(String(value));
  return known ?? (isMark ? String(value) : '_');
}

import { hasMembers } from '../util/has-members.js';
import { invalid, validateFunction, validateMs } from '../util/validate.js';
import { isSimpleTask } from './is-task.js';
import type { SimpleTask, Task } from './types.js';

/** A task with or without `initialize` and `finalize`. */
export type TaskHooks<T> = SimpleTask<T> & Partial<Task<T>>;

/**
 * Validates a task.
 *
 * @throws TypeError when it is not a task or a hook is not a function; RangeError for a negative `grace`.
 */
export function toTaskHooks<T>(task: SimpleTask<T> | Task<T>): TaskHooks<T> {
  if (!isSimpleTask(task)) throw new TypeError(notTask(task));
  const hooks: TaskHooks<T> = task;
  validateHooks(hooks);
  return hooks;
}

/** Validates the optional members of a task. */
export function validateHooks(hooks: { initialize?: unknown; finalize?: unknown; grace?: unknown }): void {
  if (hooks.initialize !== undefined) validateFunction('initialize', hooks.initialize);
  if (hooks.finalize !== undefined) validateFunction('finalize', hooks.finalize);
  if (hooks.grace !== undefined) validateMs('grace', hooks.grace);
}

/** Returns the task's own name, or else its class's. */
export function taskName(task: SimpleTask): string {
  // An object without a prototype has neither `toString` nor a constructor.
  const { toString } = task as { toString?: () => unknown };
  if (toString && toString !== Object.prototype.toString) return String(toString.call(task));
  const { constructor } = task as { constructor?: { name?: string } };
  const className = constructor === Object ? undefined : constructor?.name;
  return className === undefined || className === '' ? 'anonymous' : className;
}

/**
 * Explains the two frequent mistakes: a runner, such as a cron, instead of its task, and an array, as `runMain` takes.
 */
function notTask(value: unknown): string {
  if (looksLikeRunner(value)) {
    const hint = 'Give the task itself: supervise(cron(task, …))';
    return `Expected \`task\` to be a task, got the runner \`${value.toString()}\`. ${hint}`;
  }
  const hint = Array.isArray(value) ? '. Give them as arguments: ordered(name, ...tasks)' : '';
  return invalid('task', 'a task with an `execute` function', value) + hint;
}

function looksLikeRunner(value: unknown): value is { toString(): string } {
  return hasMembers(value, 'start', 'done$');
}

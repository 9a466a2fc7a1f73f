import { hasMembers } from '../util/has-members.js';
import { invalid, validateFunction, validateMs } from '../util/validate.js';
import { isComposite } from './composite.js';
import { isSimpleTask } from './is-task.js';
import type { SimpleTask, Task } from './types.js';

/** A task with or without `initialize` and `finalize`. */
export type TaskHooks<T> = SimpleTask<T> & Partial<Task<T>>;

/** A task whose members cannot change. */
export abstract class FixedTask {}

/**
 * Validates a task and reads its hooks, once: whatever happens to the task later, its runner stays the same.
 *
 * @throws TypeError when it is not a task or a hook is not a function; RangeError for a negative time.
 */
export function toTaskHooks<T>(task: SimpleTask<T> | Task<T>): TaskHooks<T> {
  if (!isSimpleTask(task)) throw new TypeError(notTask(task));
  if (task instanceof FixedTask || isComposite(task)) return task;
  const { initialize, execute, finalize, grace, startTimeout }: TaskHooks<T> = task;
  validateHooks({ initialize, finalize, grace, startTimeout });
  const name = taskName(task);
  return {
    ...(initialize && { initialize: (ctx) => initialize.call(task, ctx) }),
    execute: (ctx, cancel) => execute.call(task, ctx, cancel),
    ...(finalize && { finalize: () => finalize.call(task) }),
    grace,
    startTimeout,
    toString: () => name,
  };
}

/** Validates the optional members of a task. */
export function validateHooks({
  initialize,
  finalize,
  grace,
  startTimeout,
}: Partial<Record<keyof Task, unknown>>): void {
  if (initialize !== undefined) validateFunction('initialize', initialize);
  if (finalize !== undefined) validateFunction('finalize', finalize);
  if (grace !== undefined) validateMs('grace', grace);
  if (startTimeout !== undefined) validateMs('startTimeout', startTimeout);
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

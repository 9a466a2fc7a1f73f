import { isSimpleTask } from './task.js';
import type { SimpleTask, Task } from './types.js';
import { invalid, validateHooks } from '../util/validate.js';

/** A task whose `initialize` and `finalize` may or may not be there. */
export type TaskHooks<T> = SimpleTask<T> & Partial<Task<T>>;

/** @throws TypeError when it is no task, or a hook of it no function; RangeError when its `grace` is negative. */
export function toTaskHooks<T>(task: SimpleTask<T> | Task<T>): TaskHooks<T> {
  if (!isSimpleTask(task)) throw new TypeError(notTask(task));
  const work: TaskHooks<T> = task;
  validateHooks(work);
  return work;
}

/** A task's own name, else its class's. */
export function taskName(task: SimpleTask): string {
  // An object without a prototype has neither this nor a constructor.
  const { toString } = task as { toString?: () => unknown };
  if (toString && toString !== Object.prototype.toString) return String(toString.call(task));
  const { constructor } = task as { constructor?: { name?: string } };
  const className = constructor === Object ? undefined : constructor?.name;
  return className === undefined || className === '' ? 'anonymous' : className;
}

/** What most often stands in a task's place: a cron, or whatever else is a runner already, and an array, as `runMain` takes. */
function notTask(got: unknown): string {
  if (looksLikeRunner(got))
    return `Expected \`task\` to be a task, got the runner \`${got.toString()}\`. Give the task itself: supervise(cron(task, …))`;
  const hint = Array.isArray(got) ? '. Give them as arguments: ordered(name, ...tasks)' : '';
  return invalid('task', 'a task, with an `execute` function', got) + hint;
}

function looksLikeRunner(x: unknown): x is { toString(): string } {
  return typeof x === 'object' && x !== null && 'start' in x && 'done$' in x;
}

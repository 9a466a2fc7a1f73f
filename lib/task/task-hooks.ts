import type { RunJob } from '../context/types.js';
import { hasMembers } from '../util/has-members.js';
import { nearestName } from '../util/nearest-name.js';
import { printable } from '../util/printable.js';
import { invalid, looksLikeRunner, validateFunction, validateMs } from '../util/validate.js';
import { unknownMember } from '../util/validate-options.js';
import { isComposite } from './composite.js';
import type { SimpleTask, Task } from './types.js';

/** A task with or without `initialize` and `finalize`. That of a job has the job. */
export type TaskHooks<T> = SimpleTask<T> & Partial<Task<T>> & { readonly job?: RunJob };

/** A task whose hooks cannot change, so that its runner need not copy them. */
export abstract class FixedTask {
  abstract toString(): string;
}

/**
 * Validates a task and reads its hooks, once: whatever happens to the task later, its runner stays the same.
 *
 * @throws TypeError when it is not a task, a hook is not a function, or a method is nearly named like a missing hook;
 * RangeError for a negative time.
 */
export function toTaskHooks<T>(task: SimpleTask<T> | Task<T>): TaskHooks<T> {
  if (typeof task !== 'object' || (task as unknown) === null) throw new TypeError(notTask(task));
  return task instanceof FixedTask || isComposite(task) ? task : readHooks(task);
}

function readHooks<T>(task: SimpleTask<T> | Task<T>): TaskHooks<T> {
  const { initialize, finalize, grace, startTimeout }: TaskHooks<T> = task;
  const { execute } = task as { readonly execute?: SimpleTask<T>['execute'] };
  if (typeof execute !== 'function') throw new TypeError(notTask(task));
  validateHooks({ initialize, execute, finalize, grace, startTimeout });
  refuseMisspelled(task, 'task');
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

const hookNames = ['initialize', 'execute', 'finalize'] as const;

/** Validates the hooks and times of a task or a definition. */
export function validateHooks(hooks: Partial<Record<keyof Task, unknown>>): void {
  const { initialize, execute, finalize, grace, startTimeout } = hooks;
  // Each by its name, because a loop takes several times as long, and there may be very many tasks.
  if (initialize !== undefined) validateFunction('initialize', initialize);
  if (execute !== undefined) validateFunction('execute', execute);
  if (finalize !== undefined) validateFunction('finalize', finalize);
  if (grace !== undefined) validateMs('grace', grace);
  if (startTimeout !== undefined) validateMs('startTimeout', startTimeout);
}

/** Refuses an object with a method that is nearly named like a missing hook. */
export function refuseMisspelled(object: object, objectName: 'task' | 'definition'): void {
  // Not read, because a getter is called once.
  const missing = hookNames.filter((name) => !(name in object));
  const misspelled = missing.length > 0 ? misspelledHook(object, missing) : undefined;
  if (misspelled !== undefined) throw new TypeError(unknownMember(objectName, hookNames, misspelled));
}

/** Returns the name of a method that is probably meant as a missing hook, and would never be called. */
function misspelledHook(object: object, missing: readonly string[]): string | undefined {
  for (let at: object | null = object; at && at !== Object.prototype; at = Object.getPrototypeOf(at) as object | null)
    for (const name of Object.getOwnPropertyNames(at)) {
      const hook = nearestName(name, missing);
      // A longer word, such as `reinitialize` or `finalizer`, is meant as it is.
      if (hook === undefined || name.includes(hook) || name[0]?.toLowerCase() !== hook[0]) continue;
      // Not read, because a getter may do anything.
      if (typeof Object.getOwnPropertyDescriptor(at, name)?.value === 'function') return name;
    }
  return undefined;
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

/** Explains that a value is not a task, with a hint for a frequent mistake. */
function notTask(value: unknown): string {
  if (looksLikeRunner(value))
    return `${invalid('task', 'a task', value)}. Give the task itself: supervise(cron(task, …))`;
  return invalid('task', 'a task with an `execute` function', value) + hintFor(value);
}

/** Whether a value is probably what a hook returns, and was given instead of the hook. */
export function isHookOutput(value: unknown): boolean {
  const isOutput = hasMembers(value, 'subscribe') || hasMembers(value, 'then');
  return isOutput && !hookNames.some((name) => hasMembers(value, name));
}

function hintFor(value: unknown): string {
  if (Array.isArray(value)) return '. Make them one: parallel(name, ...tasks)';
  if (typeof value === 'function') return ". Give it a name: task('name', work)";
  if (typeof value === 'string') return ". Write task('name', work), or cron(task, schedule)";
  if (isHookOutput(value)) return ". Return it from a task: task('name', () => …)";
  return misspelledExecute(value);
}

function misspelledExecute(value: unknown): string {
  const name = typeof value === 'object' && value !== null ? misspelledHook(value, ['execute']) : undefined;
  return name === undefined ? '' : `; did you mean \`execute\` by \`${printable(name)}\`?`;
}

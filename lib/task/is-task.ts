import { hasMethod } from '../util/has-members.js';
import type { SimpleTask, Task } from './types.js';

/**
 * Whether a value has all the hooks of a {@link Task}.
 *
 * @example
 * ```ts
 * import { isTask, task } from 'rxjs-tasks';
 *
 * console.log(isTask(task('simple', () => 1)), isTask(task('full', { execute: () => 1 }))); // → false true
 * ```
 */
export function isTask(x: unknown): x is Task {
  return isSimpleTask(x) && hasMethod(x, 'initialize') && hasMethod(x, 'finalize');
}

/**
 * Whether a value is a {@link SimpleTask}, which every {@link Task} is, too.
 *
 * @example
 * ```ts
 * import { isSimpleTask } from 'rxjs-tasks';
 *
 * console.log(isSimpleTask({ execute: () => 1 }), isSimpleTask(() => 1)); // → true false
 * ```
 */
export function isSimpleTask(x: unknown): x is SimpleTask {
  return typeof x === 'object' && x !== null && hasMethod(x, 'execute');
}

import type { CancelFunc, RunContext } from '../context/types.js';
import { invalid, validateHooks, validateString } from '../util/validate.js';
import type { SimpleTask, Task, TaskOutput } from './types.js';

/** What {@link task} makes a Task of. */
export interface TaskDefinition<T> {
  /** As that of a {@link SimpleTask}, as is `grace`. */
  execute: SimpleTask<T>['execute'];
  /** As that of a {@link Task}, as is `finalize`. */
  initialize?: Task['initialize'];
  /** Called once whenever `initialize` was, or, without one, whenever `execute` was. */
  finalize?: Task['finalize'];
  grace?: number;
}

/**
 * Writes a task without a class. Hooks that are not given do nothing.
 *
 * @throws TypeError when the name is no string, there is no `execute` function, or another hook is none; RangeError for a
 * negative `grace`.
 *
 * @example
 * ```ts
 * import { task, taskRunner } from 'rxjs-tasks';
 *
 * const greeter = task('greeter', {
 *   initialize: () => console.log('open'), // → open
 *   execute: () => ['a', 'value'],
 *   finalize: () => console.log('close'),
 * });
 * taskRunner(greeter).start().subscribe((value) => console.log(value)); // → [ 'a', 'value' ]
 * // → close
 * ```
 */
export function task<T>(name: string, execute: SimpleTask<T>['execute']): SimpleTask<T>;
export function task<T>(name: string, definition: TaskDefinition<T>): Task<T>;
export function task<T>(name: string, work: SimpleTask<T>['execute'] | TaskDefinition<T>): SimpleTask<T> {
  validateString('name', name);
  if (typeof work === 'function') return new NamedFunction(name, work);
  if (!isSimpleTask(work)) {
    throw new TypeError(invalid('execute', 'a function, or an object that has it as a method', work));
  }
  validateHooks(work);
  return new NamedDefinition(name, work);
}

// Classes, because there may be very many tasks: an object of closures takes several times the memory.
class NamedFunction<T> implements SimpleTask<T> {
  readonly execute: SimpleTask<T>['execute'];
  private readonly name: string;

  constructor(name: string, execute: SimpleTask<T>['execute']) {
    this.name = name;
    this.execute = execute;
  }

  toString(): string {
    return this.name;
  }
}

class NamedDefinition<T> implements Task<T> {
  declare readonly grace?: number;
  private readonly name: string;
  private readonly definition: TaskDefinition<T>;

  constructor(name: string, definition: TaskDefinition<T>) {
    this.name = name;
    this.definition = definition;
    if (definition.grace !== undefined) this.grace = definition.grace;
  }

  initialize(ctx: RunContext): TaskOutput<unknown> {
    return this.definition.initialize?.(ctx);
  }

  execute(ctx: RunContext, cancel: CancelFunc): TaskOutput<T> {
    return this.definition.execute(ctx, cancel);
  }

  finalize(): TaskOutput<unknown> {
    return this.definition.finalize?.();
  }

  toString(): string {
    return this.name;
  }
}

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
  return isSimpleTask(x) && 'initialize' in x && isFunction(x.initialize) && 'finalize' in x && isFunction(x.finalize);
}

/**
 * Whether a value is a {@link SimpleTask}, which every {@link Task} is.
 *
 * @example
 * ```ts
 * import { isSimpleTask } from 'rxjs-tasks';
 *
 * console.log(isSimpleTask({ execute: () => 1 }), isSimpleTask(() => 1)); // → true false
 * ```
 */
export function isSimpleTask(x: unknown): x is SimpleTask {
  return typeof x === 'object' && x !== null && 'execute' in x && isFunction(x.execute);
}

function isFunction(x: unknown): boolean {
  return typeof x === 'function';
}

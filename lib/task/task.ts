import type { CancelFunc, RunContext } from '../context/types.js';
import { invalid, validateString } from '../util/validate.js';
import { isSimpleTask } from './is-task.js';
import { validateHooks } from './task-hooks.js';
import type { SimpleTask, Task, TaskOutput } from './types.js';

/** The hooks of a {@link task}. */
export interface TaskDefinition<T> {
  /** See {@link SimpleTask}. */
  execute: SimpleTask<T>['execute'];
  /** See {@link Task}. */
  initialize?: Task['initialize'];
  /** Called once after each call of `initialize`, or, without `initialize`, of `execute`. */
  finalize?: Task['finalize'];
  /** The time that `initialize` or `execute` may take after a cancel, in ms. Default: see {@link SimpleTask}. */
  grace?: number;
}

/**
 * Creates a task from a name and a function, or from a name and hooks. A missing hook does nothing.
 *
 * @throws TypeError when the name is not a string, `execute` is missing, or a hook is not a function; RangeError for a
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
export function task<T>(name: string, definition: SimpleTask<T>['execute'] | TaskDefinition<T>): SimpleTask<T> {
  validateString('name', name);
  if (typeof definition === 'function') return new NamedFunction(name, definition);
  if (!isSimpleTask(definition)) {
    throw new TypeError(invalid('execute', 'a function or an object with an `execute` method', definition));
  }
  validateHooks(definition);
  return new NamedDefinition(name, definition);
}

// Classes, because there may be very many tasks, and an object of closures takes several times the memory.
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

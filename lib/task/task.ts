import { NEVER } from 'rxjs';
import type { CancelFunc, RunContext } from '../context/types.js';
import { invalid, readOptions, validateString } from '../util/validate.js';
import { FixedTask, validateHooks } from './task-hooks.js';
import type { SimpleTask, Task, TaskOutput } from './types.js';

/** The hooks of a {@link task}: `execute`, or another one, or several. */
export interface TaskDefinition<T> {
  /** See {@link SimpleTask}. A task without it is a resource: it runs until it is cancelled. */
  execute?: SimpleTask<T>['execute'] | undefined;
  /** See {@link Task}. */
  initialize?: Task['initialize'] | undefined;
  /** Called once after each call of `initialize`, or, without `initialize`, of `execute`. */
  finalize?: Task['finalize'] | undefined;
  /** The time that `initialize` or `execute` may take after a cancel, in ms. Default: see {@link SimpleTask}. */
  grace?: number | undefined;
  /** The longest time that `initialize` may take, in ms. Default: see {@link SimpleTask}. */
  startTimeout?: number | undefined;
}

const memberNames: readonly (keyof TaskDefinition<unknown>)[] = [
  'initialize',
  'execute',
  'finalize',
  'grace',
  'startTimeout',
];

/**
 * Creates a task from a name and a function, or from a name and hooks. The hooks are read once. A missing hook does
 * nothing; a task without `execute` runs until it is cancelled.
 *
 * @throws TypeError when the name is not a string, there is no hook, a hook is not a function, or a member is unknown;
 * RangeError for a negative time.
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
export function task<T, W extends TaskWork<T> = TaskWork<T>>(name: string, work: W & TaskWork<T>): TaskOf<T, W>;
// One signature, because TypeScript does not show the wrong type of a call that fits no overload.
export function task<T>(name: string, work: TaskWork<T>): SimpleTask<T> {
  validateString('name', name);
  if (typeof work === 'function') return new NamedFunction(name, work);
  return new NamedDefinition(name, work, readDefinition(work));
}

type Execute<T> = SimpleTask<T>['execute'];

/** The work of a {@link task}: its `execute`, or a definition with hooks. */
export type TaskWork<T> = Execute<T> | TaskDefinition<T>;

/**
 * The type of a {@link task}: simple if its work is a function. With an explicit type argument, TypeScript does not
 * infer the type of the work; the task then counts as a full one.
 */
export type TaskOf<T, W> = [TaskWork<T>] extends [W] ? Task<T> : W extends Execute<T> ? SimpleTask<T> : Task<T>;

// Classes, because there may be very many tasks, and an object of closures takes several times the memory.
class NamedFunction<T> extends FixedTask implements SimpleTask<T> {
  readonly execute: SimpleTask<T>['execute'];
  private readonly name: string;

  constructor(name: string, execute: SimpleTask<T>['execute']) {
    super();
    this.name = name;
    this.execute = execute;
    Object.freeze(this);
  }

  override toString(): string {
    return this.name;
  }
}

class NamedDefinition<T> extends FixedTask implements Task<T> {
  declare readonly grace?: number | undefined;
  declare readonly startTimeout?: number | undefined;
  private readonly name: string;
  /** The object with the hooks, which is their `this`, and the hooks. */
  private readonly definition: TaskDefinition<T>;
  private readonly hooks: TaskDefinition<T>;

  constructor(name: string, definition: TaskDefinition<T>, hooks: TaskDefinition<T>) {
    super();
    const { initialize, execute, finalize, grace, startTimeout } = hooks;
    this.name = name;
    this.definition = definition;
    this.hooks = { initialize, execute, finalize };
    if (grace !== undefined) this.grace = grace;
    if (startTimeout !== undefined) this.startTimeout = startTimeout;
    Object.freeze(this);
  }

  initialize(ctx: RunContext): TaskOutput<unknown> {
    return this.hooks.initialize?.call(this.definition, ctx);
  }

  execute(ctx: RunContext, cancel: CancelFunc): TaskOutput<T> {
    return this.hooks.execute ? this.hooks.execute.call(this.definition, ctx, cancel) : NEVER;
  }

  finalize(): TaskOutput<unknown> {
    return this.hooks.finalize?.call(this.definition);
  }

  override toString(): string {
    return this.name;
  }
}

/** Validates a definition and reads its members, once. */
function readDefinition<T>(definition: TaskDefinition<T>): TaskDefinition<T> {
  const expected = 'a function or an object with an `execute` method';
  if (typeof definition !== 'object' || (definition as unknown) === null)
    throw new TypeError(invalid('execute', expected, definition));
  const hooks = readOptions(definition, memberNames, 'definition');
  validateHooks(hooks, definition, 'definition');
  const { initialize, execute, finalize } = hooks;
  if (!initialize && !execute && !finalize) throw new TypeError(invalid('execute', expected, definition));
  return hooks;
}

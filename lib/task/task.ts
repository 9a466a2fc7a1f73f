import { NEVER } from 'rxjs';
import type { CancelFunc, RunContext } from '../context/types.js';
import { invalid, validateString } from '../util/validate.js';
import { validateMembers, type OtherNames } from '../util/validate-options.js';
import { FixedTask, isHookOutput, refuseMisspelled, validateHooks } from './task-hooks.js';
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
const otherNames: OtherNames = {
  run: 'execute',
  start: 'initialize',
  setup: 'initialize',
  stop: 'finalize',
  close: 'finalize',
  teardown: 'finalize',
};

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
export function task<T>(name: string, work: TaskWork<T>, options?: unknown): SimpleTask<T> {
  if (typeof (name as unknown) === 'function')
    throw new TypeError(`${invalid('name', 'a string', name)}. Write task('name', work)`);
  validateString('name', name);
  if (options !== undefined)
    throw new TypeError(
      `${invalid('task', 'called with two arguments', options)}. Write task(name, { execute, grace })`,
    );
  if (typeof work === 'function') return new NamedFunction(name, work);
  return new NamedDefinition(name, work);
}

/** The work of a {@link task}: its `execute`, or a definition with hooks. */
export type TaskWork<T> = SimpleTask<T>['execute'] | TaskDefinition<T>;

/**
 * The type of a {@link task}: simple if its work is a function. With an explicit type argument, TypeScript does not
 * infer the type of the work; the task then counts as a full one.
 */
export type TaskOf<T, W> = [TaskWork<T>] extends [W]
  ? Task<T>
  : W extends SimpleTask<T>['execute']
    ? SimpleTask<T>
    : Task<T>;

// Classes, because there may be very many tasks, and an object of closures takes several times the memory. The hooks
// are methods of a frozen prototype, so that no instance can replace them: freezing each instance takes 200 ns.
class NamedFunction<T> extends FixedTask implements SimpleTask<T> {
  private readonly name: string;
  private readonly work: SimpleTask<T>['execute'];

  static {
    Object.freeze(this.prototype);
  }

  constructor(name: string, work: SimpleTask<T>['execute']) {
    super();
    this.name = name;
    this.work = work;
  }

  execute(ctx: RunContext, cancel: CancelFunc): TaskOutput<T> {
    return this.work(ctx, cancel);
  }

  override toString(): string {
    return this.name;
  }
}

class NamedDefinition<T> extends FixedTask implements Task<T> {
  private readonly name: string;
  private readonly onInitialize: TaskDefinition<T>['initialize'];
  private readonly onExecute: TaskDefinition<T>['execute'];
  private readonly onFinalize: TaskDefinition<T>['finalize'];
  // `declare` creates no field, which keeps a task small.
  declare private readonly graceMs?: number;
  declare private readonly startTimeoutMs?: number;

  static {
    Object.freeze(this.prototype);
  }

  constructor(name: string, definition: TaskDefinition<T>) {
    super();
    if (typeof definition !== 'object' || (definition as unknown) === null) throw notDefinition(definition);
    // An object literal has no other member, and its hooks are methods of this task.
    const isLiteral = Object.getPrototypeOf(definition) === Object.prototype;
    // Not for a literal, because there may be very many tasks.
    if (!isLiteral && isHookOutput(definition)) throw notDefinition(definition);
    validateMembers(definition, memberNames, 'definition', otherNames);
    const { initialize, execute, finalize, grace, startTimeout } = definition;
    validateHooks({ initialize, execute, finalize, grace, startTimeout });
    if (!isLiteral) refuseMisspelled(definition, 'definition');
    if (!initialize && !execute && !finalize) throw notDefinition(definition);
    this.name = name;
    this.onInitialize = isLiteral ? initialize : initialize?.bind(definition);
    this.onExecute = isLiteral ? execute : execute?.bind(definition);
    this.onFinalize = isLiteral ? finalize : finalize?.bind(definition);
    if (grace !== undefined) this.graceMs = grace;
    if (startTimeout !== undefined) this.startTimeoutMs = startTimeout;
  }

  get grace(): number | undefined {
    return this.graceMs;
  }

  get startTimeout(): number | undefined {
    return this.startTimeoutMs;
  }

  initialize(ctx: RunContext): TaskOutput<unknown> {
    return this.onInitialize?.(ctx);
  }

  execute(ctx: RunContext, cancel: CancelFunc): TaskOutput<T> {
    return this.onExecute ? this.onExecute(ctx, cancel) : NEVER;
  }

  finalize(): TaskOutput<unknown> {
    return this.onFinalize?.();
  }

  override toString(): string {
    return this.name;
  }
}

function notDefinition(value: unknown): TypeError {
  const hint = isHookOutput(value) ? ". Return it from a function: task('name', () => …)" : '';
  return new TypeError(
    invalid('work', 'a function, or an object with `initialize`, `execute` or `finalize`', value) + hint,
  );
}

import type { InteropObservable, Observable, ReadableStreamLike } from 'rxjs';
import type { CancelFunc, Context } from '../context/context.js';
import { expected, expectHooks, expectString } from '../util/validate.js';

/** What yields values over time. */
export type TaskStream<T> = Observable<T> | InteropObservable<T> | AsyncIterable<T> | ReadableStreamLike<T>;

/**
 * What a hook may give back. Whatever is asynchronous is flattened into its values, a promise of a stream into the
 * stream's; anything else, an array, a string or `undefined` included, is one value.
 */
export type TaskOutput<T> = TaskStream<T> | PromiseLike<TaskStream<T> | T> | T;

/** The context of one run. It is cancelled with the context the run was started under, and when `execute` has ended. */
export interface RunContext extends Context {
  /** The task's name. */
  readonly task: string;
  /** Counts the runs of one runner, from 1. */
  readonly runId: number;
  /** When this run of a cron was due, in ms since the epoch. */
  readonly slot?: number;
  /** The run that this one is part of: a group's, a supervision's, the cron's whose slot it runs. */
  readonly within?: RunContext | undefined;
}

/** Work with a name. */
export interface SimpleTask<T = unknown> {
  /**
   * Does the work. An Observable is unsubscribed when the run is cancelled; anything else should heed `ctx`.
   *
   * @param cancel cancels the context the runner was started with: the whole application's, as a rule.
   */
  execute(ctx: RunContext, cancel: CancelFunc): TaskOutput<T>;
  /** Its name in reports, events and errors. */
  toString(): string;
  /**
   * For how many ms `initialize` or `execute` may go on after a cancel. Unless said, 0 for an Observable, which is then
   * unsubscribed, and for an async iterable, whose `return()` is then called and awaited; `Infinity` for a promise, which
   * cannot be cut: past its grace its result is dropped.
   */
  readonly grace?: number;
}

/** Work with a beginning and an end of its own. */
export interface Task<T = unknown> extends SimpleTask<T> {
  /** Acquires what `execute` needs. The task is ready when this has finished; its values are ignored. */
  initialize(ctx: RunContext): TaskOutput<unknown>;
  /** Releases it: called once whenever `initialize` was, awaited, and never cut by a cancel. */
  finalize(): TaskOutput<unknown>;
}

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
  expectString('name', name);
  if (typeof work === 'function') return new NamedFunction(name, work);
  if (!isSimpleTask(work)) {
    throw new TypeError(expected('execute', 'a function, or an object that has it as a method', work));
  }
  expectHooks(work);
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

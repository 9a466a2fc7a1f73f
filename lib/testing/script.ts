import { Observable, type Subscriber } from 'rxjs';
import type { CancelFunc, RunContext } from '../context/types.js';
import type { Phase } from '../errors/errors.js';
import { invalid, validateMs, validateOptions, validateString } from '../util/validate.js';
import type { SimpleTask, Task } from '../task/types.js';
import { enact, type ScriptOptions } from './enact.js';
import { lifeOf } from './life.js';
import { expectLetters, parseRow } from './marbles.js';

/** A task whose hooks end when the test says so. Made by {@link script}. */
export interface ManualTask<T = unknown> extends Task<T> {
  /** The hook under way. */
  readonly phase: Phase | undefined;
  /** Every hook that has been called, in order. */
  readonly calls: readonly Phase[];
  /** What the last hook that gets one got. */
  readonly ctx: RunContext | undefined;
  /** `execute` yields a value. */
  next(value: T): void;
  /** The hook under way ends. */
  settle(): void;
  /** The hook under way fails. */
  fail(error: unknown): void;
  /** Cancels the application, as any hook may. */
  cancel(cause?: unknown): void;
}

/**
 * A task for tests.
 *
 * With marbles it does what they show: `'[-->a--b(!])-|'` takes 3 ms to initialize, yields `a` and, 3 ms later, `b`, goes on until
 * it is cancelled, obeys at once, and takes 2 ms to finalize. What stands for what is in {@link marks}; time goes by as in RxJS's
 * marbles, but for a group, which is as wide as one mark, and for spaces, which are nothing at all. Without a `[` there is no
 * `initialize`, without a `]` no `finalize`. `!--]` is one that takes its time to obey, `?` a hook that never ends. Several rows
 * are for several runs, or slots of a cron, and the last of them for all that follow.
 *
 * Without marbles its hooks go on until the test ends them. A cancel cuts them, unless `grace` (ms) says otherwise.
 *
 * @throws SyntaxError for marbles that are no life of a task. Its `next`, `settle` and `fail` throw when no hook is under way.
 *
 * @example
 * ```ts
 * import { taskRunner } from 'rxjs-tasks';
 * import { script } from 'rxjs-tasks/testing';
 *
 * const db = script<string>('db');
 * taskRunner(db).start().subscribe((value) => console.log(value));
 * db.settle();
 * db.next('row'); // → row
 * db.settle();
 * console.log(db.calls); // → [ 'initialize', 'execute', 'finalize' ]
 * ```
 */
export function script<T = unknown>(name: string, options?: { grace?: number }): ManualTask<T>;
export function script<T = string>(
  name: string,
  marbles: string | readonly string[],
  options?: ScriptOptions<T>,
): SimpleTask<T>;
export function script(
  name: string,
  marbles?: string | readonly string[] | { grace?: number },
  options: ScriptOptions<unknown> = {},
): SimpleTask {
  validateString('name', name);
  if (typeof marbles === 'string' || Array.isArray(marbles)) {
    const rows: readonly string[] = typeof marbles === 'string' ? [marbles] : (marbles as string[]);
    if (rows.length === 0 || rows.some((row) => typeof row !== 'string'))
      throw new TypeError(invalid('marbles', 'a row, or rows', rows));
    validateOptions(options, ['values', 'error']);
    expectLetters(options.values ?? {});
    return enact(
      name,
      rows.map((row) => lifeOf(parseRow(row).marbles)),
      options,
    );
  }
  const byHand = marbles as { grace?: number } | undefined;
  if (byHand !== undefined) validateOptions(byHand, ['grace']);
  return new ByHand(name, byHand?.grace);
}

class ByHand<T> implements ManualTask<T> {
  readonly grace?: number;
  readonly calls: Phase[] = [];
  phase: Phase | undefined = undefined;
  ctx: RunContext | undefined = undefined;
  private readonly name: string;
  private hook: Subscriber<T> | undefined = undefined;
  private cancelAll: CancelFunc | undefined = undefined;

  constructor(name: string, grace: number | undefined) {
    this.name = name;
    if (grace === undefined) return;
    validateMs('grace', grace);
    this.grace = grace;
  }

  initialize(ctx: RunContext): Observable<T> {
    this.ctx = ctx;
    return this.open('initialize');
  }

  execute(ctx: RunContext, cancel: CancelFunc): Observable<T> {
    this.ctx = ctx;
    this.cancelAll = cancel;
    return this.open('execute');
  }

  finalize(): Observable<T> {
    return this.open('finalize');
  }

  next(value: T): void {
    if (this.phase !== 'execute') throw new Error(`${this.name} is not in \`execute\`, which alone yields values`);
    this.hook?.next(value);
  }

  settle(): void {
    this.underWay.complete();
  }

  fail(error: unknown): void {
    this.underWay.error(error);
  }

  cancel(cause?: unknown): void {
    if (!this.cancelAll) throw new Error(`${this.name} has not been executed yet, and has nothing to cancel with`);
    this.cancelAll(cause);
  }

  toString(): string {
    return this.name;
  }

  private get underWay(): Subscriber<T> {
    if (!this.hook) throw new Error(`${this.name} has no hook under way`);
    return this.hook;
  }

  private open(phase: Phase): Observable<T> {
    return new Observable((subscriber) => {
      this.calls.push(phase);
      this.phase = phase;
      this.hook = subscriber;
      return () => {
        if (this.hook === subscriber) this.phase = this.hook = undefined;
      };
    });
  }
}

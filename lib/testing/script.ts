import { invalid, validateString } from '../util/validate.js';
import { validateOptions } from '../util/validate-options.js';
import type { SimpleTask } from '../task/types.js';
import { ManualTask } from './manual-task.js';
import { parseRow, validateLetters } from './marbles.js';
import { scriptedTask, type ScriptOptions } from './scripted-task.js';
import { parseTaskScript } from './task-script.js';

/**
 * Creates a task for tests.
 *
 * With marbles, the task does what they show. `'[-->a--b(!])-|'` takes 3 ms to initialize, yields `a` and, 3 ms later,
 * `b`. It then runs until it is cancelled, ends immediately, and takes 2 ms to finalize. {@link marks} explains the
 * marks. Time passes as in RxJS marbles, with two exceptions: a group takes as long as one mark, and a space takes no
 * time. Without a `[` there is no `initialize`, without a `]` no `finalize`. Marbles that show no end (`|`, `]`, `#` or
 * `!`) run until a cancel, and end then at once. `!--]` takes time to end after a cancel; `?` is a hook that never
 * ends. Several rows are for several runs, or for several slots of a cron. The last row is for all further ones.
 *
 * Without marbles, the hooks run until the test ends them. A cancel interrupts them, after `grace` ms if that is given.
 *
 * @throws SyntaxError for marbles that no task can have, TypeError for a name, rows or options of a wrong type, and
 * RangeError for a negative `grace`.
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
export function script<T = unknown>(name: string, options?: { grace?: number | undefined }): ManualTask<T>;
export function script<T = string>(
  name: string,
  marbles: string | readonly string[],
  options?: ScriptOptions<T>,
): SimpleTask<T>;
export function script(
  name: string,
  marbles?: string | readonly string[] | { grace?: number | undefined },
  options: ScriptOptions<unknown> = {},
): SimpleTask {
  validateString('name', name);
  if (typeof marbles === 'string' || Array.isArray(marbles)) {
    const rows: readonly string[] = typeof marbles === 'string' ? [marbles] : (marbles as string[]);
    if (rows.length === 0 || rows.some((row) => typeof row !== 'string'))
      throw new TypeError(invalid('marbles', 'a row or an array of rows', rows));
    validateOptions(options, ['values', 'error'], 'script');
    if (options.values !== undefined) validateLetters(options.values);
    return scriptedTask(
      name,
      rows.map((row) => parseTaskScript(parseRow(row), row)),
      options,
    );
  }
  const manualOptions = marbles as { grace?: number | undefined } | undefined;
  if (manualOptions !== undefined) validateOptions(manualOptions, ['grace'], 'script');
  return new ManualTask(name, manualOptions?.grace);
}

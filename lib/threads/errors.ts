/**
 * A thread has exited while it was running something: by `process.exit`, as a rule.
 *
 * @example
 * ```ts
 * import { ThreadExitError } from 'rxjs-tasks/threads';
 *
 * console.log(new ThreadExitError('hashing', 3).message); // → A thread of hashing exited with code 3
 * ```
 */
export class ThreadExitError extends Error {
  readonly exitCode: number;

  static {
    this.prototype.name = 'ThreadExitError';
  }

  constructor(pool: string, exitCode: number, options?: ErrorOptions) {
    super(`A thread of ${pool} exited with code ${exitCode}`, options);
    this.exitCode = exitCode;
  }
}

/**
 * A thread had no memory left for its JavaScript heap, and was ended.
 *
 * @example
 * ```ts
 * import { ThreadMemoryError } from 'rxjs-tasks/threads';
 *
 * console.log(new ThreadMemoryError('hashing', 64).message); // → A thread of hashing ran out of memory, of which it had 64 MB
 * ```
 */
export class ThreadMemoryError extends Error {
  static {
    this.prototype.name = 'ThreadMemoryError';
  }

  constructor(pool: string, memoryLimit?: number, options?: ErrorOptions) {
    const had = memoryLimit === undefined ? '' : `, of which it had ${memoryLimit} MB`;
    super(`A thread of ${pool} ran out of memory${had}`, options);
  }
}

/**
 * All threads of a pool are busy, and as many runs wait for one as may.
 *
 * @example
 * ```ts
 * import { PoolQueueError, threadPool } from 'rxjs-tasks/threads';
 *
 * const pool = threadPool({ name: 'hashing', threads: 1, queueLimit: 0 });
 * const double = 'data:text/javascript,export default (n) => n * 2';
 * pool.run(double, 1).subscribe((two) => console.log(two));
 * pool.run(double, 1).subscribe({ error: (error) => console.log(error instanceof PoolQueueError) }); // → true
 * // → 2
 * ```
 */
export class PoolQueueError extends Error {
  readonly queueLimit: number;

  static {
    this.prototype.name = 'PoolQueueError';
  }

  constructor(pool: string, queueLimit: number) {
    super(`All threads of ${pool} are busy, and ${queueLimit} wait for one, which is its \`queueLimit\``);
    this.queueLimit = queueLimit;
  }
}

/**
 * A pool runs nothing more. `cause` is that of the cancel that has ended it: in a task that the same cancel has ended this counts as
 * the cancel, and not as a failure.
 *
 * @example
 * ```ts
 * import { PoolClosedError, threadPool } from 'rxjs-tasks/threads';
 *
 * const pool = threadPool({ name: 'hashing' });
 * await pool.close();
 * pool.run('data:text/javascript,export default () => 1').subscribe({
 *   error: (error) => console.log(error instanceof PoolClosedError, error.message), // → true hashing is closed
 * });
 * ```
 */
export class PoolClosedError extends Error {
  static {
    this.prototype.name = 'PoolClosedError';
  }

  constructor(pool: string, options?: ErrorOptions) {
    super(`${pool} is closed`, options);
  }
}

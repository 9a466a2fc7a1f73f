/**
 * The thread of a run has exited, usually because the function called `process.exit`.
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
 * The thread of a run has ended because its JavaScript heap was full.
 *
 * @example
 * ```ts
 * import { ThreadMemoryError } from 'rxjs-tasks/threads';
 *
 * console.log(new ThreadMemoryError('hashing', 64).message); // → A thread of hashing ran out of memory (limit: 64 MB)
 * ```
 */
export class ThreadMemoryError extends Error {
  static {
    this.prototype.name = 'ThreadMemoryError';
  }

  constructor(pool: string, memoryLimit?: number, options?: ErrorOptions) {
    const limit = memoryLimit === undefined ? '' : ` (limit: ${memoryLimit} MB)`;
    super(`A thread of ${pool} ran out of memory${limit}`, options);
  }
}

/**
 * All threads of a pool are busy, and its queue is full.
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
    super(`All threads of ${pool} are busy, and its queue is full (\`queueLimit\`: ${queueLimit})`);
    this.queueLimit = queueLimit;
  }
}

/**
 * A pool accepts no more runs. `cause` is the cause of the cancel that has ended the pool. In a task that the same
 * cancel has ended, this error therefore counts as the cancel, not as a failure.
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

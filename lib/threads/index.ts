/**
 * CPU-bound functions in threads, as Observables.
 *
 * @module rxjs-tasks/threads
 */

export { PoolClosedError, PoolQueueError, ThreadExitError, ThreadMemoryError } from './errors.js';
export type { ThreadContext } from './messages.js';
export { threadPool, type ThreadPool, type ThreadPoolOptions, type ThreadRunOptions } from './thread-pool.js';

import { isAbsolute } from 'node:path';
import { availableParallelism } from 'node:os';
import { pathToFileURL } from 'node:url';
import type { Transferable } from 'node:worker_threads';
import { NEVER, Observable } from 'rxjs';
import {
  validateArray,
  invalid,
  validateMs,
  validateNumber,
  validateString,
  validateInteger,
} from '../util/validate.js';
import { validateOptions } from '../util/validate-options.js';
import type { TaskRunner } from '../task/types.js';
import { taskRunner } from '../task/runner.js';
import { task } from '../task/task.js';
import type { RunContext } from '../context/types.js';
import { keepAsyncContext } from '../util/keep-async-context.js';
import { WorkerPool } from './worker-pool.js';

/** Options of a {@link threadPool}. */
export interface ThreadPoolOptions {
  /** The pool's name in reports, events and errors. Default: `'threads'`. */
  name?: string | undefined;
  /** The maximum number of threads. Default: the number of cores. */
  threads?: number | undefined;
  /** The time for which an idle thread is kept, in ms. Default: 10,000. `Infinity`: until the pool closes. */
  idleTimeout?: number | undefined;
  /**
   * The maximum size of each thread's JavaScript heap, in MB, from 8 up. Buffers are not counted. Default: Node's own
   * limit. Node's flag `--max-old-space-size` takes precedence.
   */
  memoryLimit?: number | undefined;
  /** The maximum number of runs that wait for a thread. Default: no limit. */
  queueLimit?: number | undefined;
  /**
   * The program of the threads: the URL or absolute path of a bundle of `rxjs-tasks/threads/worker`. A bundle of the
   * application needs it, because this library's own file is not beside it. Default: this library's own file.
   */
  workerFile?: URL | string | undefined;
}

/** Options of one run. */
export interface ThreadRunOptions {
  /** The export of the module to call. Default: `'default'`. */
  name?: string | undefined;
  /** Objects in the input that are moved to the thread instead of copied, at the moment a thread takes the run. */
  transfer?: readonly Transferable[] | undefined;
  /**
   * The time for which a generator, or a function that has read its `signal`, may continue after a cancel, in ms.
   * Default: 100. Then its thread is ended. For any other function the thread is ended immediately.
   */
  grace?: number | undefined;
}

const optionNames: readonly (keyof ThreadPoolOptions)[] = [
  'name',
  'threads',
  'idleTimeout',
  'memoryLimit',
  'queueLimit',
  'workerFile',
];

/** A pool of threads for CPU-bound work, as a runner. */
export interface ThreadPool extends TaskRunner<never> {
  /**
   * Returns a cold Observable that calls a function of another module in a thread. Each subscription is a call. It
   * emits the function's result; a promise is awaited. The values of a sync or async generator are emitted as they are
   * yielded; the generator is at most a few values ahead. Values are copied by structured clone.
   *
   * Unsubscribing ends the thread of this run, whatever it does, and affects no other run. `grace` lets a function end
   * by itself first. A run that waits for a thread is removed from the queue.
   *
   * It errors with:
   * - the function's error, as the nearest built-in class, with its name, message, stack, cause and fields;
   * - a `DataCloneError` if the input or the result cannot be cloned;
   * - a RangeError if a value or an error that it sends is nested too deeply, by more than about 1,000 levels;
   * - a {@link ThreadExitError} or a {@link ThreadMemoryError} if the thread ends;
   * - a {@link PoolQueueError} if the queue is full;
   * - a {@link PoolClosedError} if the pool is closed.
   *
   * Work that the function has started without waiting for it goes on in the thread. After the function has returned,
   * errors of such work fail no call: they are written with `console.error`.
   *
   * @param url the URL of the module, or its absolute path.
   * @param input the first argument of the function. Its second argument is a {@link ThreadContext}.
   * @throws TypeError for a relative `url`, and for an option that is unknown or of a wrong type;
   * RangeError for a negative `grace`.
   */
  run<T = unknown>(url: URL | string, input?: unknown, options?: ThreadRunOptions): Observable<T>;
  /**
   * Closes the pool, as `finalize` does: accepts no more runs, waits for accepted runs, and ends the threads. Resolves
   * when they have ended. A pool that is started afterwards accepts runs again.
   */
  close(): Promise<void>;
  /** Same as `close`. */
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * Creates a pool of threads. It requires `piscina`, a peer dependency.
 *
 * The pool is a runner. Put it before the tasks that use it in an `ordered` group, so that it ends after them. It runs
 * until it is cancelled. Its `finalize` accepts no more runs and waits for those it has accepted, queued ones included,
 * within the application's deadline.
 *
 * Threads are created on demand. Idle threads do not keep the process alive, so a script may use a pool without
 * starting it.
 *
 * @throws TypeError for an option that is unknown or of a wrong type; RangeError for one that is out of range.
 *
 * @example
 * ```ts
 * import { future } from 'rxjs-tasks';
 * import { threadPool } from 'rxjs-tasks/threads';
 *
 * const pool = threadPool({ name: 'numbers' });
 * // Usually the URL of a file: new URL('./fibonacci.js', import.meta.url)
 * const fibonacci =
 *   'data:text/javascript,export default function f(n) { if (n < 2) return n; return f(n - 1) + f(n - 2) }';
 * const count = 'data:text/javascript,export default function* (to) { for (let i = 1; i <= to; i++) yield i }';
 *
 * const futures = [10, 20].map((n) => future<number>(() => pool.run(fibonacci, n)));
 * console.log(await Promise.all(futures)); // → [ 55, 6765 ]
 * pool.run(count, 2).subscribe((i) => console.log(i)); // → 1
 * // → 2
 * ```
 */
export function threadPool(options: ThreadPoolOptions = {}): ThreadPool {
  validateOptions(options, optionNames, 'threadPool');
  const { name = 'threads', threads = availableParallelism(), idleTimeout = 10_000 } = options;
  const { memoryLimit, queueLimit = Infinity, workerFile } = options;
  validateString('name', name);
  validateInteger('threads', 1, Infinity, threads);
  validateMs('idleTimeout', idleTimeout);
  // With less than 8 MB no thread starts. With much less V8 aborts the process.
  if (memoryLimit !== undefined) validateNumber('memoryLimit', 8, Infinity, memoryLimit);
  if (queueLimit !== Infinity) validateInteger('queueLimit', 0, Infinity, queueLimit);
  const program = workerFile === undefined ? undefined : toUrl('workerFile', workerFile);
  const workers = new WorkerPool({ name, threads, idleTimeout, memoryLimit, queueLimit, program });

  let ctx: RunContext | undefined;
  const runner = taskRunner<never>(
    task<never>(name, {
      initialize(runContext) {
        ctx = runContext;
        workers.open();
      },
      execute: () => NEVER,
      finalize: () => workers.close({ cause: ctx?.cause }),
    }),
  );
  const close = () => workers.close();
  const methods: Pick<ThreadPool, 'run' | 'close' | typeof Symbol.asyncDispose> = {
    run<T>(url: URL | string, input?: unknown, options: ThreadRunOptions = {}) {
      validateOptions(options, ['name', 'transfer', 'grace'], 'run');
      const { name = 'default', transfer = [], grace = 100 } = options;
      validateString('name', name);
      validateArray('transfer', transfer);
      validateMs('grace', grace);
      const job = { url: toUrl('url', url), name, input };
      const callOptions = { transfer: [...transfer], grace };
      const run$ = new Observable<T>((subscriber) => workers.add(job, callOptions, subscriber));
      // The end of another run may start this one, in a thread that others have started.
      return run$.pipe(keepAsyncContext());
    },
    close,
    [Symbol.asyncDispose]: close,
  };
  return Object.assign(runner, methods);
}

function toUrl(name: string, url: URL | string): string {
  if (url instanceof URL) return url.href;
  if (typeof url === 'string') {
    if (isAbsolute(url)) return pathToFileURL(url).href;
    if (URL.canParse(url)) return url;
  }
  throw new TypeError(invalid(name, 'a URL such as `new URL(…, import.meta.url)`, or an absolute path', url));
}

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
  validateOptions,
  validateString,
  validateInteger,
} from '../util/validate.js';
import type { TaskRunner } from '../task/types.js';
import { taskRunner } from '../task/runner.js';
import { task } from '../task/task.js';
import type { RunContext } from '../context/types.js';
import { Crew } from './crew.js';

/** Which threads there are. */
export interface ThreadPoolOptions {
  /** Its name in reports, events and errors; `'threads'` unless said. */
  name?: string;
  /** How many threads there are at most; as many as the machine has cores unless said. */
  threads?: number;
  /** For how many ms a thread that has nothing to do is kept; 10,000 unless said. `Infinity`: until the end. */
  idleTimeout?: number;
  /**
   * How many MB each thread has for its JavaScript heap, buffers not included, from 8 up; what Node gives it unless said. Node's own
   * flag `--max-old-space-size` has the last word.
   */
  memoryLimit?: number;
  /** How many runs may wait for a thread; any number unless said. */
  queueLimit?: number;
}

/** How one run is run. */
export interface ThreadRunOptions {
  /** Which export of the module is called; `'default'` unless said. */
  name?: string;
  /** What of the input is handed over instead of copied, when a thread takes the run. It is then of no use here any longer. */
  transfer?: readonly Transferable[];
  /**
   * For how many ms a generator, and a function that has looked at its `signal`, may go on after a cancel, to come to an end of its own; 100
   * unless said. Then, and anything else at once, its thread is ended.
   */
  grace?: number;
}

/** Threads for work that would keep this one busy, as a runner. */
export interface ThreadPool extends TaskRunner<never> {
  /**
   * A function of another module, called in a thread, as a cold Observable: each subscription is a call. What it returns is the one value,
   * awaited if it is a promise; a generator's values, sync or async, come as they are yielded, of which a few may be on their way. Values are
   * copied by structured clone.
   *
   * Unsubscribing ends the thread, whatever it is doing, and nothing but this run; see `grace` for what may end by itself. A run that waits for
   * a thread then waits no longer.
   *
   * It errors with what the function throws, as the nearest built-in class, with its name, message, stack, cause and fields; with a
   * `DataCloneError` when the input or the result cannot be cloned; with a {@link ThreadExitError} or {@link ThreadMemoryError}
   * when the thread ends; with a {@link PoolQueueError} when too many wait, and with a {@link PoolClosedError} after the end.
   *
   * @param url of the module, or its absolute path.
   * @param input what the function is called with; beside it, it gets a {@link ThreadContext}.
   * @throws TypeError for a `url` that is relative, and for an option that is unknown or of a wrong type; RangeError for a negative `grace`.
   */
  run<T = unknown>(url: URL | string, input?: unknown, options?: ThreadRunOptions): Observable<T>;
  /** What `finalize` does: takes no more runs, waits for those it has taken, and ends the threads. */
  close(): Promise<void>;
  /** The same. */
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * A pool of threads: what a goroutine on another core is in Go. On `piscina`, which has to be installed beside this package.
 *
 * It is a runner: give it to an application before whoever uses it, in an `ordered` group, so that it ends after them. It runs until it is
 * cancelled; its `finalize` takes no more runs and waits for those it has taken, those that wait for a thread included, within the
 * application's deadline. Threads come up when there is work for them and do not keep the process open without, so that a script may use it
 * without starting it.
 *
 * @throws TypeError for an option that is unknown or of a wrong type, RangeError for one that is out of range.
 *
 * @example
 * ```ts
 * import { future } from 'rxjs-tasks';
 * import { threadPool } from 'rxjs-tasks/threads';
 *
 * const pool = threadPool({ name: 'numbers' });
 * // A module's URL, as a rule: new URL('./fibonacci.js', import.meta.url)
 * const fibonacci = 'data:text/javascript,export default function f(n) { if (n < 2) return n; return f(n - 1) + f(n - 2) }';
 * const count = 'data:text/javascript,export default function* (to) { for (let i = 1; i <= to; i++) yield i }';
 *
 * const futures = [10, 20].map((n) => future<number>(() => pool.run(fibonacci, n)));
 * console.log(await Promise.all(futures)); // → [ 55, 6765 ]
 * pool.run(count, 2).subscribe((i) => console.log(i)); // → 1
 * // → 2
 * ```
 */
export function threadPool(options: ThreadPoolOptions = {}): ThreadPool {
  validateOptions(options, ['name', 'threads', 'idleTimeout', 'memoryLimit', 'queueLimit']);
  const { name = 'threads', threads = availableParallelism(), idleTimeout = 10_000 } = options;
  const { memoryLimit, queueLimit = Infinity } = options;
  validateString('name', name);
  validateInteger('threads', 1, Infinity, threads);
  validateMs('idleTimeout', idleTimeout);
  // With less no thread comes up, and with much less V8 ends the process.
  if (memoryLimit !== undefined) validateNumber('memoryLimit', 8, Infinity, memoryLimit);
  if (queueLimit !== Infinity) validateInteger('queueLimit', 0, Infinity, queueLimit);
  const crew = new Crew({ name, threads, idleTimeout, memoryLimit, queueLimit });

  let run: RunContext | undefined;
  const runner = taskRunner<never>(
    task<never>(name, {
      initialize(ctx) {
        run = ctx;
        crew.open();
      },
      execute: () => NEVER,
      finalize: () => crew.close(run?.cause),
    }),
  );
  const close = () => crew.close();
  const methods: Pick<ThreadPool, 'run' | 'close' | typeof Symbol.asyncDispose> = {
    run<T>(url: URL | string, input?: unknown, options: ThreadRunOptions = {}) {
      validateOptions(options, ['name', 'transfer', 'grace']);
      const { name = 'default', transfer = [], grace = 100 } = options;
      validateString('name', name);
      validateArray('transfer', transfer);
      validateMs('grace', grace);
      const job = { url: toUrl(url), name, input };
      return new Observable<T>((subscriber) => crew.add(job, { transfer, grace }, subscriber));
    },
    close,
    [Symbol.asyncDispose]: close,
  };
  return Object.assign(runner, methods);
}

function toUrl(url: URL | string): string {
  if (url instanceof URL) return url.href;
  if (typeof url === 'string') {
    if (isAbsolute(url)) return pathToFileURL(url).href;
    if (URL.canParse(url)) return url;
  }
  throw new TypeError(invalid('url', 'a URL, as `new URL(…, import.meta.url)`, or an absolute path', url));
}

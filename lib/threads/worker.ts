import { AsyncLocalStorage } from 'node:async_hooks';
import { createRequire } from 'node:module';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parentPort } from 'node:worker_threads';
import { invalid } from '../util/validate.js';
import { streamed, type Job, type LateError, type ThreadContext } from './messages.js';
import { serializeError } from './serialize-error.js';
import { ValueChannel } from './value-channel.js';

/** A job that this thread has started. */
interface StartedJob {
  readonly job: Job;
  hasReturned: boolean;
}

/** The job that has caused what runs now: also the timers, promises and sockets that it has left behind. */
const startedJobs = new AsyncLocalStorage<StartedJob>();

// An uncaught error of a job ends the thread and is serialized, too. After the job has returned, the thread may have
// another job, which such an error must not fail. A result that cannot be cloned gets here outside any job: piscina
// finds that out after the job has returned.
process.on('uncaughtException', onUncaught);

// Node 20 reports an error of a microtask when it has left the async context of the job that has queued it.
const { queueMicrotask: queue } = globalThis;
globalThis.queueMicrotask = (callback) => {
  if (typeof callback !== 'function') return queue(callback);
  queue(() => {
    try {
      callback();
    } catch (error) {
      if (startedJobs.getStore()?.hasReturned) onUncaught(error);
      else throw error;
    }
  });
};

function onUncaught(error: unknown): void {
  const started = startedJobs.getStore();
  if (!started?.hasReturned) throwSerialized(error);
  const { url, name } = started.job;
  parentPort?.postMessage({ lateError: serializeError(error), url, name } satisfies LateError);
}

type ThreadFunction = (input: unknown, context: ThreadContext) => unknown;

/** Functions that this thread has called. Another `import()` of their module would take most of the time of a call. */
const functionCache = new Map<string, ThreadFunction>();

/** Runs a job. Called by piscina in a thread. */
export function runJob(job: Job): Promise<unknown> {
  const started = { job, hasReturned: false };
  return startedJobs.run(started, () => runStarted(started));
}

async function runStarted(started: StartedJob): Promise<unknown> {
  const { job } = started;
  const { url, name, input } = job;
  let channel: ValueChannel | undefined;
  const openChannel = () => (channel ??= new ValueChannel(job));
  const context: ThreadContext = {
    get signal() {
      return openChannel().signal;
    },
  };
  try {
    const key = `${name} ${url}`;
    const call = functionCache.get(key) ?? toFunction((await load(url))[name], name, url);
    functionCache.set(key, call);
    const output = await call(input, context);
    if (!isIterator(output)) return output;
    await openChannel().send(output);
    return streamed;
  } catch (error) {
    return throwSerialized(error);
  } finally {
    started.hasReturned = true;
  }
}

function throwSerialized(error: unknown): never {
  // eslint-disable-next-line @typescript-eslint/only-throw-error -- an error would lose its name and fields on its way
  throw serializeError(error);
}

/** Imports a module. On Node 20 a TypeScript loader such as tsx hooks only `require` inside a thread. */
async function load(url: string): Promise<Record<string, unknown>> {
  try {
    return (await import(url)) as Record<string, unknown>;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_UNKNOWN_FILE_EXTENSION') throw error;
    const require = createRequire(url);
    const file = fileURLToPath(url);
    // Without such a loader, `require` fails with an error that says nothing about the extension. A loader of `.ts`
    // loads `.mts` and `.cts` without listing them.
    // eslint-disable-next-line @typescript-eslint/no-deprecated -- nothing else lists the loaders
    if (!['.ts', extname(file)].some((extension) => extension in require.extensions)) throw error;
    return require(file) as Record<string, unknown>;
  }
}

function toFunction(x: unknown, name: string, url: string): ThreadFunction {
  if (typeof x !== 'function') throw new TypeError(invalid(name, `a function that ${url} exports`, x));
  return x as ThreadFunction;
}

/** Whether a value is its own iterator, as a generator is. An array or a Map is iterable, too, but is one value. */
function isIterator(x: unknown): x is AsyncIterable<unknown> | Iterable<unknown> {
  if (typeof x !== 'object' || x === null) return false;
  return Symbol.asyncIterator in x || (Symbol.iterator in x && 'next' in x);
}

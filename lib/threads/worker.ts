import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { invalid } from '../util/validate.js';
import { allSent, type Job, type ThreadContext } from './job.js';
import { Line } from './line.js';
import { toThrown } from './thrown.js';

// What nobody catches ends the thread, as it is. A result that cannot be cloned comes here, too: piscina finds that out when all is over.
process.on('uncaughtException', (error) => raise(error));

type Call = (input: unknown, context: ThreadContext) => unknown;

/** What has been called here before. Importing a module again would take longer than all the rest of a call. */
const loaded = new Map<string, Call>();

/** What piscina calls in a thread. */
export async function work({ id, url, name, input }: Job): Promise<unknown> {
  let line: Line | undefined;
  const openLine = () => (line ??= new Line(id));
  const context: ThreadContext = {
    get signal() {
      return openLine().signal;
    },
  };
  try {
    const place = `${name} ${url}`;
    const call = loaded.get(place) ?? toFunction((await load(url))[name], name, url);
    loaded.set(place, call);
    const output = await call(input, context);
    if (!isIterator(output)) return output;
    await openLine().send(output);
    return allSent;
  } catch (error) {
    return raise(error);
  } finally {
    line?.close();
  }
}

function raise(error: unknown): never {
  // eslint-disable-next-line @typescript-eslint/only-throw-error -- an error would not cross as it is
  throw toThrown(error);
}

/** On Node 20 what reads TypeScript, as tsx, is in a thread asked by `require` alone. */
async function load(url: string): Promise<Record<string, unknown>> {
  try {
    return (await import(url)) as Record<string, unknown>;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_UNKNOWN_FILE_EXTENSION') throw error;
    return createRequire(url)(fileURLToPath(url)) as Record<string, unknown>;
  }
}

function toFunction(x: unknown, name: string, url: string): Call {
  if (typeof x !== 'function') throw new TypeError(invalid(name, `a function that ${url} exports`, x));
  return x as Call;
}

/** What is iterated by itself: a generator. An array or a Map can be iterated, too, but is one value. */
function isIterator(x: unknown): x is AsyncIterable<unknown> | Iterable<unknown> {
  if (typeof x !== 'object' || x === null) return false;
  return Symbol.asyncIterator in x || (Symbol.iterator in x && 'next' in x);
}

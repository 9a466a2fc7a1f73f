import { inspect, type InspectOptions } from 'node:util';
import { attempt } from './attempt.js';
import { causeOf, isError, stackOf } from './error-parts.js';

/** The most causes whose stacks are shortened. */
const maxCauses = 10;

/**
 * Matches the URL of this file in the source and in the package, which Deno keeps in a directory for its version. In a
 * bundle of a user it has another name.
 */
const ownFile = /^(?:file:\/\/)?(.*\/)(?:lib\/util\/short-stack\.ts|(?<=\/rxjs-tasks\/(?:[\d.]+\/)?)dist\/core\.js)$/;

/** Frames of Node and of RxJS. */
const hiddenFrame = /\(?node:|[/\\]node_modules[/\\]rxjs[/\\]/;

/**
 * Returns a stack without the frames of this library, RxJS and Node, which say nothing about the error. If there are no
 * other frames, or the environment variable `RXJS_TASKS_STACK` is `full`, the stack stays as it is.
 */
export function shortStack(stack: string): string {
  if (process.env['RXJS_TASKS_STACK'] === 'full') return stack;
  const lines = stack.split('\n');
  const isFrame = (line: string) => line.startsWith('    at ');
  const own = ownDirectories();
  const isHidden = (line: string) => hiddenFrame.test(line) || own.some((directory) => line.includes(directory));
  const shown = lines.filter((line) => !isFrame(line) || !isHidden(line));
  return shown.some(isFrame) ? shown.join('\n') : stack;
}

/** Whether an error is being printed by {@link inspectShort}. */
let isPrinting = false;

/**
 * Prints an error as `inspect` does, with short stacks of it and of its causes, and without an empty `suppressed`.
 * Errors in other properties of it, and what cannot be copied, are printed in full.
 *
 * @param own the function of the error that calls this one. Causes with another such function print themselves.
 */
export function inspectShort(error: Error, options: InspectOptions, own: unknown): string {
  const inFull = () => inspect(error, { ...options, customInspect: false });
  // Errors may contain each other, which `inspect` only notices within one call.
  if (isPrinting) return inFull();
  isPrinting = true;
  try {
    // A getter of a cause may refuse the copy.
    return (
      attempt<string | undefined>(() => inspect(withShortStack(error, own, maxCauses), options), undefined) ?? inFull()
    );
  } finally {
    isPrinting = false;
  }
}

/** Returns a copy of an error, in which its stack, and those of its causes, are short. */
function withShortStack(error: unknown, own: unknown, left: number): unknown {
  return attempt(() => {
    // A copy of a DOMException lacks what its getters read.
    if (!isError(error) || error instanceof DOMException || left === 0) return error;
    const inspectIt = (error as { readonly [inspect.custom]?: unknown })[inspect.custom];
    if (inspectIt !== undefined && inspectIt !== own) return error;
    const properties: PropertyDescriptorMap = Object.getOwnPropertyDescriptors(error);
    // Most errors have suppressed none, and the empty list says nothing.
    const suppressed: unknown = properties['suppressed']?.value;
    if (Array.isArray(suppressed) && suppressed.length === 0) delete properties['suppressed'];
    // Made by a constructor, because `inspect` recognizes the errors of another realm, such as Jest's, by nothing else.
    const copy: object = Object.setPrototypeOf(new Error(), Object.getPrototypeOf(error) as object) as object;
    Object.defineProperties(copy, properties);
    define(copy, 'stack', shortStack(stackOf(error)));
    const cause = causeOf(error);
    if (cause !== undefined) define(copy, 'cause', withShortStack(cause, own, left - 1));
    define(copy, inspect.custom, undefined);
    return copy;
  }, error);
}

function define(object: object, key: PropertyKey, value: unknown): void {
  Object.defineProperty(object, key, { value, configurable: true, enumerable: false, writable: true });
}

/** Returns the directories of this library's files in a stack. With source maps, the files of dist are in lib. */
function ownDirectories(): readonly string[] {
  const root = attempt(() => ownFile.exec(decodeURI(import.meta.url))?.[1], undefined);
  return root === undefined ? [] : [`${root}lib/`, `${root}dist/`];
}

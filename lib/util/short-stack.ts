import { inspect } from 'node:util';
import { attempt } from './attempt.js';
import { causeOf, isError, stackOf } from './error-parts.js';

/** The most causes whose stacks are shortened. */
const maxCauses = 10;

/** The directory of this library's files, as it is in a stack. In a bundle, this file has another name. */
const ownDirectory = /^(?:file:\/\/)?(.*[/\\])util[/\\]short-stack\.[jt]s$/.exec(decodedUrl())?.[1];

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
  const shown = lines.filter((line) => !isFrame(line) || !isHidden(line));
  return shown.some(isFrame) ? shown.join('\n') : stack;
}

/** Returns a copy of an error for `inspect`, in which its stack, and those of its causes, are short. */
export function withShortStack(error: unknown, left: number = maxCauses): unknown {
  return attempt(() => {
    if (!isError(error) || left === 0) return error;
    const properties = Object.getOwnPropertyDescriptors(error);
    const cause = causeOf(error);
    const hasOwnInspect = inspect.custom in error;
    if (hasOwnInspect && left < maxCauses) return error;
    const copy = Object.create(Object.getPrototypeOf(error) as object, properties) as object;
    define(copy, 'stack', shortStack(stackOf(error)));
    if (cause !== undefined) define(copy, 'cause', withShortStack(cause, left - 1));
    // Otherwise `inspect` would call the function that calls this one.
    if (hasOwnInspect) define(copy, inspect.custom, undefined);
    return copy;
  }, error);
}

function isHidden(frame: string): boolean {
  return hiddenFrame.test(frame) || (ownDirectory !== undefined && frame.includes(ownDirectory));
}

function define(object: object, key: PropertyKey, value: unknown): void {
  Object.defineProperty(object, key, { value, configurable: true, enumerable: false, writable: true });
}

function decodedUrl(): string {
  return attempt(() => decodeURI(import.meta.url), '');
}

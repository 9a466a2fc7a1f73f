import { inspect, types, type InspectOptions } from 'node:util';
import { attempt } from './attempt.js';
import { causeOf, nameOf, stackOf, textOf } from './error-parts.js';

/** The longest stack that Node prints, because it compares stacks with those of their causes in quadratic time. */
const maxStack = 10_000;
/** The levels in an object, and the entries of a collection, that Node prints. */
const defaultDepth = 2;
const maxEntries = 100;
/** The most values that are searched. */
const maxSearched = 10_000;

/**
 * Prints any value as `inspect` does, without the value's own `inspect` function if that throws. If Node would print a
 * long stack, it prints the name and the message of that error.
 */
export function print(value: unknown, options: InspectOptions = {}): string {
  const error = errorWithLongStack(value, options.depth ?? defaultDepth);
  if (error !== undefined)
    return error === value ? nameAndMessage(error) : `(${typeof value} with ${nameAndMessage(error)})`;
  const withoutCustom = { ...options, customInspect: false };
  return (
    attempt<string | undefined>(() => inspect(value, options), undefined) ??
    attempt<string | undefined>(() => inspect(value, withoutCustom), undefined) ??
    `(${typeof value} that cannot be printed)`
  );
}

/** Whether Node would print a long stack for a value. */
export function hasLongStack(value: unknown): boolean {
  return errorWithLongStack(value, defaultDepth) !== undefined;
}

/** Returns an error with a long stack that `inspect` shows. */
function errorWithLongStack(value: unknown, maxDepth: number): object | undefined {
  const found = [{ value, depth: 0 }];
  for (const { value: each, depth } of found) {
    if (typeof each !== 'object' || each === null) continue;
    if (stackOf(each).length > maxStack) return each;
    // Errors are printed one level below the last, too.
    if (depth > maxDepth || found.length > maxSearched) continue;
    for (const entry of attempt(() => entriesOf(each), [])) found.push({ value: entry, depth: depth + 1 });
  }
  return undefined;
}

/** Returns the values in an object, without calling its getters. */
function entriesOf(object: object): unknown[] {
  if (ArrayBuffer.isView(object)) return [];
  if (Array.isArray(object)) return object.slice(0, maxEntries);
  const entries = types.isMap(object) || types.isSet(object) ? [...object].slice(0, maxEntries).flat() : [];
  const properties = Object.getOwnPropertyDescriptors(object) as Record<PropertyKey, PropertyDescriptor>;
  return [...Reflect.ownKeys(properties).map((key): unknown => properties[key]?.value), ...entries, causeOf(object)];
}

function nameAndMessage(error: object): string {
  return `${nameOf(error)}: ${textOf(error, 'message') ?? ''}`;
}

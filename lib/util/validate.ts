import { attempt } from './attempt.js';
import { hasMembers, hasMethod } from './has-members.js';
import { nearestName, relatedName } from './nearest-name.js';
import { print } from './print.js';
import { printable } from './printable.js';

/** The longest value in a message, in characters. */
export const maxValue = 200;

/** Formats the message of every validation error: the expected value and the given one. */
export function invalid(name: string, expected: string, value: unknown): string {
  return `Expected \`${name}\` to be ${expected}, got ${describeValue(value)}`;
}

/** Whether a value has what a runner has. */
export function looksLikeRunner(value: unknown): value is { toString(): string } {
  return hasMembers(value, 'start', 'done$');
}

/** Accepts a duration in ms, `Infinity` included. */
export function validateMs(name: string, ms: unknown): void {
  if (typeof ms !== 'number') throw new TypeError(invalid(name, 'a number of ms', ms));
  if (!(ms >= 0)) throw new RangeError(invalid(name, 'a number of ms from 0 and up', ms));
}

export function validateNumber(name: string, min: number, max: number, value: unknown): void {
  const expected = `a number ${rangeOf(min, max)}`;
  if (typeof value !== 'number') throw new TypeError(invalid(name, expected, value));
  if (!(value >= min && value <= max)) throw new RangeError(invalid(name, expected, value));
}

/** Accepts an integer. `Infinity` is not an integer, even if `max` is `Infinity`. */
export function validateInteger(name: string, min: number, max: number, value: unknown): void {
  const expected = `a whole number ${rangeOf(min, max)}`;
  if (typeof value !== 'number') throw new TypeError(invalid(name, expected, value));
  if (!(Number.isInteger(value) && value >= min && value <= max)) throw new RangeError(invalid(name, expected, value));
}

export function validateOneOf(name: string, allowed: readonly string[], value: unknown): void {
  if (allowed.includes(value as string)) return;
  const nearest = typeof value === 'string' ? (nearestName(value, allowed) ?? relatedName(value, allowed)) : undefined;
  const hint = nearest === undefined ? '' : `; did you mean '${nearest}'?`;
  throw new RangeError(invalid(name, allowed.map((text) => `'${text}'`).join(' or '), value) + hint);
}

export function validateScheduler(scheduler: unknown): void {
  const { now, schedule } = (scheduler ?? {}) as Partial<Record<'now' | 'schedule', unknown>>;
  if (typeof now !== 'function' || typeof schedule !== 'function')
    throw new TypeError(invalid('scheduler', 'an RxJS scheduler', scheduler));
}

/** Refuses a runner that occurs twice, because it can have one run at a time. */
export function validateDistinct(name: string, runners: readonly { toString(): string }[]): void {
  const remaining = new Set(runners);
  const duplicate = runners.find((runner) => !remaining.delete(runner));
  if (duplicate) throw new TypeError(`${invalid(name, 'distinct runners', duplicate)} twice`);
}

export function validateArray(name: string, value: unknown): void {
  if (!Array.isArray(value)) throw new TypeError(invalid(name, 'an array', value));
}

export function validateString(name: string, value: unknown): void {
  if (typeof value !== 'string') throw new TypeError(invalid(name, 'a string', value));
}

export function validateBoolean(name: string, value: unknown): void {
  if (typeof value !== 'boolean') throw new TypeError(invalid(name, 'a boolean', value));
}

export function validateFunction(name: string, value: unknown): asserts value is (...args: never[]) => unknown {
  if (typeof value !== 'function') throw new TypeError(invalid(name, 'a function', value));
}

function rangeOf(min: number, max: number): string {
  return max === Infinity ? `from ${min} and up` : `from ${min} to ${max}`;
}

/** Describes a value in a message: what it is, or how the console prints it, and its type. */
export function describeValue(value: unknown): string {
  const known = attempt(() => describeKnown(value), undefined);
  if (known !== undefined) return known;
  const options = { depth: 0, maxStringLength: 80, maxArrayLength: 3, breakLength: Infinity, compact: true };
  const text = printable(print(value, options), maxValue);
  return value === null || value === undefined ? text : `\`${text}\` (${typeof value})`;
}

/** Names an object that users meet, whose fields would say less. */
export function describeKnown(value: unknown): string | undefined {
  if (Array.isArray(value)) return describeItems(value);
  if (looksLikeRunner(value)) return `the runner \`${nameOf(value)}\``;
  if (hasMembers(value, 'runners', 'ready$', 'stop')) return 'an Application';
  if (hasMembers(value, 'cancelled$', 'cause')) return 'a Context';
  const name = hasMembers(value, 'execute') && hasMethod(value, 'execute') ? nameOf(value) : '[object Object]';
  if (name !== '[object Object]') return `the task \`${name}\``;
  if (hasMembers(value, 'subscribe') && hasMethod(value, 'subscribe')) return 'an Observable';
  return hasMembers(value, 'then') && hasMethod(value, 'then') ? 'a promise' : undefined;
}

function describeItems([first]: readonly unknown[]): string | undefined {
  const known = Array.isArray(first) ? undefined : describeKnown(first);
  return known === undefined ? undefined : `an array with ${known}`;
}

function nameOf(named: { toString(): string }): string {
  return printable(named.toString(), maxValue);
}

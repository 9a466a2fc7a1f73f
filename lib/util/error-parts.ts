import { types } from 'node:util';
import { attempt } from './attempt.js';

/** Whether a value is an error, also one of another realm. */
export function isError(value: unknown): value is Error {
  // `instanceof` throws for a revoked Proxy.
  return attempt(() => value instanceof Error, false) || types.isNativeError(value);
}

/** Returns the name of an error, and the type of another value. */
export function nameOf(error: unknown): string {
  return isError(error) ? (textOf(error, 'name') ?? 'Error') : typeof error;
}

/** Returns the stack of an error, or `''`. */
export function stackOf(error: unknown): string {
  return isError(error) ? (textOf(error, 'stack') ?? '') : '';
}

export function causeOf(error: unknown): unknown {
  return isError(error) ? attempt(() => error.cause, undefined) : undefined;
}

/** Returns a property of an error if it is a string. */
export function textOf(error: object, key: string): string | undefined {
  const text = attempt(() => (error as Record<string, unknown>)[key], undefined);
  return typeof text === 'string' ? text : undefined;
}

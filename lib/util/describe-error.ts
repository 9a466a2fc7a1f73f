import { attempt } from './attempt.js';
import { causeOf, isError, nameOf, stackOf } from './error-parts.js';
import { print } from './print.js';

/** The parts of an error, or of any other value that was thrown. */
export interface ErrorDescription {
  /** The error's name; for a value that is not an error, its type. */
  readonly name: string;
  /** The error's message; for a value that is not an error, the value as `inspect` prints it. */
  readonly message: string;
  /** The stack, or `''`. */
  readonly stack: string;
  readonly cause: unknown;
  /** The errors that an AggregateError, or an UnsubscriptionError of RxJS, consists of. */
  readonly errors: readonly unknown[];
}

/** The most errors that are read of an AggregateError. */
const maxErrors = 100;

const aggregateNames = ['AggregateError', 'UnsubscriptionError'];

/**
 * Returns the parts of anything that was thrown. Never throws: a getter or a trap of a Proxy may throw, and a part may
 * have any type. The functions below, and those of `error-parts.ts`, return one part each, in the same way.
 */
export function describeError(error: unknown): ErrorDescription {
  return {
    name: nameOf(error),
    message: messageOf(error),
    stack: stackOf(error),
    cause: causeOf(error),
    errors: errorsOf(error),
  };
}

export function messageOf(error: unknown): string {
  if (!isError(error)) return print(error);
  // A custom error class may have no message.
  const message = attempt<unknown>(() => error.message, '(its message cannot be read)') ?? '';
  return typeof message === 'string' ? message : print(message);
}

export function errorsOf(error: unknown): readonly unknown[] {
  if (!isError(error) || !aggregateNames.includes(nameOf(error))) return [];
  return attempt(() => {
    const { errors } = error as { errors?: readonly unknown[] };
    return Array.isArray(errors)
      ? Array.from({ length: Math.min(errors.length, maxErrors) }, (_, i) => errors[i] as unknown)
      : [];
  }, []);
}

/** Returns an error's name and message, or the value that was thrown as `inspect` prints it. */
export function headline(error: unknown): string {
  const message = messageOf(error);
  if (!isError(error)) return message;
  return message === '' ? nameOf(error) : `${nameOf(error)}: ${message}`;
}

/** Returns a headline in which a string has no quotes. */
export function plainHeadline(error: unknown): string {
  return typeof error === 'string' ? error : headline(error);
}

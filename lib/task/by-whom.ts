import { invalid, validateString } from '../util/validate.js';
import { readOptions } from '../util/validate-options.js';

/** The maximum length of the name of a person or program, in characters. */
const maxLength = 200;

/** Options of a method that changes what an application does while it runs. */
export interface ByWhom {
  /** The person or program that asks for it, for its event: up to 200 characters. Default: the event has no `by`. */
  by?: string | undefined;
}

/** The part of an event that says who asked for it. */
export interface AskedBy {
  /** The person or program. */
  readonly by?: string;
}

/** Validates the options of a method, the name of which is `of`, and returns what its event gets of them. */
export function readBy(options: ByWhom, of: string): AskedBy {
  const { by } = readOptions(options, ['by'], of);
  if (by !== undefined) validateBy(by);
  return askedBy(by);
}

/** Accepts the name of a person or program. */
export function validateBy(by: unknown): void {
  validateString('by', by);
  const name = by as string;
  if (name.trim() === '' || name.length > maxLength)
    throw new RangeError(invalid('by', `a name of 1 to ${maxLength} characters`, by));
}

/** Returns the part of an event that says who asked for it. */
export function askedBy(by: string | undefined): AskedBy {
  return by === undefined ? {} : { by };
}

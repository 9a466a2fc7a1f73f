import { readOptions, validateString } from '../util/validate.js';

/** Options of a method that changes what an application does while it runs. */
export interface ByWhom {
  /** The person or program that asks for it, for its event. Default: the event has no `by`. */
  by?: string | undefined;
}

/** The part of an event that says who asked for it. */
export interface AskedBy {
  /** The person or program. */
  readonly by?: string;
}

/** Validates the options of a method, and returns what its event gets of them. */
export function readBy<O extends ByWhom>(options: O, names: readonly (keyof O & string)[]): AskedBy {
  const { by } = readOptions(options, names);
  if (by !== undefined) validateString('by', by);
  return askedBy(by);
}

/** Returns the part of an event that says who asked for it. */
export function askedBy(by: string | undefined): AskedBy {
  return by === undefined ? {} : { by };
}

import type { JobFailure } from './errors.js';
import { toJsonbText } from './jsonb.js';

/** The maximum lengths of a failure's name and message. */
const [maxNameLength, maxMessageLength] = [100, 1000];

/** Describes a thrown value. Any value can be thrown, and its `name` and `message` can be anything, too. */
export function toJobFailure(error: unknown): JobFailure {
  const { name, message } = (error ?? {}) as { name?: unknown; message?: unknown };
  return {
    name: toJsonbText(typeof name === 'string' ? name : typeof error, maxNameLength),
    message: toJsonbText(typeof message === 'string' ? message : toText(message ?? error), maxMessageLength),
  };
}

function toText(value: unknown): string {
  try {
    return String(value);
  } catch {
    // An object without a prototype cannot be converted.
    return typeof value;
  }
}

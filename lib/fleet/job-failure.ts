import { attempt } from '../util/attempt.js';
import { textOf } from '../util/error-parts.js';
import type { JobFailure } from './errors.js';
import { toJsonbText } from './jsonb.js';

/** The name of the failure of an attempt that was given back. */
export const releasedName = 'Released';

/** The maximum lengths of a failure's name and message. */
const [maxNameLength, maxMessageLength] = [100, 1000];

/** Describes a thrown value. Any value can be thrown, and its `name` and `message` can be anything, too. */
export function toJobFailure(error: unknown): JobFailure {
  const thrown = Object(error) as { message?: unknown };
  const message = attempt(() => thrown.message ?? error, error);
  return {
    name: toJsonbText(textOf(thrown, 'name') ?? typeof error, maxNameLength),
    // An object without a prototype cannot be converted.
    message: toJsonbText(
      attempt(() => String(message), typeof message),
      maxMessageLength,
    ),
  };
}

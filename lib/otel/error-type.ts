import { RestartLimitError, TaskError } from '../errors/errors.js';
import { causeOf, isError, nameOf, textOf } from '../util/error-parts.js';

/** The value of the semantic conventions for an error without a known type. */
const otherError = '_OTHER';

/** The longest name of an error type, because an attribute's values should be few and short. */
const maxLength = 100;

/** Returns what a task threw, or its TaskError if that is not an error or if it is a RestartLimitError. */
export function thrownBy(error: unknown): unknown {
  if (!(error instanceof TaskError) || error instanceof RestartLimitError) return error;
  const cause = causeOf(error);
  return isError(cause) ? cause : error;
}

/** Returns the `error.type` of an error: its code, because Node's errors differ only in that, or else its name. */
export function errorType(error: unknown): string {
  const thrown = thrownBy(error);
  // Values that are not errors would make the attribute's cardinality unbounded.
  if (!isError(thrown) || (thrown === error && nameOf(thrown) === 'TaskError')) return otherError;
  return (textOf(thrown, 'code') ?? nameOf(thrown)).slice(0, maxLength);
}

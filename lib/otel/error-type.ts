import { RestartLimitError, TaskError } from '../errors/errors.js';

/** The value of the semantic conventions for an error without a known type. */
const otherError = '_OTHER';

/** Returns what a task threw, or its TaskError if that is not an error or if it is a RestartLimitError. */
export function thrownBy(error: TaskError): Error {
  const { cause } = error;
  return cause instanceof Error && !(error instanceof RestartLimitError) ? cause : error;
}

/** Returns the `error.type` of an error: its code, because Node's errors differ only in that, or else its name. */
export function errorType(error: unknown): string {
  const thrown = error instanceof TaskError ? thrownBy(error) : error;
  // Values that are not errors would make the attribute's cardinality unbounded.
  if (!(thrown instanceof Error) || (thrown === error && thrown.name === 'TaskError')) return otherError;
  return 'code' in thrown && typeof thrown.code === 'string' ? thrown.code : thrown.name;
}

import { RestartLimitError, TaskError } from '../errors/errors.js';

/** What the conventions call an error of which there is no more to say. */
const other = '_OTHER';

/** What a task threw; its wrapper where that is no error, and where it stands for several. */
export function thrownBy(error: TaskError): Error {
  const { cause } = error;
  return cause instanceof Error && !(error instanceof RestartLimitError) ? cause : error;
}

/** An `error.type`: a code where there is one, because Node's errors differ in nothing else, else the error's name. */
export function errorType(error: unknown): string {
  const thrown = error instanceof TaskError ? thrownBy(error) : error;
  // Of what is no error there may be any number of values.
  if (!(thrown instanceof Error) || (thrown === error && thrown.name === 'TaskError')) return other;
  return 'code' in thrown && typeof thrown.code === 'string' ? thrown.code : thrown.name;
}

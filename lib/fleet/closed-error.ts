import { CancelledError } from '../errors/errors.js';

/**
 * Creates the error of a call after the close of a fleet.
 *
 * @param cause the cause of the fleet's cancel, which has closed it. Undefined if the fleet was not cancelled.
 */
export function closedError(cause?: unknown): CancelledError {
  return new CancelledError('The fleet is closed', cause === undefined ? {} : { cause });
}

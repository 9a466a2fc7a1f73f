import { errorsOf } from './describe-error.js';
import { nameOf } from './error-parts.js';

/** Returns the errors of teardowns. RxJS collects them in one error, unless it fails to: of `null`, for example. */
export function teardownErrors(error: unknown): readonly unknown[] {
  const errors = nameOf(error) === 'UnsubscriptionError' ? errorsOf(error) : [];
  return errors.length > 0 ? errors : [error];
}

import { brandError } from './brand.js';

/**
 * The default cause of a cancel.
 *
 * @example
 * ```ts
 * import { CancelledError, withCancel } from 'rxjs-tasks';
 *
 * const [ctx, cancel] = withCancel();
 * cancel();
 * console.log(ctx.cause instanceof CancelledError); // → true
 * ```
 */
export class CancelledError extends Error {
  static {
    brandError(this, 'CancelledError');
  }

  constructor(message = 'Cancelled', options?: ErrorOptions) {
    super(message, options);
  }
}

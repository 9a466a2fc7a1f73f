import { throwError } from 'rxjs';

/**
 * Reports an error that no caller can catch as RxJS does: to `config.onUnhandledError`, else as an uncaught exception.
 */
export function reportUnhandled(error: unknown): void {
  throwError(() => error).subscribe();
}

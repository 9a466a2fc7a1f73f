import { throwError } from 'rxjs';

/** Gives an error that nobody is left to catch to RxJS: `config.onUnhandledError`, else an uncaught exception. */
export function reportUnhandled(error: unknown): void {
  throwError(() => error).subscribe();
}

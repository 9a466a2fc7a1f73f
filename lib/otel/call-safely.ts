import { diag } from '@opentelemetry/api';

/** Calls a function whose error is reported: the specification says that telemetry must not fail the application. */
export function callSafely<T>(callback: () => T): T | undefined {
  try {
    return callback();
  } catch (error) {
    reportError(error);
    return undefined;
  }
}

/** Passes an error to the API's `diag`. */
export function reportError(error: unknown): void {
  diag.error('rxjs-tasks', error);
}

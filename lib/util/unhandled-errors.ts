import { logError } from './log-error.js';
import { reportUnhandled } from './report-unhandled.js';

/** An error that nobody has looked at so far. */
export interface UnhandledError {
  readonly error: unknown;
}

/**
 * Errors that are reported when the objects that hold them are garbage-collected, or at the latest at the exit of the
 * process, which may come first.
 */
const pending = new Set<UnhandledError>();

const collected = new FinalizationRegistry((unhandled: UnhandledError) => {
  forgetUnhandled(unhandled);
  reportUnhandled(unhandled.error);
});

/** Reports an error when its holder is garbage-collected, unless it is forgotten before. */
export function rememberUnhandled(holder: object, unhandled: UnhandledError): void {
  // One listener, and only while there are such errors.
  if (pending.size === 0) process.on('exit', reportAtExit);
  pending.add(unhandled);
  collected.register(holder, unhandled, unhandled);
}

/** Somebody has looked at an error, so that it is not reported. */
export function forgetUnhandled(unhandled: UnhandledError): void {
  if (!pending.delete(unhandled)) return;
  collected.unregister(unhandled);
  if (pending.size === 0) process.off('exit', reportAtExit);
}

function reportAtExit(): void {
  for (const { error } of pending) logError(error);
  process.exitCode = 1;
}

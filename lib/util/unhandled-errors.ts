import { logError } from './log-error.js';
import { reportUnhandled } from './report-unhandled.js';

/** An error that no code has handled so far. */
export interface UnhandledError {
  readonly error: unknown;
}

/** Errors that are written at the exit of the process, unless they are handled or reported before. */
const pending = new Set<UnhandledError>();

const collected = /* @__PURE__ */ new FinalizationRegistry((unhandled: UnhandledError) => {
  removeUnhandled(unhandled);
  reportUnhandled(unhandled.error);
});

/**
 * Writes an error at the exit of the process, unless it is removed by {@link removeUnhandled} before.
 *
 * @param holder when it is garbage-collected before, the error is reported as unhandled.
 */
export function addUnhandled(unhandled: UnhandledError, holder?: object): void {
  // One listener, and only while there are such errors.
  if (pending.size === 0) process.on('exit', reportAtExit);
  pending.add(unhandled);
  if (holder) collected.register(holder, unhandled, unhandled);
}

/** Removes an error that was handled, or that is reported elsewhere. */
export function removeUnhandled(unhandled: UnhandledError): void {
  if (!pending.delete(unhandled)) return;
  collected.unregister(unhandled);
  if (pending.size === 0) process.off('exit', reportAtExit);
}

function reportAtExit(): void {
  for (const { error } of pending) logError(error);
  // Another code, such as that of a signal, says more.
  process.exitCode = Number(process.exitCode) || 1;
}

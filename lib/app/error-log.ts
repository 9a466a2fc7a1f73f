import type { AppEvent } from './types.js';

/** Returns the error that an event carries, if any. */
export function eventError(event: AppEvent): unknown {
  if (event.type === 'done') return event.outcome.error;
  return 'error' in event ? event.error : undefined;
}

/**
 * Creates an observer that writes the errors of events to stderr. An error that several groups report is written once.
 */
export function logErrors(): (event: AppEvent) => void {
  const written = new WeakSet();
  return (event) => {
    const error = eventError(event);
    if (!error || (typeof error === 'object' && written.has(error))) return;
    if (typeof error === 'object') written.add(error);
    console.error(error);
  };
}

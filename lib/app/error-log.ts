import type { AppEvent } from './types.js';

/** What an event tells of a failure. */
export function eventError(event: AppEvent): unknown {
  if (event.type === 'done') return event.outcome.error;
  return 'error' in event ? event.error : undefined;
}

/** An error that goes through groups is told by each of them, and written once. */
export function logErrors(): (event: AppEvent) => void {
  const written = new WeakSet();
  return (event) => {
    const error = eventError(event);
    if (!error || (typeof error === 'object' && written.has(error))) return;
    if (typeof error === 'object') written.add(error);
    console.error(error);
  };
}

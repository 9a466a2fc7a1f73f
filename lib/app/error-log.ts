import { logErrorOnce } from '../util/log-error.js';
import type { TaskEventDetail } from '../task/types.js';
import type { AppEvent } from './types.js';

/** Returns the error that an event carries, if any. Any value may have been thrown, also `undefined`. */
export function eventError(event: AppEvent | TaskEventDetail): { readonly error: unknown } | undefined {
  const { error } = event.type === 'done' ? event.outcome : {};
  if (error !== undefined) return { error };
  return 'error' in event ? { error: event.error } : undefined;
}

/** Writes the error of an event to stderr. An error that several tasks or applications report is written once. */
export function logEventError(event: AppEvent): void {
  const failure = eventError(event);
  if (failure) logErrorOnce(failure.error);
}

/**
 * Creates a function that returns whether it is called with an error for the first time. Other values are always new.
 */
export function firstTime(): (error: unknown) => boolean {
  const known = new WeakSet();
  return (error) => {
    if (typeof error !== 'object' || error === null) return true;
    const isNew = !known.has(error);
    known.add(error);
    return isNew;
  };
}

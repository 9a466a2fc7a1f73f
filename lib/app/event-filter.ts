import type { RunContext } from '../context/types.js';
import type { TaskEventDetail } from '../task/types.js';
import type { Instrumentation } from './types.js';

/** Returns whether a listener has a use for an event of a task. */
export type EventFilter = (event: TaskEventDetail, run: RunContext | undefined) => boolean;

const filters = new WeakMap<Instrumentation, EventFilter>();

/**
 * Sets the events that instrumentation has a use for. An event that no listener has a use for is not delivered: most
 * events are the start and the end of a run that has gone well, and there may be very many.
 */
export function setEventFilter(instrumentation: Instrumentation, filter: EventFilter): Instrumentation {
  filters.set(instrumentation, filter);
  return instrumentation;
}

/** Copies the filter of instrumentation, if it has one. Returns the target. */
export function copyEventFilter(source: Instrumentation, target: Instrumentation): Instrumentation {
  const filter = filters.get(source);
  return filter ? setEventFilter(target, filter) : target;
}

/** Composes the filters of instrumentation into one. Without a filter, `onEvent` receives all events. */
export function composeEventFilters(instrumentation: readonly Instrumentation[]): EventFilter {
  const composed = instrumentation.flatMap((each) => (each.onEvent ? [filters.get(each)] : []));
  return (event, run) => {
    // A loop, because there may be very many events.
    for (const filter of composed) if (!filter || filter(event, run)) return true;
    return false;
  };
}

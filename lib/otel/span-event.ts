import type { Attributes } from '@opentelemetry/api';
import type { TaskEvent } from '../task/types.js';
import { errorType } from './error-type.js';
import { attribute, seconds } from './names.js';

/** What a span says of an event; nothing of those that are the beginning or the end of a span. */
export function detailsOf(event: TaskEvent): Attributes | undefined {
  switch (event.type) {
    case 'ready':
    case 'finalizing':
      return {};
    case 'cancelling':
      return { ...slotOf(event), ...errorOf(event), [attribute.cause]: String(event.cause) };
    case 'result-dropped':
      return { ...slotOf(event), ...errorOf(event), [attribute.phase]: event.phase };
    case 'skipped':
      return { ...slotOf(event), ...errorOf(event), [attribute.reason]: event.reason };
    case 'missed':
      return { ...slotOf(event), [attribute.count]: event.count };
    case 'overdue':
      return { ...slotOf(event), [attribute.lateness]: seconds(event.lateBy) };
    case 'restarting':
      return {
        ...errorOf(event),
        [attribute.task]: event.task,
        [attribute.restart]: event.restart,
        [attribute.delay]: seconds(event.delay),
      };
    case 'initializing':
    case 'slot-started':
    case 'slot-failed':
    case 'done':
      return undefined;
  }
}

function slotOf({ slot }: { slot?: number }): Attributes {
  return slot === undefined ? {} : { [attribute.slot]: slot };
}

function errorOf(event: { error?: unknown }): Attributes {
  return 'error' in event ? { [attribute.errorType]: errorType(event.error) } : {};
}

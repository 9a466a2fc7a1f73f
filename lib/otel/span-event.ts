import type { Attributes } from '@opentelemetry/api';
import type { TaskEvent } from '../task/types.js';
import { plainHeadline } from '../util/describe-error.js';
import { errorType } from './error-type.js';
import { attribute, seconds } from './names.js';

/** Returns the attributes of a span event; `undefined` for an event that is a span's start, failure or end. */
export function eventAttributes(event: TaskEvent): Attributes | undefined {
  switch (event.type) {
    case 'ready':
    case 'finalizing':
      return {};
    case 'cancelling':
      return { ...slotAttributes(event), ...errorAttributes(event), [attribute.cause]: plainHeadline(event.cause) };
    case 'teardown-failed':
      return { ...slotAttributes(event), ...errorAttributes(event) };
    case 'option-failed':
      return { ...errorAttributes(event), [attribute.option]: event.option };
    case 'future-failed':
      return errorAttributes(event);
    case 'result-dropped':
      return { ...slotAttributes(event), ...errorAttributes(event), [attribute.phase]: event.phase };
    case 'skipped':
      return { ...slotAttributes(event), ...errorAttributes(event), [attribute.reason]: event.reason };
    case 'missed': {
      const { count, reason } = event;
      return { ...slotAttributes(event), [attribute.count]: count, ...(reason && { [attribute.reason]: reason }) };
    }
    case 'triggered':
      return { ...slotAttributes(event), ...byAttribute(event.by) };
    case 'added':
    case 'removed':
      return { [attribute.key]: event.key, ...byAttribute(event.by) };
    case 'paused':
    case 'resumed':
    case 'rescheduled':
    case 'restart-requested':
      return byAttribute(event.by);
    case 'operated': {
      const { action, target, count, by } = event;
      const counted = count === undefined ? {} : { [attribute.count]: count };
      return { [attribute.action]: action, [attribute.target]: target, ...counted, ...byAttribute(by) };
    }
    case 'overdue':
      return { ...slotAttributes(event), [attribute.lateness]: seconds(event.lateBy) };
    case 'restarting':
      return {
        ...errorAttributes(event),
        [attribute.task]: event.task,
        [attribute.restart]: event.restart,
        [attribute.delay]: seconds(event.delay),
      };
    case 'initializing':
    case 'failed':
    case 'slot-started':
    case 'slot-failed':
    case 'done':
      return undefined;
  }
}

function byAttribute(by: string | undefined): Attributes {
  return by === undefined ? {} : { [attribute.by]: by };
}

function slotAttributes({ slot }: { slot?: number }): Attributes {
  return slot === undefined ? {} : { [attribute.slot]: slot };
}

function errorAttributes(event: { error?: unknown }): Attributes {
  return 'error' in event ? { [attribute.errorType]: errorType(event.error) } : {};
}

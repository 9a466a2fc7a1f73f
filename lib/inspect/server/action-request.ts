import { validateBy } from '../../task/by-whom.js';
import { invalid, validateBoolean, validateOneOf, validateString } from '../../util/validate.js';
import { validateMembers } from '../../util/validate-options.js';
import {
  isQueueAction,
  parseQueueAction,
  queueActions,
  type QueueAction,
  type QueueActionRequest,
} from './queue-action-request.js';
import { taskActions, type TaskAction } from './task-actions.js';

/** An action that the inspector performs. */
export type InspectorAction = TaskAction | QueueAction;

/** A request for an action of the task at a path. */
export type TaskActionRequest = {
  /** The person or program that asks. Default: `inspector`. */
  readonly by?: string;
} & ({ readonly action: Exclude<TaskAction, 'reschedule'>; readonly path: string } | RescheduleRequest);

/** A request for an action: of a task, or of a queue of the fleet. */
export type ActionRequest = TaskActionRequest | QueueActionRequest;

/** A request for another schedule of a cron. */
export interface RescheduleRequest {
  readonly action: 'reschedule';
  readonly path: string;
  /** A period in ms, or a cron expression. */
  readonly schedule: number | string;
  /** The IANA time zone of a cron expression. Default: that of the cron. */
  readonly timezone?: string;
  /** Whether only the next runs are wanted, and nothing changes. */
  readonly preview?: boolean;
}

const names: readonly InspectorAction[] = [...taskActions, ...queueActions];

/** @throws SyntaxError, TypeError, RangeError for a body that is not a request. */
export function parseActionRequest(body: string): ActionRequest {
  const request = parsed(body);
  const { action, by } = request;
  validateOneOf('action', names, action);
  if (isQueueAction(action)) return parseQueueAction(action, request);
  const further = action === 'reschedule' ? ['schedule', 'timezone', 'preview'] : [];
  validateMembers(request, ['action', 'path', 'by', ...further], 'body');
  validateString('path', request['path']);
  if (by !== undefined) validateBy(by);
  if (action === 'reschedule') validateReschedule(request);
  return request as unknown as TaskActionRequest;
}

/** The cron itself validates the schedule and the time zone. */
function validateReschedule({ schedule, timezone, preview }: Readonly<Record<string, unknown>>): void {
  if (typeof schedule !== 'number' && typeof schedule !== 'string')
    throw new TypeError(invalid('schedule', 'a period in ms or a cron expression', schedule));
  if (timezone !== undefined) validateString('timezone', timezone);
  if (preview !== undefined) validateBoolean('preview', preview);
}

function parsed(body: string): Readonly<Record<string, unknown>> {
  try {
    return Object(JSON.parse(body)) as Record<string, unknown>;
  } catch {
    throw new SyntaxError('Expected a body of JSON such as {"action":"pause","path":"app/report"}');
  }
}

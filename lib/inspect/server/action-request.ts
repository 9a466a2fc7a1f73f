import { validateOneOf, validateOptions, validateString } from '../../util/validate.js';
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
export interface TaskActionRequest {
  readonly action: TaskAction;
  readonly path: string;
}

/** A request for an action. */
export type ActionRequest = TaskActionRequest | QueueActionRequest;

const names: readonly InspectorAction[] = [...taskActions, ...queueActions];

/** @throws SyntaxError, TypeError, RangeError for a body that is not a request. */
export function parseActionRequest(body: string): ActionRequest {
  const request = parsed(body);
  const { action, path } = request;
  validateOneOf('action', names, action);
  if (isQueueAction(action)) return parseQueueAction(action, request);
  validateOptions(request, ['action', 'path'], 'body');
  validateString('path', path);
  return request as unknown as TaskActionRequest;
}

function parsed(body: string): Readonly<Record<string, unknown>> {
  try {
    return Object(JSON.parse(body)) as Record<string, unknown>;
  } catch {
    throw new SyntaxError('Expected a body of JSON such as {"action":"pause","path":"app/report"}');
  }
}

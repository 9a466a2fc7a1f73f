import { validateOneOf, validateOptions, validateString } from '../../util/validate.js';
import { taskActions, type TaskAction } from './task-actions.js';

/** An action that the inspector performs. */
export type InspectorAction = TaskAction | 'redrive';

/** A request for an action: of the task at a path, or of a queue of the fleet. */
export type ActionRequest =
  { readonly action: TaskAction; readonly path: string } | { readonly action: 'redrive'; readonly queue: string };

const names: readonly InspectorAction[] = [...taskActions, 'redrive'];

/** @throws SyntaxError, TypeError, RangeError for a body that is not a request. */
export function parseActionRequest(body: string): ActionRequest {
  const request = parsed(body);
  const { action } = request;
  validateOneOf('action', names, action);
  const target = action === 'redrive' ? 'queue' : 'path';
  validateOptions(request, ['action', target], 'body');
  validateString(target, request[target]);
  return request as unknown as ActionRequest;
}

function parsed(body: string): Readonly<Record<string, unknown>> {
  try {
    return Object(JSON.parse(body)) as Record<string, unknown>;
  } catch {
    throw new SyntaxError('Expected a body of JSON such as {"action":"pause","path":"app/report"}');
  }
}

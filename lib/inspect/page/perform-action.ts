import type { ActionRequest } from '../server/action-request.js';
import { operatorName } from './operator-name.js';
import { requestJson } from './request.js';

/** The answer of the server to a request for an action. */
export interface ActionAnswer {
  readonly error?: string;
  /** After `pause` and `resume`: whether the cron is paused. */
  readonly paused?: boolean;
  /** After `reschedule`: the next runs, in ms since 1970. */
  readonly nextRuns?: readonly number[];
  /** The number of jobs that `redrive` has submitted again. */
  readonly count?: number;
  /** Whether an action of a queue waits for the database. */
  readonly pending?: boolean;
}

/** Requests an action in the name of the user. Never rejects: a failure is an `error`. */
export function performAction(request: ActionRequest): Promise<ActionAnswer> {
  const body = JSON.stringify({ ...request, by: operatorName() });
  return requestJson<ActionAnswer>('actions', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body,
  });
}

import type { IncomingMessage, ServerResponse } from 'node:http';
import { findPlacedRunner, type PlacedRunner } from '../../app/find-runner.js';
import { NotRunningError } from '../../errors/errors.js';
import type { TaskRunner } from '../../task/types.js';
import { messageOf } from '../../util/describe-error.js';
import { logError } from '../../util/log-error.js';
import { printableName } from '../../util/printable.js';
import {
  parseActionRequest,
  type ActionRequest,
  type RescheduleRequest,
  type TaskActionRequest,
} from './action-request.js';
import { Answer, refusal } from './answer.js';
import type { PerformQueueAction } from './queue-actions.js';
import { noQueues } from './queue-route.js';
import { readBody } from './read-body.js';
import { sendJson } from './respond.js';
import { actionKinds, actionOf, nextRunsOf } from './task-actions.js';

/** The most bytes of the body of a request. */
const maxBytes = 4096;

/**
 * Creates the listener for requests for actions, whose token and `Origin` have been checked. It answers when an action
 * is done, or has begun: what follows is in the events.
 *
 * @param performQueueAction `undefined` if there is no fleet with queues.
 */
export function actionRoute(
  runners: readonly TaskRunner[],
  performQueueAction: PerformQueueAction | undefined,
): (request: IncomingMessage, response: ServerResponse) => Promise<void> {
  return async (request, response) => {
    const { status, body } = await answerTo(request, runners, performQueueAction).catch(failure);
    // The rest of the body is no further request.
    if (!request.complete) response.setHeader('connection', 'close');
    sendJson(response, status, body);
  };
}

async function answerTo(
  request: IncomingMessage,
  runners: readonly TaskRunner[],
  performQueueAction: PerformQueueAction | undefined,
): Promise<Answer> {
  // A form of another site cannot have this type.
  if (!/^application\/json\s*(?:;|$)/i.test(request.headers['content-type'] ?? ''))
    return refusal(415, 'Expected the Content-Type application/json');
  if (Number(request.headers['content-length'] ?? 0) > maxBytes) return tooLong;
  const body = await readBody(request, maxBytes);
  if (body === 'too long') return tooLong;
  const parsed = parse(body.toString());
  if (parsed instanceof Answer) return parsed;
  if ('path' in parsed) return performTaskAction(parsed, runners);
  return performQueueAction ? performQueueAction(parsed) : refusal(400, noQueues);
}

const tooLong = refusal(413, `Expected a body of at most ${maxBytes} bytes`);

function parse(body: string): ActionRequest | Answer {
  try {
    return parseActionRequest(body);
  } catch (error) {
    return refusal(400, messageOf(error));
  }
}

async function performTaskAction(request: TaskActionRequest, runners: readonly TaskRunner[]): Promise<Answer> {
  const { action, path } = request;
  const placed = findPlacedRunner(runners, path);
  const name = printableName(path);
  if (!placed) return refusal(404, `There is no task ${name}`);
  const perform = actionOf(placed, action);
  if (!perform) return refusal(400, `Expected ${actionKinds[action]} for ${action}, got ${name}`);
  const { by = 'inspector' } = request;
  if (request.action === 'reschedule') return rescheduleCron(placed, request, () => perform({ ...request, by }));
  await begun(() => perform({ by }));
  if (action !== 'pause' && action !== 'resume') return new Answer(202, { action, path });
  // A coordinator may pause the cron, too.
  return new Answer(200, { action, path, paused: (placed.runner as { paused?: boolean }).paused });
}

/** Changes the schedule, unless it is a preview. Answers with the next runs. */
function rescheduleCron(placed: PlacedRunner, request: RescheduleRequest, perform: () => unknown): Answer {
  const { action, path, preview = false } = request;
  try {
    // Before the change, because a cron that is paused then has none.
    const nextRuns = nextRunsOf(placed, request);
    if (!preview) perform();
    return new Answer(200, { action, path, preview, nextRuns });
  } catch (error) {
    // The schedule or the time zone is none.
    if (error instanceof RangeError || error instanceof TypeError) return refusal(400, messageOf(error));
    throw error;
  }
}

/**
 * Resolves when an action is done or has begun. Whether it can begin is known at once; its end, such as that of a
 * triggered run, may take any time.
 */
async function begun(perform: () => unknown): Promise<void> {
  let isAnswered = false;
  // An action that throws becomes a rejection.
  const action = new Promise((resolve) => resolve(perform()));
  action.catch((error: unknown) => isAnswered && logError(error));
  await Promise.race([action, new Promise((resolve) => setImmediate(resolve))]);
  isAnswered = true;
}

function failure(error: unknown): Answer {
  if (error instanceof NotRunningError) return refusal(409, error.message);
  return refusal(500, `The action has failed: ${messageOf(error).slice(0, 200)}`);
}

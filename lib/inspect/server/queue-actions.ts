import { logError } from '../../util/log-error.js';
import { Answer, refusal } from './answer.js';
import { fleetFailure, type FleetStateSource, type InspectedQueue, type SharedFleet } from './fleet-state-source.js';
import type { JobAction, QueueActionRequest } from './queue-action-request.js';
import { existingQueue } from './queue-route.js';

/** An action that was performed, for the event about it. */
export interface PerformedAction {
  readonly action: string;
  /** The queue, or the queue and the job. */
  readonly target: string;
  /** The number of jobs. */
  readonly count?: number;
  readonly by: string;
}

/** Performs an action of a queue. */
export type PerformQueueAction = (request: QueueActionRequest) => Promise<Answer>;

/** The person or program that asks for an action, unless the request names one. */
const inspector = 'inspector';
/** The time after which a request is answered although the action is not done. */
const answerTimeoutMs = 5000;

/** The job that each action needs, for an error. */
const expectations: Readonly<Record<JobAction, string>> = {
  'retry-job': 'that has failed or was cancelled',
  'promote-job': 'that waits for its time or for its next attempt',
  'remove-job': 'that does not run at the moment',
};

/** @param onPerformed called after each action that has changed something. */
export function queueActionsOf(
  fleet: FleetStateSource,
  shared: SharedFleet,
  onPerformed: (performed: PerformedAction) => void,
): PerformQueueAction {
  return async (request) => {
    const { action, queue: name, by = inspector } = request;
    try {
      const queue = await existingQueue(fleet, shared, name);
      if (!queue) return refusal(404, `There is no queue ${name}`);
      const done = perform(queue, request, by).then((result) => {
        if (result instanceof Answer) return result;
        const target = 'job' in request ? `${name}/${request.job}` : name;
        onPerformed({ action, target, ...result, by });
        return new Answer(200, { ...request, ...result });
      });
      return await answerInTime(done, new Answer(202, { ...request, pending: true }));
    } catch (error) {
      return refusal(503, fleetFailure(error));
    }
  };
}

/** Resolves to the part of the answer that the request does not have, or to a refusal. */
async function perform(
  queue: InspectedQueue,
  request: QueueActionRequest,
  by: string,
): Promise<{ readonly count?: number } | Answer> {
  switch (request.action) {
    case 'redrive':
      return { count: await queue.redrive(request.ids) };
    case 'pause-queue':
      await queue.pause({ by });
      return {};
    case 'resume-queue':
      await queue.resume();
      return {};
    default: {
      const { action, job, queue: name } = request;
      const isDone = await {
        'retry-job': () => queue.retry(job),
        'promote-job': () => queue.promote(job),
        'remove-job': () => queue.remove(job),
      }[action]();
      return isDone ? {} : refusal(409, `${name} has no job ${job} ${expectations[action]}`);
    }
  }
}

/**
 * Resolves to the answer of an action, or to `pending` after the timeout; a later error is logged. While the database
 * is unreachable, an action waits for it.
 */
async function answerInTime(done: Promise<Answer>, pending: Answer): Promise<Answer> {
  let timer: NodeJS.Timeout | undefined;
  let isAnswered = false;
  done.catch((error: unknown) => isAnswered && logError(error));
  const timeout = new Promise<Answer>((resolve) => {
    timer = setTimeout(() => {
      isAnswered = true;
      resolve(pending);
    }, answerTimeoutMs).unref();
  });
  return Promise.race([done, timeout]).finally(() => clearTimeout(timer));
}

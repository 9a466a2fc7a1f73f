import { validateJobId, validateJobIds, validateQueueName } from '../../fleet/queue-policy.js';
import { validateBy } from '../../task/by-whom.js';
import { validateString } from '../../util/validate.js';
import { validateMembers } from '../../util/validate-options.js';

/** An action of a queue, or of one of its jobs. */
export type QueueAction = 'redrive' | 'pause-queue' | 'resume-queue' | JobAction;

/** An action of a job. */
export type JobAction = 'retry-job' | 'promote-job' | 'remove-job';

const jobActions: readonly JobAction[] = ['retry-job', 'promote-job', 'remove-job'];
export const queueActions: readonly QueueAction[] = ['redrive', 'pause-queue', 'resume-queue', ...jobActions];

/** A request for an action of a queue. */
export type QueueActionRequest = {
  readonly queue: string;
  /** The person or program that asks for it. */
  readonly by?: string;
} & (
  | { readonly action: 'pause-queue' | 'resume-queue' }
  /** Without `ids`, all dead letters are submitted again. */
  | { readonly action: 'redrive'; readonly ids?: readonly string[] }
  | { readonly action: JobAction; readonly job: string }
);

export function isQueueAction(action: unknown): action is QueueAction {
  return queueActions.includes(action as QueueAction);
}

/** @throws TypeError or RangeError for a request that is not as documented. */
export function parseQueueAction(action: QueueAction, request: object): QueueActionRequest {
  const { queue, by, job, ids } = request as Record<string, unknown>;
  const isOfJob = jobActions.includes(action as JobAction);
  const own = isOfJob ? ['job'] : action === 'redrive' ? ['ids'] : [];
  validateMembers(request, ['action', 'queue', ...own, 'by'], 'body');
  validateString('queue', queue);
  validateQueueName(queue);
  if (by !== undefined) validateBy(by);
  if (isOfJob) validateJobId(job);
  if (ids !== undefined) validateJobIds('ids', ids);
  return request as QueueActionRequest;
}

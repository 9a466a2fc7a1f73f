import { validateJobId, validateJobsFilter, validateQueueName } from '../../fleet/queue-policy.js';
import type { JobState } from '../../fleet/queue-types.js';
import { attempt } from '../../util/attempt.js';
import { messageOf } from '../../util/describe-error.js';
import { invalid } from '../../util/validate.js';
import { validateMembers } from '../../util/validate-options.js';
import { Answer, refusal } from './answer.js';
import { fleetFailure, type FleetStateSource, type InspectedQueue, type SharedFleet } from './fleet-state-source.js';
import {
  toDeadLetterView,
  toJobDetails,
  toJobView,
  type DeadLettersAnswer,
  type GroupsAnswer,
  type JobAnswer,
  type JobsAnswer,
} from './job-view.js';
import type { SharedAnswers } from './shared-answer.js';

/** The start of the paths of the queues' resources. */
export const queuesPath = '/fleet/queues/';

/** The number of jobs, or of dead letters, of a page. */
const pageLength = 50;
/** The largest `limit` of a page. */
const maxLimit = 500;
/** The number of groups, the largest ones. */
const maxGroups = 10;

/** Answers a GET of a path below {@link queuesPath}. */
export type QueueRoute = (path: string, query: string) => Promise<Answer>;

/** Reads a resource of a queue, such as its jobs. */
type Read = (queue: InspectedQueue) => Promise<Answer>;

/** The parts of an inspector that its queues need. */
export interface QueueRouteParts {
  readonly fleet: FleetStateSource | undefined;
  readonly shared: SharedFleet | undefined;
  readonly showData: boolean;
  readonly answers: SharedAnswers<Answer>;
}

/**
 * Creates the function that answers requests for the jobs of queues. Clients that ask for the same within a second
 * share an answer.
 */
export function queueRoute({ fleet, shared, showData, answers }: QueueRouteParts): QueueRoute {
  return async (path, query) => {
    if (!fleet?.queue || !shared) return refusal(404, noQueues);
    const request = parse(path, query, showData);
    if (request instanceof Answer) return request;
    const answer = async () => {
      const queue = await existingQueue(fleet, shared, request.queue);
      return queue ? request.read(queue) : refusal(404, `There is no queue ${request.queue}`);
    };
    return answers.get(`${path}?${query}`, answer).catch(toRefusal);
  };
}

/** A RangeError is that of a page after a job that has been deleted. */
function toRefusal(error: unknown): Answer {
  return error instanceof RangeError ? refusal(400, messageOf(error)) : refusal(503, fleetFailure(error));
}

/** Returns a queue, unless the fleet does not have it: a queue that is only read must not be created. */
export async function existingQueue(
  fleet: FleetStateSource,
  shared: SharedFleet,
  name: string,
): Promise<InspectedQueue | undefined> {
  const { queues } = await shared.current();
  return queues.some((queue) => queue.name === name) ? fleet.queue?.(name) : undefined;
}

/** The error of an inspector that has no queues. */
export const noQueues = 'The inspector has no fleet with queues: pass it as inspector({ fleet })';

function parse(
  path: string,
  query: string,
  showData: boolean,
): { readonly queue: string; readonly read: Read } | Answer {
  const [queue = '', kind = '', id, ...rest] = path.slice(queuesPath.length).split('/').map(decoded);
  const read = id === undefined ? collections.get(kind) : kind === 'jobs' && rest.length === 0 && readJob(id);
  if (!read) return refusal(404, `Expected ${queuesPath}<name>/jobs, …/jobs/<id>, …/dead-letters or …/groups`);
  try {
    validateQueueName(queue);
    return { queue, read: read(Object.fromEntries(new URLSearchParams(query)), showData) };
  } catch (error) {
    return refusal(400, messageOf(error));
  }
}

/** Decodes a part of a path. One that is not encoded as it should be is no valid name, so that it is refused. */
function decoded(part: string): string {
  return attempt(() => decodeURIComponent(part), part);
}

/** Returns the function that reads a resource. @throws RangeError or TypeError for an invalid parameter. */
type Parse = (parameters: Readonly<Record<string, string>>, showData: boolean) => Read;

const readJobs: Parse = (parameters, showData) => {
  validateMembers(parameters, ['state', 'after', 'limit'], 'query');
  const { state, after, limit = String(pageLength) } = parameters;
  const count = Number(limit);
  if (!/^\d+$/.test(limit) || count < 1 || count > maxLimit)
    throw new RangeError(invalid('limit', `a whole number from 1 to ${maxLimit}`, limit));
  // One more shows whether there is another page.
  const filter = { limit: count + 1, ...(state && { state: state as JobState['state'] }), ...(after && { after }) };
  validateJobsFilter(filter);
  return async (queue) => {
    const found = await queue.jobs(filter);
    const jobs = found.slice(0, count);
    const next = found.length > count ? jobs.at(-1)?.id : undefined;
    const views = jobs.map((job) => toJobView(job, showData));
    return new Answer(200, { jobs: views, ...(next !== undefined && { next }), showData } satisfies JobsAnswer);
  };
};

const readJob =
  (id: string): Parse =>
  (parameters, showData) => {
    validateMembers(parameters, [], 'query');
    validateJobId(id);
    return async (queue) => {
      const job = await queue.job(id);
      return job
        ? new Answer(200, { job: toJobDetails(job, showData), showData } satisfies JobAnswer)
        : refusal(404, `There is no job ${id}`);
    };
  };

const readDeadLetters: Parse = (parameters, showData) => {
  validateMembers(parameters, [], 'query');
  return async (queue) => {
    const letters = await queue.deadLetters(pageLength);
    return new Answer(200, {
      deadLetters: letters.map((letter) => toDeadLetterView(letter, showData)),
      showData,
    } satisfies DeadLettersAnswer);
  };
};

const readGroups: Parse = (parameters) => {
  validateMembers(parameters, [], 'query');
  return async (queue) => new Answer(200, { groups: await queue.groups(maxGroups) } satisfies GroupsAnswer);
};

const collections: ReadonlyMap<string, Parse> = new Map([
  ['jobs', readJobs],
  ['dead-letters', readDeadLetters],
  ['groups', readGroups],
]);

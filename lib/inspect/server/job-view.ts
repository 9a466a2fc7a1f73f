import type { JobFailure } from '../../fleet/errors.js';
import type { DeadLetter, GroupState, JobState } from '../../fleet/queue-types.js';
import { shownName } from './job-messages.js';

/** A job of a queue, as in `/fleet/queues/<name>/jobs`: without its data. Times are in ms since 1970. */
export interface JobView extends Omit<
  JobState,
  'input' | 'output' | 'progress' | 'failure' | 'createdAt' | 'dueAt' | 'startedAt' | 'endedAt'
> {
  readonly failure?: FailureView;
  readonly createdAt: number;
  readonly dueAt?: number;
  readonly startedAt?: number;
  readonly endedAt?: number;
}

/** A failure. The message may be personal, so it is only present with `showData`. */
export interface FailureView {
  readonly name: string;
  readonly message?: string;
}

/** A job, as in `/fleet/queues/<name>/jobs/<id>`. Its data are only present with `showData`, up to 100 kB each. */
export interface JobDetails extends JobView {
  readonly input?: unknown;
  readonly output?: unknown;
  readonly progress?: unknown;
  /** The lengths of the data as JSON, whether they are shown or not. */
  readonly bytes: Partial<Record<'input' | 'output' | 'progress', number>>;
}

/** A dead letter, as in `/fleet/queues/<name>/dead-letters`. */
export interface DeadLetterView {
  readonly id: string;
  readonly job: string;
  readonly at: number;
  readonly failure: FailureView;
}

/** The answer of `/fleet/queues/<name>/jobs`. */
export interface JobsAnswer {
  readonly jobs: readonly JobView[];
  /** The `after` of the next page. Absent on the last one. */
  readonly next?: string;
  readonly showData: boolean;
}

/** The answer of `/fleet/queues/<name>/jobs/<id>`. */
export interface JobAnswer {
  readonly job: JobDetails;
  readonly showData: boolean;
}

/** The answer of `/fleet/queues/<name>/dead-letters`. */
export interface DeadLettersAnswer {
  /** The oldest ones. */
  readonly deadLetters: readonly DeadLetterView[];
  readonly showData: boolean;
}

/** The answer of `/fleet/queues/<name>/groups`: the largest groups. */
export interface GroupsAnswer {
  readonly groups: readonly GroupState[];
}

/** The longest JSON of a value that is sent, in bytes. */
const maxBytes = 100_000;

export function toJobView(job: JobState, showData: boolean): JobView {
  const { id, state, attempt, priority, key, group, after, failure, createdAt, dueAt, startedAt, endedAt } = job;
  return {
    id,
    state,
    attempt,
    priority,
    ...(key !== undefined && { key }),
    ...(group !== undefined && { group }),
    ...(after && { after }),
    ...(failure && { failure: toFailureView(failure, showData) }),
    createdAt: createdAt.getTime(),
    ...(dueAt && { dueAt: dueAt.getTime() }),
    ...(startedAt && { startedAt: startedAt.getTime() }),
    ...(endedAt && { endedAt: endedAt.getTime() }),
  };
}

export function toJobDetails(job: JobState, showData: boolean): JobDetails {
  const data = (['input', 'output', 'progress'] as const).flatMap((name) => {
    const value = job[name];
    return value === undefined ? [] : [{ name, value, bytes: Buffer.byteLength(JSON.stringify(value)) }];
  });
  const shown = data.filter(({ bytes }) => showData && bytes <= maxBytes);
  return {
    ...toJobView(job, showData),
    ...Object.fromEntries(shown.map(({ name, value }) => [name, value])),
    bytes: Object.fromEntries(data.map(({ name, bytes }) => [name, bytes])),
  };
}

export function toDeadLetterView({ id, job, at, failure }: DeadLetter<unknown>, showData: boolean): DeadLetterView {
  return { id, job, at: at.getTime(), failure: toFailureView(failure, showData) };
}

function toFailureView({ name, message }: JobFailure, showData: boolean): FailureView {
  if (showData) return { name, message };
  return { name: shownName(name) };
}

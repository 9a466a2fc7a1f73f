import type { QueueOptions as BossOptions } from 'pg-boss';
import { invalid, validateArray, validateInteger, validateNumber, validateString } from '../util/validate.js';
import { validateOptions, validateMembers, type OtherNames } from '../util/validate-options.js';
import { isJobId, isQueueName } from './message-fields.js';
import type { JobsFilter, JobState, QueueOptions, SubmitOptions } from './queue-types.js';

/** The longest duration of an attempt, in ms. */
export const dayMs = 86_400_000;
/** The time that a job may wait, in s, counted from the end of its delay: ten years. */
const maxWaitSeconds = 10 * 365 * 86_400;

/** {@link QueueOptions} with all defaults filled in. */
export interface QueuePolicy {
  readonly retries: number;
  readonly backoff: { readonly initial: number; readonly max: number };
  readonly timeout: number;
  readonly retention: number;
  readonly maxWaiting: number;
}

const optionNames: readonly (keyof QueueOptions)[] = ['retries', 'backoff', 'timeout', 'retention', 'maxWaiting'];
/** The names of BullMQ and pg-boss, and the options of a worker. */
const otherNames: OtherNames = {
  retry: 'retries',
  attempts: 'retries',
  maxAttempts: 'retries',
  retryLimit: 'retries',
  retryDelay: 'backoff',
  concurrency: '`worker` has `concurrency`',
  rate: '`worker` has `rate`',
};

export function toPolicy(options: QueueOptions): QueuePolicy {
  validateOptions(options, optionNames, 'queue', otherNames);
  const { retries = 2, backoff = {}, timeout = dayMs, retention = 7 * dayMs, maxWaiting = Infinity } = options;
  validateInteger('retries', 0, 1000, retries);
  validateMembers(backoff, ['initial', 'max'], 'backoff');
  const { initial = 1000, max = Math.max(initial, 60_000) } = backoff;
  validateNumber('backoff.initial', 0, dayMs, initial);
  validateNumber('backoff.max', initial, dayMs, max);
  validateNumber('timeout', 1, dayMs, timeout);
  validateNumber('retention', 0, 365 * dayMs, retention);
  if (maxWaiting !== Infinity) validateInteger('maxWaiting', 1, Infinity, maxWaiting);
  return { retries, backoff: { initial, max }, timeout, retention, maxWaiting };
}

/** Translates a policy into options of pg-boss. */
export function toBossOptions(policy: QueuePolicy, heartbeatTimeoutMs: number): BossOptions {
  const { retries, timeout, retention } = policy;
  const { initial, max } = policy.backoff;
  return {
    retryLimit: retries,
    retryDelay: toSeconds(initial),
    retryBackoff: initial > 0,
    ...(initial > 0 && { retryDelayMax: toSeconds(max) }),
    // Later than the timeout, so that pg-boss does not take the job from a process that is about to cancel it.
    expireInSeconds: Math.min(toSeconds(timeout + heartbeatTimeoutMs), toSeconds(dayMs)),
    // With 0, pg-boss would never delete the jobs.
    deleteAfterSeconds: Math.max(1, toSeconds(retention)),
    // pg-boss deletes jobs that have not started within this time.
    retentionSeconds: maxWaitSeconds,
    heartbeatSeconds: toSeconds(heartbeatTimeoutMs),
  };
}

/** Options of a queue for dead letters. They stay for a year, unless they are redriven. */
export const deadLetterOptions: BossOptions = { deleteAfterSeconds: 0, retentionSeconds: 365 * 86_400 };

export function validateQueueName(name: unknown): void {
  validateString('name', name);
  if (!isQueueName(name)) throw new RangeError(invalid('name', 'up to 100 letters, digits, `_` and `-`', name));
}

export function validateJobId(job: unknown, name = 'job'): void {
  validateString(name, job);
  if (!isJobId(job)) throw new RangeError(invalid(name, 'the id of a job', job));
}

/** Accepts ids of jobs, or of dead letters. */
export function validateJobIds(name: string, jobs: unknown): void {
  validateArray(name, jobs);
  // Not `forEach`, which leaves out holes.
  for (const job of jobs as unknown[]) validateJobId(job, name);
}

/** @throws TypeError for an option that the version of pg-boss's tables does not allow. */
export function validateSupported(options: object, unsupported: ReadonlySet<string>): void {
  for (const [option, value] of Object.entries(options))
    if (value !== undefined && unsupported.has(option))
      throw new TypeError(
        `Expected no option \`${option}\`, which this library does not support with this version of pg-boss's tables`,
      );
}

const jobStates = new Set<unknown>([
  'waiting',
  'delayed',
  'blocked',
  'active',
  'retrying',
  'completed',
  'failed',
  'cancelled',
] satisfies JobState['state'][]);

export function validateJobsFilter(filter: JobsFilter): void {
  validateMembers(filter, ['state', 'limit', 'after'], 'filter');
  const { state, limit = 100, after } = filter;
  if (state !== undefined && !jobStates.has(state))
    throw new RangeError(invalid('state', `one of ${[...jobStates].join(', ')}`, state));
  validateInteger('limit', 1, 10_000, limit);
  if (after !== undefined) validateJobId(after, 'after');
}

/** Returns the time in s after which pg-boss fails an attempt, for a job with a timeout of its own. */
export function expireSecondsOf({ timeout }: SubmitOptions): number | undefined {
  return timeout === undefined ? undefined : Math.min(toSeconds(timeout + 60_000), toSeconds(dayMs));
}

function toSeconds(ms: number): number {
  return Math.ceil(ms / 1000);
}

import { hasMembers, hasMethod } from '../util/has-members.js';
import {
  invalid,
  validateArray,
  validateBoolean,
  validateInteger,
  validateNumber,
  validateString,
} from '../util/validate.js';
import { readOptions, type OtherNames } from '../util/validate-options.js';
import { validateJsonb } from './jsonb.js';
import { dayMs, validateJobIds } from './queue-policy.js';
import type { EnqueueOptions, QueryClient, SubmitOptions } from './queue-types.js';

/** The maximum delay of a job, in ms. */
const maxDelayMs = 365 * dayMs;
/** The maximum number of jobs that a job waits for. */
const maxAfter = 1000;

const submitNames = [
  'priority',
  'delay',
  'retries',
  'timeout',
  'key',
  'keyWindow',
  'group',
  'after',
] as const satisfies readonly (keyof SubmitOptions)[];
const enqueueNames = [...submitNames, 'db', 'notify'] as const satisfies readonly (keyof EnqueueOptions)[];
/** The names of BullMQ and pg-boss. */
const otherNames: OtherNames = {
  jobId: 'key',
  singletonKey: 'key',
  unique: 'key',
  attempts: 'retries',
  retryLimit: 'retries',
  startAfter: 'delay',
  backoff: '`queue` has `backoff`',
};
const otherSubmitNames: OtherNames = { ...otherNames, db: '`enqueue` has `db`' };

/** The parts of {@link EnqueueOptions}. */
export interface ResolvedEnqueueOptions {
  readonly db: QueryClient | undefined;
  readonly notify: boolean;
  /** The options of the jobs, which do not change with the object of the caller. */
  readonly jobOptions: SubmitOptions;
}

/**
 * Validates the options of one job. Returns a copy, which does not change with the object of the caller.
 *
 * @param now the current time, in ms since 1970.
 */
export function readSubmitOptions(options: SubmitOptions, now: number = Date.now()): SubmitOptions {
  return copyJobOptions(readOptions(options, submitNames, 'submit', otherSubmitNames), now);
}

/** Validates the options of jobs that are enqueued, as {@link readSubmitOptions} does. */
export function readEnqueueOptions(options: EnqueueOptions, now: number = Date.now()): ResolvedEnqueueOptions {
  const { db, notify, ...jobOptions } = readOptions(options, enqueueNames, 'enqueue', otherNames);
  if (db !== undefined && !hasMethod(db, 'query'))
    throw new TypeError(invalid('db', 'a client with a `query` function', db));
  // Its statements might go to several connections, or by chance to the one that has begun the transaction.
  if (hasMembers(db, 'query', 'connect', 'idleCount'))
    throw new TypeError('Expected `db` to be a client, got a pool. Take one of its clients: await pool.connect()');
  if (notify !== undefined) validateBoolean('notify', notify);
  if (db === undefined && notify !== undefined) throw new TypeError('Expected `notify` to be used together with `db`');
  return { db, notify: notify ?? true, jobOptions: copyJobOptions(jobOptions, now) };
}

function copyJobOptions(options: SubmitOptions, now: number): SubmitOptions {
  const { priority = 0, delay = 0, retries = 0, timeout = 1, key, keyWindow = 0, group, after } = options;
  validateInteger('retries', 0, 1000, retries);
  validateNumber('timeout', 1, dayMs, timeout);
  if (key !== undefined) validateKey('key', key);
  if (group !== undefined) validateKey('group', group);
  if (after !== undefined) validateAfter(after);
  validateNumber('keyWindow', 0, 365 * dayMs, keyWindow);
  if (key === undefined && options.keyWindow !== undefined)
    throw new TypeError('Expected `keyWindow` to be used together with `key`');
  validateInteger('priority', -1_000_000, 1_000_000, priority);
  validateDelay(delay, now);
  return {
    ...options,
    ...(delay instanceof Date && { delay: new Date(delay) }),
    ...(after && { after: [...after] }),
  };
}

/** Accepts the ids of jobs, which may occur twice. */
function validateAfter(after: readonly string[]): void {
  validateArray('after', after);
  if (after.length > maxAfter) throw new RangeError(invalid('after', `up to ${maxAfter} ids of jobs`, after.length));
  validateJobIds('after', after);
}

function validateKey(name: string, value: unknown): void {
  validateString(name, value);
  const { length } = value as string;
  if (length < 1 || length > 200) throw new RangeError(invalid(name, 'from 1 to 200 characters', value));
  validateJsonb(name, [value]);
}

function validateDelay(delay: unknown, now: number): void {
  const isDate = delay instanceof Date;
  const ms = isDate ? delay.getTime() - now : delay;
  // A date may be in the past.
  if (typeof ms === 'number' && ms <= maxDelayMs && (isDate || ms >= 0)) return;
  const error = typeof ms === 'number' ? RangeError : TypeError;
  throw new error(
    invalid('delay', `a number of ms from 0 to ${maxDelayMs}, or a date within the next 365 days`, delay),
  );
}

import type { QueueOptions as BossOptions } from 'pg-boss';
import { validateNumber, validateOptions, validateInteger } from '../util/validate.js';
import type { QueueOptions } from './queue.js';

const day = 86_400_000;

/** {@link QueueOptions}, all of them said. */
export interface QueuePolicy {
  readonly retries: number;
  readonly backoff: { readonly initial: number; readonly max: number };
  readonly timeout: number;
  readonly retention: number;
  readonly maxWaiting: number;
}

export function toPolicy(options: QueueOptions): QueuePolicy {
  validateOptions(options, ['retries', 'backoff', 'timeout', 'retention', 'maxWaiting']);
  const { retries = 2, backoff = {}, timeout = day, retention = 7 * day, maxWaiting = Infinity } = options;
  validateInteger('retries', 0, 1000, retries);
  validateOptions(backoff, ['initial', 'max'], 'backoff');
  const { initial = 1000, max = 60_000 } = backoff;
  validateNumber('backoff.initial', 0, day, initial);
  validateNumber('backoff.max', initial, day, max);
  validateNumber('timeout', 1, day, timeout);
  validateNumber('retention', 0, 365 * day, retention);
  if (maxWaiting !== Infinity) validateInteger('maxWaiting', 1, Infinity, maxWaiting);
  return { retries, backoff: { initial, max }, timeout, retention, maxWaiting };
}

/** What pg-boss is told of it. */
export function toBossOptions({ retries, backoff, timeout, retention }: QueuePolicy, heartbeat: number): BossOptions {
  const { initial, max } = backoff;
  return {
    retryLimit: retries,
    retryDelay: seconds(initial),
    retryBackoff: initial > 0,
    ...(initial > 0 && { retryDelayMax: seconds(max) }),
    // What its own process cancels is not to be taken from it just before.
    expireInSeconds: Math.min(seconds(timeout + heartbeat), seconds(day)),
    // With 0 they would stay for ever.
    deleteAfterSeconds: Math.max(1, seconds(retention)),
    heartbeatSeconds: seconds(heartbeat),
  };
}

/** Of dead letters, which stay for a year. */
export const deadOptions: BossOptions = { deleteAfterSeconds: 0, retentionSeconds: seconds(365 * day) };

function seconds(ms: number): number {
  return Math.ceil(ms / 1000);
}

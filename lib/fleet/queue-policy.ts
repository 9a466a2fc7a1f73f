import type { QueueOptions as BossOptions } from 'pg-boss';
import { expectNumber, expectOptions, expectWhole } from '../util/validate.js';
import type { QueueOptions } from './queue.js';

const day = 86_400_000;

/** {@link QueueOptions}, all of them said. */
export interface QueuePolicy {
  readonly retries: number;
  readonly backoff: { readonly initial: number; readonly max: number };
  readonly timeout: number;
  readonly keep: number;
  readonly limit: number;
}

export function toPolicy(options: QueueOptions): QueuePolicy {
  expectOptions(options, ['retries', 'backoff', 'timeout', 'keep', 'limit']);
  const { retries = 2, backoff = {}, timeout = day, keep = 7 * day, limit = Infinity } = options;
  expectWhole('retries', 0, 1000, retries);
  expectOptions(backoff, ['initial', 'max'], 'backoff');
  const { initial = 1000, max = 60_000 } = backoff;
  expectNumber('backoff.initial', 0, day, initial);
  expectNumber('backoff.max', initial, day, max);
  expectNumber('timeout', 1, day, timeout);
  expectNumber('keep', 0, 365 * day, keep);
  if (limit !== Infinity) expectWhole('limit', 1, Infinity, limit);
  return { retries, backoff: { initial, max }, timeout, keep, limit };
}

/** What pg-boss is told of it. */
export function toBossOptions({ retries, backoff, timeout, keep }: QueuePolicy, heartbeat: number): BossOptions {
  const { initial, max } = backoff;
  return {
    retryLimit: retries,
    retryDelay: seconds(initial),
    retryBackoff: initial > 0,
    ...(initial > 0 && { retryDelayMax: seconds(max) }),
    // What its own process cancels is not to be taken from it just before.
    expireInSeconds: Math.min(seconds(timeout + heartbeat), seconds(day)),
    // With 0 they would stay for ever.
    deleteAfterSeconds: Math.max(1, seconds(keep)),
    heartbeatSeconds: seconds(heartbeat),
  };
}

/** Of dead letters, which stay for a year. */
export const deadOptions: BossOptions = { deleteAfterSeconds: 0, retentionSeconds: seconds(365 * day) };

function seconds(ms: number): number {
  return Math.ceil(ms / 1000);
}

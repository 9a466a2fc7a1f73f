import { validateInteger, validateNumber, validateString } from '../util/validate.js';
import { readOptions, validateMembers, type OtherNames } from '../util/validate-options.js';
import type { ClaimLimits } from './job-store.js';
import type { WorkerOptions } from './queue-types.js';

/** {@link WorkerOptions} with all defaults filled in. */
export interface ResolvedWorkerOptions {
  readonly name: string;
  readonly concurrency: number;
  readonly limits: WorkerLimits;
}

/** The limits of a worker's claims. */
export type WorkerLimits = Pick<ClaimLimits, 'groupConcurrency' | 'rate'>;

const optionNames: readonly (keyof WorkerOptions)[] = ['concurrency', 'groupConcurrency', 'rate', 'name'];
/** The names of BullMQ, and the options of a queue. */
const otherNames: OtherNames = {
  limiter: 'rate',
  retries: '`queue` has `retries`',
  backoff: '`queue` has `backoff`',
  timeout: '`queue` has `timeout`',
};

/** Validates the options of a worker of a queue. */
export function readWorkerOptions(options: WorkerOptions, queue: string): ResolvedWorkerOptions {
  const read = readOptions(options, optionNames, 'worker', otherNames);
  const { concurrency = 1, groupConcurrency, rate, name = queue } = read;
  validateInteger('concurrency', 1, 10_000, concurrency);
  validateString('name', name);
  if (groupConcurrency !== undefined && groupConcurrency !== Infinity)
    validateInteger('groupConcurrency', 1, 10_000, groupConcurrency);
  if (rate !== undefined) {
    validateMembers(rate, ['jobs', 'per'], 'rate');
    validateInteger('rate.jobs', 1, 1_000_000, rate.jobs);
    validateNumber('rate.per', 1, 86_400_000, rate.per);
  }
  return {
    name,
    concurrency,
    limits: {
      ...(groupConcurrency !== Infinity && { groupConcurrency }),
      ...(rate && { rate: { jobs: rate.jobs, per: rate.per } }),
    },
  };
}

import { validateInteger, validateNumber, validateOptions, validateString } from '../util/validate.js';
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

/** Validates the options of a worker of a queue. */
export function readWorkerOptions(options: WorkerOptions, queue: string): ResolvedWorkerOptions {
  validateOptions(options, ['concurrency', 'groupConcurrency', 'rate', 'name']);
  const { concurrency = 1, groupConcurrency, rate, name = queue } = options;
  validateInteger('concurrency', 1, 10_000, concurrency);
  validateString('name', name);
  if (groupConcurrency !== undefined && groupConcurrency !== Infinity)
    validateInteger('groupConcurrency', 1, 10_000, groupConcurrency);
  if (rate !== undefined) {
    validateOptions(rate, ['jobs', 'per'], 'rate');
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

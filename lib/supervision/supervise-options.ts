import { invalid, validateFunction, validateMs, validateNumber, validateOneOf } from '../util/validate.js';
import { validateOptions, validateMembers, type OtherNames } from '../util/validate-options.js';
import type { RestartPolicy } from './backoff.js';

/** Options of {@link supervise}: when it restarts, after which delay, and how often. Times are in ms. */
export interface SuperviseOptions {
  /**
   * The ends that cause a restart: failures only, or all except a cancel (`'always'`). Default: `'on-failure'`.
   */
  restart?: 'on-failure' | 'always' | undefined;
  /** The delay before each restart. It grows from `initial` by `factor` up to `max`, and varies by `jitter`. */
  backoff?:
    | {
        /** Delay before the first restart, in ms. Default: 100. */
        initial?: number | undefined;
        /** Longest delay, in ms; `jitter` does not exceed it. Default: 30,000. */
        max?: number | undefined;
        /** Factor from one delay to the next, at least 1. Default: 2. */
        factor?: number | undefined;
        /** Largest fraction by which chance lengthens or shortens a delay, from 0 to 1. Default: 0.2. */
        jitter?: number | undefined;
        /** Source of the randomness: returns a number from 0 up to, but not including, 1. Default: `Math.random`. */
        random?: (() => number) | undefined;
      }
    | undefined;
  /** Restarts allowed within `window` before the task fails. `Infinity` for no limit. Default: 5. */
  maxRestarts?: number | undefined;
  /**
   * Time for which a restart counts towards `maxRestarts`, in ms. It must be longer than the delays before that many
   * restarts together: in a shorter one, the limit is never reached. Default: 60,000.
   */
  window?: number | undefined;
  /** Time after which a run that stays ready resets the next delay to `initial`, in ms. Default: 30,000. */
  healthyFor?: number | undefined;
  /**
   * Longest time from the failure, or the end of `execute`, to the end of the run, in ms. It applies only before a
   * restart. If the run takes longer, the task fails. A cancel from outside removes this limit. Default: 30,000.
   */
  finalizeTimeout?: number | undefined;
}

const optionNames = ['restart', 'backoff', 'maxRestarts', 'window', 'healthyFor', 'finalizeTimeout'];
const backoffNames = ['initial', 'max', 'factor', 'jitter', 'random'];
const otherNames: OtherNames = {
  retries: 'maxRestarts',
  maxRetries: 'maxRestarts',
  attempts: 'maxRestarts',
  maxAttempts: 'maxRestarts',
  delay: 'backoff',
};

/** Validates the options and adds the defaults. */
export function toRestartPolicy(options: SuperviseOptions): RestartPolicy {
  validateOptions(options, optionNames, 'supervise', otherNames);
  const {
    restart = 'on-failure',
    backoff = {},
    maxRestarts = 5,
    window = 60_000,
    healthyFor = 30_000,
    finalizeTimeout = 30_000,
  } = options;
  validateOneOf('restart', ['on-failure', 'always'], restart);
  validateMembers(backoff, backoffNames, 'backoff');
  const { initial = 100, max = 30_000, factor = 2, jitter = 0.2, random = Math.random } = backoff;
  validateMs('backoff.initial', initial);
  validateMs('backoff.max', max);
  validateMs('window', window);
  validateMs('healthyFor', healthyFor);
  validateMs('finalizeTimeout', finalizeTimeout);
  validateNumber('backoff.factor', 1, Infinity, factor);
  validateNumber('backoff.jitter', 0, 1, jitter);
  validateFunction('backoff.random', random);
  const expected = 'a whole number from 0 and up, or Infinity';
  if (typeof maxRestarts !== 'number') throw new TypeError(invalid('maxRestarts', expected, maxRestarts));
  if (!(maxRestarts >= 0 && (Number.isInteger(maxRestarts) || maxRestarts === Infinity)))
    throw new RangeError(invalid('maxRestarts', expected, maxRestarts));
  return { restart, initial, max, factor, jitter, random, maxRestarts, window, healthyFor, finalizeTimeout };
}

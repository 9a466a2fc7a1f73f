import {
  invalid,
  validateFunction,
  validateMs,
  validateNumber,
  validateOneOf,
  validateOptions,
} from '../util/validate.js';
import type { RestartPolicy } from './backoff.js';

/** When and how often {@link supervise} restarts. Times are in ms. */
export interface SuperviseOptions {
  /** After a failure alone, unless said, or whenever it has ended without being cancelled. */
  restart?: 'on-failure' | 'always';
  /** How long to wait before a restart. */
  backoff?: {
    /** Before the first; 100 unless said. */
    initial?: number;
    /** No wait is longer; 30,000 unless said. */
    max?: number;
    /** By which each wait is longer than the one before; 2 unless said. */
    factor?: number;
    /** The part of a wait by which it is made longer or shorter at random, from 0 to 1; 0.2 unless said. */
    jitter?: number;
    /** What `jitter` takes instead of `Math.random`: from 0 up to, but not including, 1. */
    random?: () => number;
  };
  /** More restarts than this `within` that time are a failure; 5 unless said, `Infinity` for any number. */
  maxRestarts?: number;
  /** For how long a restart counts towards `maxRestarts`; 60,000 unless said. */
  window?: number;
  /** A run that was ready for that long makes the next wait the `initial` one again; 30,000 unless said. */
  healthyFor?: number;
}

const optionNames = ['restart', 'backoff', 'maxRestarts', 'window', 'healthyFor'];
const backoffNames = ['initial', 'max', 'factor', 'jitter', 'random'];

/** Checks the options and fills in the defaults. */
export function toRestartPolicy(options: SuperviseOptions): RestartPolicy {
  validateOptions(options, optionNames);
  const { restart = 'on-failure', backoff = {}, maxRestarts = 5, window = 60_000, healthyFor = 30_000 } = options;
  validateOneOf('restart', ['on-failure', 'always'], restart);
  validateOptions(backoff, backoffNames, 'backoff');
  const { initial = 100, max = 30_000, factor = 2, jitter = 0.2, random = Math.random } = backoff;
  validateMs('backoff.initial', initial);
  validateMs('backoff.max', max);
  validateMs('window', window);
  validateMs('healthyFor', healthyFor);
  validateNumber('backoff.factor', 1, Infinity, factor);
  validateNumber('backoff.jitter', 0, 1, jitter);
  validateFunction('backoff.random', random);
  const whole = 'a whole number from 0 and up, or Infinity';
  if (typeof maxRestarts !== 'number') throw new TypeError(invalid('maxRestarts', whole, maxRestarts));
  if (!(maxRestarts >= 0 && (Number.isInteger(maxRestarts) || maxRestarts === Infinity)))
    throw new RangeError(invalid('maxRestarts', whole, maxRestarts));
  return { restart, initial, max, factor, jitter, random, maxRestarts, window, healthyFor };
}

import { invalid } from './validate.js';

/**
 * Calls a source of randomness that a caller has given. If it throws, or returns anything but a number from 0 up to,
 * but not including, 1, the error is reported and `Math.random` is used.
 */
export function randomFrom(random: () => number, onError: (error: unknown) => void): number {
  try {
    const value: unknown = random();
    if (typeof value === 'number' && value >= 0 && value < 1) return value;
    onError(new RangeError(invalid('random()', 'a number from 0 up to, but not including, 1', value)));
  } catch (error) {
    onError(error);
  }
  return Math.random();
}

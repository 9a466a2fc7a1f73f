import { seededRandom } from '../../lib/testing/seeded-random.js';

/** A random number generator with a seed. */
export class SeededRandom {
  /** Returns a number from 0 up to, but not including, 1. */
  readonly next: () => number;

  constructor(seed: number) {
    this.next = seededRandom(seed);
  }

  /** Returns an integer from 0 up to, but not including, `n`. */
  integer(n: number): number {
    return Math.floor(this.next() * n);
  }

  /** Returns `true` with a probability of 1 in `n`. */
  oneIn(n: number): boolean {
    return this.integer(n) === 0;
  }

  pick<T>(choices: readonly T[]): T {
    return choices[this.integer(choices.length)] as T;
  }

  /** Creates 1 to `max` items. */
  array<T>(max: number, create: () => T): T[] {
    return Array.from({ length: 1 + this.integer(max) }, create);
  }
}

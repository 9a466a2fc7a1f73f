/** A random number generator with a seed. */
export class SeededRandom {
  private state: number;

  constructor(seed: number) {
    this.state = seed;
  }

  /** Returns a number from 0 up to, but not including, 1. The algorithm is mulberry32. */
  readonly next = (): number => {
    this.state = (this.state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.state ^ (this.state >>> 15), 1 | this.state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };

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

/** What is seen when all that was begun has ended, after a garbage collection. */
export interface Sample {
  readonly seconds: number;
  readonly acts: number;
  readonly heap: number;
  readonly handles: number;
  readonly listeners: number;
  readonly hanging: number;
}

export interface Verdict {
  readonly flat: boolean;
  readonly text: string;
}

/** Fewer samples are of a process that is still warming up. */
export const enough = 24;

export function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  const middle = (sorted.length - 1) / 2;
  return ((sorted[Math.floor(middle)] ?? NaN) + (sorted[Math.ceil(middle)] ?? NaN)) / 2;
}

/**
 * Whether a figure has not grown: the median of the last quarter is above that of the second by no more than is allowed. Medians,
 * because a single sample may be of an unlucky moment; not the first quarter, in which code is still being compiled.
 */
export function grown(figures: readonly number[]): { from: number; to: number; by: number } {
  const quarter = figures.length / 4;
  const from = median(figures.slice(Math.floor(quarter), Math.floor(2 * quarter)));
  const to = median(figures.slice(Math.floor(3 * quarter)));
  return { from, to, by: to - from };
}

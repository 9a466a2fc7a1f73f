/** What is seen when all that was begun has ended, after a garbage collection. */
export interface Sample {
  readonly seconds: number;
  readonly acts: number;
  /** In bytes, without code. */
  readonly heap: number;
  readonly handles: number;
  readonly listeners: number;
  readonly hanging: number;
}

/** In s. Before that the heap grows by what V8 still learns of the code it runs. */
export const warm = 120;

export function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  const middle = (sorted.length - 1) / 2;
  return ((sorted[Math.floor(middle)] ?? NaN) + (sorted[Math.ceil(middle)] ?? NaN)) / 2;
}

/**
 * By how much a figure has grown: the median of its last quarter is compared with that of the second. Medians, because one sample
 * may be of an unlucky moment; not the first quarter, in which it is still finding its level.
 */
export function grown(figures: readonly number[]): { from: number; to: number } {
  const quarter = figures.length / 4;
  return {
    from: median(figures.slice(Math.floor(quarter), Math.floor(2 * quarter))),
    to: median(figures.slice(Math.floor(3 * quarter))),
  };
}

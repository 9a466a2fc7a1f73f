/** A measurement in an idle process, after a garbage collection. */
export interface Sample {
  readonly seconds: number;
  readonly operations: number;
  /** In bytes, without compiled code. */
  readonly heap: number;
  readonly handles: number;
  readonly listeners: number;
  readonly contextListeners: number;
}

/** The time until V8 has optimized the code that runs. Before, the heap still grows. */
export const warmUpSeconds = 120;

export function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  const middle = (sorted.length - 1) / 2;
  return ((sorted[Math.floor(middle)] ?? NaN) + (sorted[Math.ceil(middle)] ?? NaN)) / 2;
}

/**
 * Returns the medians of the second and the last quarter of a series. Medians ignore outliers. The first quarter is
 * ignored, because the process still warms up.
 */
export function growth(series: readonly number[]): { from: number; to: number } {
  const quarter = series.length / 4;
  return {
    from: median(series.slice(Math.floor(quarter), Math.floor(2 * quarter))),
    to: median(series.slice(Math.floor(3 * quarter))),
  };
}

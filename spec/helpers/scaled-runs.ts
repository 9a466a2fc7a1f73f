/** Returns the number of random cases to try. The environment variable MODEL_RUNS multiplies it. */
export function scaledRuns(runs: number): number {
  return Math.ceil(runs * Number(process.env['MODEL_RUNS'] ?? 1));
}

/** The result of a job, which names the run that has produced it. */
export interface CrashResult {
  readonly job: string;
  readonly n: number;
  /** Different in each run of a job. */
  readonly run: string;
}

/** An action of a process while the server crashes. */
export type CrashEntry =
  | { readonly type: 'submitted' | 'lost'; readonly job: string }
  | {
      readonly type: 'started';
      readonly queue: string;
      readonly job: string;
      readonly attempt: number;
      readonly long: boolean;
    }
  /** A worker has reported a result as stored. */
  | { readonly type: 'completed'; readonly job: string; readonly result: CrashResult }
  | { readonly type: 'enqueued'; readonly queue: string; readonly job: string; readonly n: number }
  /** A submitter has received a result, or an error instead. */
  | { readonly type: 'result'; readonly n: number; readonly result: CrashResult }
  | { readonly type: 'refused'; readonly queue: string; readonly n: number; readonly error: string };

/** A job in the table. */
export interface CrashedJob {
  readonly id: string;
  readonly state: string;
  readonly output: { readonly value: CrashResult } | null;
}

/** Returns the violations of a fleet's promises about crashes of the server. */
export function checkCrashHistory(entries: readonly CrashEntry[], jobs: readonly CrashedJob[]): string[] {
  const stored = new Map(jobs.map((job) => [job.id, job]));
  const starts = new Map<string, number>();
  return entries.flatMap((entry) => {
    // A job of `once` fails if the crash has taken the answer to its claim: it must not run again.
    if (entry.type === 'refused' && entry.queue === 'once' && entry.error.includes('heartbeat')) return [];
    if (entry.type === 'refused') return [`submit of ${entry.n} has failed: ${entry.error}`];
    if (entry.type === 'enqueued') {
      const state = stored.get(entry.job)?.state ?? 'lost';
      return state === 'completed' || (state === 'failed' && entry.queue === 'once')
        ? []
        : [`job ${entry.job}, which was acknowledged, is ${state}`];
    }
    if (entry.type === 'started' && entry.queue === 'once') {
      const count = (starts.get(entry.job) ?? 0) + 1;
      starts.set(entry.job, count);
      return count === 1 ? [] : [`job ${entry.job}, which must not run again, has started ${count} times`];
    }
    if (entry.type !== 'completed' && entry.type !== 'result') return [];
    const { job, n, run } = entry.result;
    const faults = [];
    if (stored.get(job)?.output?.value.run !== run) faults.push(`${entry.type} of job ${job} is not its stored result`);
    if (entry.type === 'result' && entry.n !== n) faults.push(`submit of ${entry.n} got the result of ${n}`);
    return faults;
  });
}

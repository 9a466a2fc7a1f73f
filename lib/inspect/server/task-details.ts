import { findPlacedRunner } from '../../app/find-runner.js';
import type { NotReadyTask } from '../../app/not-ready-tasks.js';
import type { TaskRunner } from '../../task/types.js';
import type { EndedRunState, FailureState } from './run-log.js';
import type { RunLogs } from './run-logs.js';
import { waitsFor } from './waits-for.js';

/** The runs of one task that an inspector has seen, and the tasks that it waits for, as in `/task`. */
export interface TaskDetails {
  /** The task's path. */
  readonly task: string;
  /** The tasks that it waits for, if it is not ready: itself, while it initializes or waits for its restart. */
  readonly waitsFor?: readonly NotReadyTask[];
  /** The number of runs that have ended since the inspector began: of a cron, those of its slots. */
  readonly runs: number;
  /** The number of those that have failed or timed out. */
  readonly failures: number;
  readonly lastError?: FailureState;
  /** The durations of the last runs, in ms. */
  readonly durations?: { readonly median: number; readonly p95: number };
  /** The last 50 runs, the oldest first. */
  readonly lastRuns: readonly EndedRunState[];
}

/** Returns the details of the task at a path, or `undefined` if there is no such task. */
export function taskDetails(runners: readonly TaskRunner[], logs: RunLogs, path: string): TaskDetails | undefined {
  const log = logs.get(path);
  if (!log && !findPlacedRunner(runners, path)) return undefined;
  const { runs = 0, failures = 0, lastError, lastRuns = [] } = log ?? {};
  const waiting = waitsFor(runners, path);
  return {
    task: path,
    ...(waiting.length > 0 && { waitsFor: waiting }),
    runs,
    failures,
    ...(lastError && { lastError }),
    ...(lastRuns.length > 0 && { durations: durationsOf(lastRuns) }),
    lastRuns,
  };
}

function durationsOf(runs: readonly EndedRunState[]): { readonly median: number; readonly p95: number } {
  // The clock may have been set back during a run.
  const sorted = runs.map(({ startedAt, endedAt }) => Math.max(0, endedAt - startedAt)).sort((a, b) => a - b);
  const quantile = (fraction: number) => sorted[Math.ceil(fraction * sorted.length) - 1] ?? 0;
  return { median: quantile(0.5), p95: quantile(0.95) };
}

import { Subscription } from 'rxjs';
import { SignalError, type Phase } from '../errors/errors.js';
import type { Outcome } from '../task/types.js';
import { maxTimerMs } from '../util/timer.js';
import { limitLingering } from './linger.js';
import { exit, exitUnlessFlushing, flushed, pendingStreams } from './process-exit.js';
import type { ShutdownReport } from './report.js';
import { signalNumber } from './signals.js';
import { taskList } from './task-list.js';
import { unfinishedTasks } from './unfinished-tasks.js';

/** Returns the exit code for a report. */
export function exitCodeOf({ clean, cause }: ShutdownReport, exitCode: 'zero' | 'signal'): number {
  if (!clean) return 1;
  return exitCode === 'signal' && cause instanceof SignalError ? 128 + signalNumber(cause.signal) : 0;
}

/**
 * Sets the exit code for a report. Must come before the report's promise resolves, because its listener may exit. After
 * a clean end, an exit code other than 0 that is already set remains.
 */
export function setExitCode(report: ShutdownReport, exitCode: 'zero' | 'signal'): void {
  if (!report.clean || !process.exitCode) process.exitCode = exitCodeOf(report, exitCode) || process.exitCode;
}

/**
 * Makes sure that the process exits: at once if tasks have not ended, and `linger` ms after a failure or a requested
 * stop. If all tasks ended by themselves, names what keeps the process open. After the deadline, the process also exits
 * with 1 when its output makes no progress.
 */
export function ensureExit(report: ShutdownReport, timeout: number, linger: number): void {
  const { outcomes, durationMs, clean, cause } = report;
  const unfinished = outcomes.flatMap(toUnfinished);
  if (unfinished.length > 0) {
    const names = formatNames(unfinished);
    console.error(`Exiting with 1, because tasks did not end within ${timeout} ms of the cancel: ${names}`);
    // Listeners of the report's promise run first.
    setImmediate(() => exit(1));
    return;
  }
  limitLingering(clean && cause === undefined ? undefined : linger);
  const streams = pendingStreams();
  if (streams.length === 0) return;
  const remainingMs = Math.min(Math.max(0, timeout - durationMs), maxTimerMs);
  const flushing = new Subscription();
  const deadline = setTimeout(() => flushing.add(exitUnlessFlushing(streams, 1)), remainingMs).unref();
  flushing.add(() => clearTimeout(deadline));
  void flushed(streams).then(() => flushing.unsubscribe());
}

/** Returns the tasks that have not ended, and whether each had been cancelled. */
function toUnfinished(outcome: Outcome): { task: string; hook?: Phase | undefined; cancelled: boolean }[] {
  return unfinishedTasks(outcome).map((unfinished) => {
    const { task, phase, stoppingAt } = unfinished;
    return { task, hook: phase, cancelled: unfinished === outcome || stoppingAt !== undefined };
  });
}

/** Formats names of tasks. Tasks that their group has not cancelled yet come last: they wait for the first ones. */
function formatNames(unfinished: ReturnType<typeof toUnfinished>): string {
  const names = taskList(unfinished.filter(({ cancelled }) => cancelled));
  const notCancelled = taskList(unfinished.filter(({ cancelled }) => !cancelled).map(({ task }) => ({ task })));
  return notCancelled === '' ? names : `${names}; not cancelled yet: ${notCancelled}`;
}

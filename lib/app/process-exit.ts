import { SignalError, type Phase } from '../errors/errors.js';
import type { Outcome } from '../task/types.js';
import { maxTimerMs } from '../util/timer.js';
import { openHandles } from './open-handles.js';
import type { ShutdownReport } from './report.js';
import { signalNumber } from './signals.js';
import { unfinishedTasks } from './unfinished-tasks.js';

const openHandlesDelayMs = 5000;

/** The number of applications that this process runs. */
let runningApplications = 0;

/** Keeps the process alive, which would exit if only promises are pending. Returns the function that ends this. */
export function keepProcessAlive(): () => void {
  const timer = setInterval(() => undefined, maxTimerMs);
  runningApplications++;
  return () => {
    runningApplications--;
    clearInterval(timer);
  };
}

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

/** Makes sure that the process exits, or names what keeps it alive. */
export function ensureExit({ outcomes, durationMs }: ShutdownReport, timeout: number): void {
  const unfinished = outcomes.flatMap(toUnfinished);
  if (unfinished.length > 0) {
    const names = formatNames(unfinished);
    console.error(`Exiting with 1, because tasks did not end within ${timeout} ms of the cancel: ${names}`);
    // Listeners of the report's promise run first.
    setImmediate(() => exit(1));
    return;
  }
  // Neither timer keeps the process alive.
  setTimeout(reportOpenHandles, openHandlesDelayMs).unref();
  const streams = pendingStreams();
  if (streams.length === 0) return;
  const remainingMs = Math.min(Math.max(0, timeout - durationMs), maxTimerMs);
  const deadline = setTimeout(() => exit(1), remainingMs).unref();
  void flushed(streams).then(() => clearTimeout(deadline));
}

/** Returns the outcomes of the tasks that have not ended, and whether each had been cancelled. */
function toUnfinished(outcome: Outcome): { task: string; phase?: Phase | undefined; cancelled: boolean }[] {
  return unfinishedTasks(outcome).map((unfinished) => {
    const { task, phase, stoppingAt } = unfinished;
    return { task, phase, cancelled: unfinished === outcome || stoppingAt !== undefined };
  });
}

/** Formats names of tasks. Tasks that their group has not cancelled yet come last: they wait for the first ones. */
function formatNames(unfinished: ReturnType<typeof toUnfinished>): string {
  const cancelled = unfinished.filter((each) => each.cancelled);
  const notCancelled = unfinished.filter((each) => !each.cancelled);
  const names = cancelled.map(({ task, phase }) => (phase ? `${task} (${phase})` : task)).join(', ');
  return notCancelled.length === 0
    ? names
    : `${names}; not cancelled yet: ${notCancelled.map(({ task }) => task).join(', ')}`;
}

function reportOpenHandles(): void {
  if (runningApplications > 0) return;
  const handles = openHandles();
  if (handles.length > 0)
    console.error(`All tasks have ended, but open handles keep the process alive: ${handles.join(', ')}`);
}

/** Exits when the output is flushed, or when it makes no progress for a second: its reader may be gone. */
export function exit(code: number): void {
  const streams = pendingStreams();
  if (streams.length === 0) process.exit(code);
  process.exitCode = code;
  let pendingBefore = pendingBytes(streams);
  setInterval(() => {
    const pending = pendingBytes(streams);
    if (pending >= pendingBefore) process.exit(code);
    pendingBefore = pending;
  }, 1000);
  void flushed(streams).then(() => process.exit(code));
}

function pendingStreams(): NodeJS.WriteStream[] {
  return [process.stdout, process.stderr].filter(({ writableLength }) => writableLength > 0);
}

/**
 * Returns the number of bytes not flushed yet. `writableLength` of one long chunk does not shrink until the end, so
 * libuv's count is added.
 */
function pendingBytes(streams: readonly NodeJS.WriteStream[]): number {
  return streams.reduce((sum, stream) => {
    const { _handle: handle, writableLength } = stream as NodeJS.WriteStream & {
      readonly _handle?: { readonly writeQueueSize?: number } | null;
    };
    return sum + writableLength + (handle?.writeQueueSize ?? 0);
  }, 0);
}

/** Resolves when everything written so far is flushed. */
function flushed(streams: NodeJS.WriteStream[]): Promise<unknown> {
  return Promise.all(streams.map((stream) => new Promise((resolve) => stream.write('', resolve))));
}

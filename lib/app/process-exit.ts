import { SignalError } from '../errors/errors.js';
import type { Outcome } from '../task/types.js';
import type { ShutdownReport } from './report.js';
import { signalNumber } from './signal-listener.js';

/** How many applications this process runs. */
let runningApplications = 0;

/** Holds the process open, which would end with nothing but pending promises. Gives what lets go of it. */
export function keepProcessAlive(): () => void {
  const timer = setInterval(() => undefined, 2 ** 31 - 1);
  runningApplications++;
  return () => {
    runningApplications--;
    clearInterval(timer);
  };
}

/** With which code an application exits that has ended so. */
export function exitCodeOf({ clean, cause }: ShutdownReport, exitCode: 'zero' | 'signal'): number {
  if (!clean) return 1;
  return exitCode === 'signal' && cause instanceof SignalError ? 128 + signalNumber(cause.signal) : 0;
}

/** Whoever awaits the report may exit. A code that says more than a clean end stays. */
export function setExitCode(report: ShutdownReport, exitCode: 'zero' | 'signal'): void {
  if (!report.clean || !process.exitCode) process.exitCode = exitCodeOf(report, exitCode) || process.exitCode;
}

/** What to do when the process does not end by itself. */
export function ensureExit({ outcomes, durationMs }: ShutdownReport, timeout: number): void {
  const laggards = outcomes.flatMap((outcome) => unfinishedTasks(outcome));
  if (laggards.length > 0) {
    // Whoever was not asked to stop waits for those in its group that were.
    const named = (asked: boolean) =>
      laggards
        .filter((one) => one.asked === asked)
        .map(({ task, phase }) => (asked && phase ? `${task} (${phase})` : task));
    const names = named(true).join(', ');
    const waiting = named(false).join(', ');
    const others = waiting && `; not asked to stop before that: ${waiting}`;
    console.error(`Not ended within ${timeout} ms of the cancel, exiting with 1: ${names}${others}`);
    // Whoever awaits the report comes first.
    setImmediate(() => exit(1));
    return;
  }
  // Neither timer keeps the process open.
  setTimeout(reportOpenHandles, 5000).unref();
  const streams = pendingStreams();
  if (streams.length === 0) return;
  const left = Math.min(Math.max(0, timeout - durationMs), 2 ** 31 - 1);
  const deadline = setTimeout(() => exit(1), left).unref();
  void flushed(streams).then(() => clearTimeout(deadline));
}

/** Who has timed out; of a group, which of its members. */
function unfinishedTasks(outcome: Outcome, inGroup = false): (Outcome & { readonly asked: boolean })[] {
  if (outcome.status !== 'timed-out') return [];
  const asked = !inGroup || outcome.stoppingAt !== undefined;
  return outcome.members?.flatMap((member) => unfinishedTasks(member, true)) ?? [{ ...outcome, asked }];
}

function reportOpenHandles(): void {
  if (runningApplications > 0) return;
  const streams = [process.stdout, process.stderr];
  const counts = new Map<string, number>();
  for (const type of process.getActiveResourcesInfo()) counts.set(type, (counts.get(type) ?? 0) + 1);
  for (const stream of streams) {
    // A terminal or a pipe is listed, too, though it keeps nothing open; a file is not.
    const type = stream.isTTY ? 'TTYWrap' : stream.constructor.name === 'Socket' ? 'PipeWrap' : '';
    counts.set(type, (counts.get(type) ?? 0) - 1);
  }
  const names = [...counts].filter(([, count]) => count > 0).map(([type, count]) => `${type} (${count})`);
  if (names.length > 0) console.error(`All tasks have ended, but the process is kept open by: ${names.join(', ')}`);
}

/** Exits as soon as what was written is out, or when nothing has moved for a second: its reader may be gone. */
export function exit(code: number): void {
  const streams = pendingStreams();
  if (streams.length === 0) process.exit(code);
  process.exitCode = code;
  let before = pendingBytes(streams);
  setInterval(() => {
    const left = pendingBytes(streams);
    if (left >= before) process.exit(code);
    before = left;
  }, 1000);
  void flushed(streams).then(() => process.exit(code));
}

function pendingStreams(): NodeJS.WriteStream[] {
  return [process.stdout, process.stderr].filter(({ writableLength }) => writableLength > 0);
}

/** How much is still to be written out. Of a long text `writableLength` is all until none is left, which the system's own count is not. */
function pendingBytes(streams: readonly NodeJS.WriteStream[]): number {
  return streams.reduce((sum, stream) => {
    const { _handle: handle, writableLength } = stream as NodeJS.WriteStream & {
      readonly _handle?: { readonly writeQueueSize?: number } | null;
    };
    return sum + writableLength + (handle?.writeQueueSize ?? 0);
  }, 0);
}

/** When all that has been written until now is out. */
function flushed(streams: NodeJS.WriteStream[]): Promise<unknown> {
  return Promise.all(streams.map((stream) => new Promise((done) => stream.write('', done))));
}

import { duration } from '../util/duration.js';
import { maxTimerMs } from '../util/timer.js';
import { openHandles } from './open-handles.js';
import { exit } from './process-exit.js';

/** The time after which open handles are named, in ms. */
const nameHandlesMs = 5000;

/** The number of applications of `runMain` that are running. */
let running = 0;
/** The longest time that the process stays open when they have ended, in ms; `undefined` for no limit. */
let lingerMs: number | undefined;
let timers: NodeJS.Timeout[] = [];

/** Keeps the process open, which would exit if only promises are pending. Returns the function that ends this. */
export function keepProcessOpen(): () => void {
  const timer = setInterval(() => undefined, maxTimerMs);
  running++;
  return () => {
    running--;
    clearInterval(timer);
  };
}

/**
 * Names what keeps the process open after the end of an application.
 *
 * @param ms the time after which the process exits, whatever keeps it open; `undefined` if it may stay.
 */
export function limitLingering(ms: number | undefined): void {
  // The longest time counts: the code after each of several applications may use its own.
  if (ms !== undefined) lingerMs = Math.max(ms, lingerMs ?? 0);
  clearTimers();
  // No timer keeps the process open.
  timers = [setTimeout(reportOpenHandles, nameHandlesMs).unref()];
  if (lingerMs !== undefined && lingerMs <= maxTimerMs) timers.push(setTimeout(exitNow, lingerMs).unref());
}

/** Lets the process stay open, because another application starts. */
export function allowLingering(): void {
  lingerMs = undefined;
  clearTimers();
}

function clearTimers(): void {
  for (const timer of timers.splice(0)) clearTimeout(timer);
}

function reportOpenHandles(): void {
  // An application that still runs, or an exit in this moment, has a report of its own.
  if (running > 0 || (lingerMs !== undefined && lingerMs <= nameHandlesMs)) return;
  const handles = openHandles();
  if (handles.length > 0)
    console.error(`All tasks have ended, but open handles keep the process alive: ${handles.join(', ')}`);
}

function exitNow(): void {
  // The end of the last application limits the time again.
  if (running > 0 || lingerMs === undefined) return;
  const code = Number(process.exitCode ?? 0);
  const handles = openHandles();
  // Without a time to linger, pending work has not kept the process open.
  if (handles.length > 0 || lingerMs > 0) {
    const reason = handles.join(', ') || 'pending work';
    console.error(
      `Exiting with ${code}, because ${reason} kept the process open for ${duration(lingerMs)} after its tasks`,
    );
  }
  exit(code);
}

import { orchestrate, withCancel, withTimeout } from 'rxjs-tasks';
import { virtualClock } from 'rxjs-tasks/testing';
import type { Job } from './jobs.js';
import { lineOf, resultLines } from './log.js';

/** Returns the log of the jobs from one time to another, computed in virtual time. */
export function replay(jobs: readonly Job[], from: number, to: number, timezone: string): string[] {
  const clock = virtualClock(from);
  const [virtual] = withCancel(undefined, { scheduler: clock });
  const [parent] = withTimeout(to - from, virtual);
  const lines: string[] = [];
  const runners = jobs.map(({ runner }) => runner);
  resultLines(runners, timezone, clock).subscribe((line) => lines.push(line));
  orchestrate(runners, { parent }).subscribe((event) => {
    const line = lineOf(event, timezone);
    if (line !== undefined) lines.push(line);
  });
  clock.flush();
  return lines;
}

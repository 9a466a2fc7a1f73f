import { VirtualTimeScheduler } from 'rxjs';
import { orchestrate, withCancel, withTimeout } from 'rxjs-tasks';
import type { Job } from './jobs.js';
import { lineOf, resultLines } from './log.js';

/** What the jobs do from one time to another, found out in virtual time. */
export function replay(jobs: readonly Job[], from: number, to: number, timezone: string): string[] {
  const scheduler = new VirtualTimeScheduler();
  // The clock of virtual time shows its frame.
  scheduler.frame = from;
  const [virtual] = withCancel(undefined, { scheduler });
  const [parent] = withTimeout(to - from, virtual);
  const lines: string[] = [];
  const runners = jobs.map(({ runner }) => runner);
  resultLines(runners, timezone, scheduler).subscribe((line) => lines.push(line));
  orchestrate(runners, { parent }).subscribe((event) => {
    const line = lineOf(event, timezone);
    if (line !== undefined) lines.push(line);
  });
  scheduler.flush();
  return lines;
}

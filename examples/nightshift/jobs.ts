import { map, timer } from 'rxjs';
import { cron, nextRuns, task, type SimpleTask, type TaskRunner } from 'rxjs-tasks';

/** A job, the expression of its schedule, and its next due time. */
export interface Job {
  readonly runner: TaskRunner<string>;
  readonly schedule: string;
  readonly next: (from: number) => Date | undefined;
}

/** Returns the jobs of a small shop, scheduled in its time zone. Their work is only a wait. */
export function jobs(timezone: string): Job[] {
  return [
    job('orders', '*/10 * * * * *', takes(4_000, 'imported 12 orders'), timezone),
    // Takes longer than its period: the next slot waits, the one after that is dropped.
    job('prices', '*/5 * * * * *', takes(8_000, 'updated the prices'), timezone, { overlap: 'bufferOne' }),
    job('report', '0 * * * *', takes(30_000, 'sent the report of the hour'), timezone, { missed: 'runOnce' }),
    job('backup', '30 2 * * *', takes(600_000, 'backed up'), timezone, { missed: 'runOnce', timeout: 3_600_000 }),
  ];
}

function job(
  name: string,
  schedule: string,
  execute: SimpleTask<string>['execute'],
  timezone: string,
  options: Parameters<typeof cron>[2] = {},
): Job {
  return {
    runner: cron(task(name, execute), schedule, { ...options, timezone }),
    schedule,
    next: (from) => nextRuns(schedule, 1, { from, timezone })[0],
  };
}

function takes(ms: number, result: string): SimpleTask<string>['execute'] {
  return (ctx) => timer(ms, ctx.scheduler).pipe(map(() => result));
}

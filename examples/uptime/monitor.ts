import { forkJoin, map, scan, take, tap, type Observer } from 'rxjs';
import { CancelledError, cron, task, taskRunner, withTimeout, type TaskRunner } from 'rxjs-tasks';
import type { Options } from './arguments.js';
import { probe } from './probe.js';
import { remember, summarise, type Summary } from './statistics.js';

/**
 * Returns the tasks of the monitor: the server, the rounds of probes, and the time limit. Rounds begin when the server
 * yields its URL. Its status is the target when there is no other.
 */
export function monitor(
  { urls, every, timeout, ...options }: Pick<Options, 'urls' | 'every' | 'timeout' | 'for'>,
  server: TaskRunner<string>,
  status: Observer<readonly Summary[]>,
  announce: (targets: readonly string[], url: string) => void,
): TaskRunner[] {
  let targets = urls;
  const rounds = cron(
    task('rounds', {
      initialize: () =>
        server.results$.pipe(
          take(1),
          tap((serverUrl) => {
            const url = `${serverUrl}/status`;
            if (targets.length === 0) targets = [url];
            announce(targets, url);
          }),
        ),
      execute: (ctx) => forkJoin(targets.map((url) => probe(url, timeout, ctx))),
    }),
    every,
  );
  const limit = task('time limit', (ctx, cancel) => {
    const [time] = withTimeout(options.for, ctx);
    return time.cancelled$.pipe(tap(() => cancel(new CancelledError('the time given by --for is over'))));
  });

  rounds.results$
    .pipe(
      scan(remember, []),
      map((windows) => windows.map(summarise)),
    )
    .subscribe(status);
  return [server, rounds, ...(options.for < Infinity ? [taskRunner(limit)] : [])];
}

/**
 * An uptime monitor: probes URLs in rounds, and shows their availability and latency here and at its status server.
 *
 *     npm start -- https://example.org http://localhost:8080/health --every 2s --for 30s
 */
import { BehaviorSubject, forkJoin, map, scan, skip, take, tap } from 'rxjs';
import { CancelledError, cron, runMain, task, taskRunner, withTimeout } from 'rxjs-tasks';
import { parse, usage, UsageError, type Options } from './uptime/arguments.js';
import { display } from './uptime/display.js';
import { probe } from './uptime/probe.js';
import { remember, summarise, type Summary } from './uptime/statistics.js';
import { statusServer } from './uptime/status-server.js';

async function watch({ urls, every, timeout, port, ...options }: Options): Promise<void> {
  const { stdout } = process;
  const status$ = new BehaviorSubject<readonly Summary[]>([]);
  const server = taskRunner(statusServer(port, status$));
  let targets = urls;

  const rounds = cron(
    task('rounds', {
      initialize: () =>
        server.results$.pipe(
          take(1),
          tap((url) => {
            if (targets.length === 0) targets = [url];
            stdout.write(
              `Watching ${targets.length === 1 ? targets.join() : `${targets.length} targets`}\nStatus at ${url}\n\n`,
            );
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
    .subscribe(status$);
  status$.pipe(skip(1)).subscribe(display(stdout));

  const report = await runMain([server, rounds, ...(options.for < Infinity ? [limit] : [])]);
  // A terminal has echoed the ^C at the start of this line.
  stdout.write(`${stdout.isTTY ? '\r\x1b[K' : ''}\n${String(report)}\n`);
}

try {
  const options = parse(process.argv.slice(2));
  if (options.help) console.log(usage);
  else await watch(options);
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  console.error(error.message);
  process.exitCode = 2;
}

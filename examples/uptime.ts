/**
 * An uptime monitor: probes URLs in rounds, and shows their availability and latency here and at its status server.
 *
 *     npm start -- https://example.org http://localhost:8080/health --every 2s --for 30s
 */
import { BehaviorSubject, skip } from 'rxjs';
import { runMain, taskRunner } from 'rxjs-tasks';
import { parse, usage, UsageError, type Options } from './uptime/arguments.js';
import { display } from './uptime/display.js';
import { monitor } from './uptime/monitor.js';
import type { Summary } from './uptime/statistics.js';
import { statusServer } from './uptime/status-server.js';

/** The time in which clients receive their last answers after a SIGTERM, and look for another server, in ms. */
const drainDelay = 500;

async function watch(options: Options): Promise<void> {
  const { stdout } = process;
  // A closed pipe, as after a Ctrl-C under `| tee`, is no failure of the monitor.
  stdout.on('error', () => undefined);
  const status$ = new BehaviorSubject<readonly Summary[]>([]);
  const server = taskRunner(statusServer(options.port, status$));
  const announce = (targets: readonly string[], url: string) => {
    const what = targets.length === 1 ? targets.join() : `${targets.length} targets`;
    stdout.write(`Watching ${what}\nStatus at ${url}\n\n`);
  };
  status$.pipe(skip(1)).subscribe(display(stdout));

  const report = await runMain(monitor(options, server, status$, announce), { drainDelay });
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

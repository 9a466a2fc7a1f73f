import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { endWith, forkJoin, NEVER, race, startWith, switchMap, takeUntil, timer, type Observable } from 'rxjs';
import { applicationOf, type ApplicationInfo } from '../app/application-info.js';
import type { RunContext } from '../context/types.js';
import { invalid, validateArray, validateOptions, validateString, validateInteger } from '../util/validate.js';
import { recorded } from '../recording/recorded.js';
import { task } from '../task/task.js';
import type { Task } from '../task/types.js';
import { access, isLoopback } from './access.js';
import { expectFleet, sharedState, type FleetStateSource } from './fleet-view.js';
import { Journal } from './journal.js';
import { Readers } from './readers.js';
import { routes } from './routes.js';
import { stateOf } from './state.js';

/** Where the page is, who may see it, and how far back it goes. */
export interface InspectorOptions {
  /** 0 is any that is free. */
  port: number;
  /** `127.0.0.1` unless said: whoever is on this machine may look. Any other than loopback needs a `token`. */
  host?: string;
  /** What a browser has to come with as `?token=…` the first time, and anything else as `Authorization: Bearer …`. */
  token?: string;
  /** Further names by which it is reached, as a proxy hands them on. A request with any other `Host` is refused. */
  hosts?: readonly string[];
  /** How many events are kept for whoever comes later; 10,000 unless said. */
  history?: number;
  /** What `connectFleet` of `rxjs-tasks/fleet` yields: the page then shows its members, queues and crons, too. */
  fleet?: FleetStateSource;
}

/**
 * A task that shows the application it is part of: at `/` a page with a live timeline, and for other programs `/livez` and `/readyz`
 * (200 or 503, as Kubernetes asks), `/snapshot` (JSON), and `/events` (server-sent events, which go on after `Last-Event-ID`). It is
 * read-only, and yields its URL.
 *
 * With `inspector({ port, fleet })` the page has a section of the fleet, and `/fleet` is its state as JSON. The database is asked
 * at most once a second, however many look.
 *
 * Give it to `orchestrate`, `launch` or `runMain` first, so that it sees all the others begin. Cancelled, it goes on until the others
 * have ended, so that one can see how, but for half of the application's `timeout` at most; then it ends all connections.
 *
 * @throws RangeError or TypeError for a port, host, token or fleet that is none, and for a host beyond loopback without a token.
 *
 * @example
 * ```ts
 * import { firstValueFrom } from 'rxjs';
 * import { launch, task, taskRunner } from 'rxjs-tasks';
 * import { inspector } from 'rxjs-tasks/inspect';
 *
 * const inspect = taskRunner(inspector({ port: 0 }));
 * const url = firstValueFrom(inspect.results$);
 * const app = launch([inspect, task('worker', async (ctx) => firstValueFrom(ctx.cancelled$))]);
 * const response = await fetch(`${await url}readyz`);
 * console.log(response.status, await response.json()); // → 200 { ready: true }
 * await app.stop();
 * ```
 */
export function inspector(options: InspectorOptions): Task<string> {
  validateOptions(options, ['port', 'host', 'token', 'hosts', 'history', 'fleet']);
  const { port, host = '127.0.0.1', token, hosts = [], history = 10_000, fleet } = options;
  validateInteger('port', 0, 65_535, port);
  validateString('host', host);
  validateArray('hosts', hosts);
  for (const one of hosts) validateString('hosts', one);
  validateInteger('history', 1, Infinity, history);
  if (fleet !== undefined) expectFleet(fleet);
  if (token !== undefined) expectToken(token);
  else if (!isLoopback(host)) throw new TypeError(invalid('token', `a string, because ${host} is not loopback`, token));
  const gate = access(host, hosts, token);

  let close: () => Promise<void> = () => Promise.resolve();
  let url = '';
  return task<string>('inspector', {
    grace: Infinity,
    async initialize(ctx) {
      const application = applicationIn(ctx);
      const boot = randomBytes(6).toString('hex');
      const journal = new Journal(history);
      const readers = new Readers(journal, boot);
      const now = () => ctx.scheduler.now();
      const listening = application.events$.subscribe((event) => {
        journal.add(recorded(event, now()));
        readers.wake();
      });
      const state = () => stateOf(application, boot, now(), fleet !== undefined);
      const server = createServer(routes(application, gate, readers, state, fleet && sharedState(fleet, now)));
      close = async () => {
        close = () => Promise.resolve();
        listening.unsubscribe();
        readers.end();
        await closed(server);
      };
      await once(server.listen(port, host), 'listening');
      // That it can accept no more for the moment, say, is no reason for the application to end.
      server.on('error', () => undefined);
      const { port: actual } = server.address() as AddressInfo;
      url = `http://${host.includes(':') ? `[${host}]` : host}:${actual}/`;
    },
    execute: (ctx) => NEVER.pipe(startWith(url), takeUntil(othersEnded(ctx))),
    finalize: () => close(),
  });
}

function expectToken(token: unknown): void {
  validateString('token', token);
  if ((token as string).length < 16) throw new RangeError(invalid('token', 'at least 16 characters long', '…'));
}

function applicationIn(ctx: RunContext): ApplicationInfo {
  const application = applicationOf(ctx);
  if (!application)
    throw new Error(`${ctx.task} is not part of an application: it is for orchestrate, launch or runMain`);
  return application;
}

/** When, after the cancel, nobody else is left, or hardly any time. */
function othersEnded(ctx: RunContext): Observable<unknown> {
  const { runners, timeout } = applicationIn(ctx);
  const contains = (name: string) => ctx.task === name || ctx.task.startsWith(`${name}/`);
  return ctx.cancelled$.pipe(
    switchMap(() => {
      const others = runners.filter((runner) => !contains(runner.toString()) && runner.status !== 'idle');
      const ended$ = forkJoin(others.map(({ done$ }) => done$)).pipe(endWith([]));
      return race(ended$, timer(Math.min(timeout / 2, 2 ** 31 - 1), ctx.scheduler));
    }),
  );
}

/** Answers that are under way are small, and are written; connections that wait are ended. */
async function closed(server: Server): Promise<void> {
  if (!server.listening) return;
  const over = once(server, 'close');
  server.close();
  const late = setTimeout(() => server.closeAllConnections(), 500);
  await over;
  clearTimeout(late);
}

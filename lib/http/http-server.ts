import type { Server as PlainServer } from 'node:http';
import type { Http2SecureServer, Http2Server } from 'node:http2';
import type { Server as SecureServer } from 'node:https';
import { Server } from 'node:net';
import { NEVER } from 'rxjs';
import type { RunContext } from '../context/types.js';
import { task } from '../task/task.js';
import type { Task } from '../task/types.js';
import { invalid, validateMs } from '../util/validate.js';
import { validateOptions } from '../util/validate-options.js';
import { toListenOptions, type HttpListenOptions } from './listen-options.js';
import { ServerRun } from './server-run.js';

/** A server of `node:http`, `node:https` or `node:http2`. */
export type NodeHttpServer = PlainServer | SecureServer | Http2Server | Http2SecureServer;

/** Options of an {@link httpServer}. */
export interface HttpServerOptions {
  /** The task's name in reports, events and errors. Default: `'http'`. */
  name?: string | undefined;
  /**
   * The time that event streams and upgraded sockets may continue after a cancel, in ms. Default: 0. They end earlier
   * when the handlers end them. While other requests are not answered, they continue in any case.
   */
  grace?: number | undefined;
}

/**
 * Creates a task that runs an HTTP server. It is ready when the server listens, and emits its URL: with port 0, this is
 * where the actual port is. A server on all addresses has a URL with `localhost`, one on a Unix socket the path.
 *
 * When the task is cancelled, the server accepts no more connections, and closes those that have no request, or half of
 * its head. Each other one closes after its last answer, with `Connection: close` or a GOAWAY. The task ends within a
 * second of the last answer, whatever clients are connected:
 * - Event streams (`text/event-stream`), upgraded sockets and tunnels of CONNECT are destroyed when all other requests
 *   are answered and the `grace` has passed. Handlers end them earlier with the `ctx` of the function that creates the
 *   server.
 * - A client that neither sends the rest of its request nor reads the answer is not waited for.
 * - Shortly before the application's deadline all connections are destroyed. Requests that are not answered then make
 *   the task fail, with an error that names them.
 *
 * During the application's `drainDelay` it answers as before, but each answer closes its connection, so that clients
 * move elsewhere.
 *
 * @param server a server that does not listen yet, or a function that returns one, or the promise of one. It is called
 * at each start, so that the task can also be restarted when a server can listen only once. Its `ctx` is cancelled when
 * the stop begins.
 * @throws TypeError for a wrong server, wrong `listenOptions`, and an option that is unknown or of a wrong type;
 * RangeError for a port or a `grace` that is out of range. The task fails to initialize if the server cannot listen,
 * and fails later if the server has an error that no listener handles, or is closed by other code.
 *
 * @example
 * ```ts
 * import { createServer } from 'node:http';
 * import { firstValueFrom } from 'rxjs';
 * import { launch, taskRunner } from 'rxjs-tasks';
 * import { httpServer } from 'rxjs-tasks/http';
 *
 * const http = taskRunner(httpServer(createServer((_, response) => response.end('hello')), 0));
 * const url = firstValueFrom(http.results$);
 * const app = launch([http]);
 * console.log(await (await fetch(await url)).text()); // → hello
 * console.log((await app.stop()).clean); // → true
 * ```
 */
export function httpServer(
  server: NodeHttpServer | ((ctx: RunContext) => NodeHttpServer | PromiseLike<NodeHttpServer>),
  listenOptions: HttpListenOptions,
  options: HttpServerOptions = {},
): Task<string> {
  if (typeof server === 'function') validateFactory(server);
  else validateServer('server', server);
  const listen = toListenOptions(listenOptions);
  validateOptions(options, ['name', 'grace'], 'httpServer');
  const { name = 'http', grace = 0 } = options;
  validateMs('grace', grace);

  let run: ServerRun | undefined;
  return task<string>(name, {
    async initialize(ctx) {
      run = undefined;
      const created = typeof server === 'function' ? await server(ctx) : server;
      validateServer('server()', created);
      // A cancel while it was created.
      if (ctx.cancelled) return;
      if (created.listening)
        throw new Error('The server listens already. Its task must be the one that calls `listen`');
      run = new ServerRun(created, ctx, grace);
      await run.listen(listen);
    },
    execute: () => run?.serve() ?? NEVER,
    finalize: () => run?.stop(),
  });
}

const expectedServer = 'a server of node:http, node:https or node:http2';

function validateServer(name: string, server: unknown): asserts server is Server {
  // Node does not export the classes of HTTP/2. Only these have the second method.
  const isHttp = server instanceof Server && ('closeIdleConnections' in server || 'updateSettings' in server);
  if (isHttp) return;
  const hint = typeof server === 'number' ? '. Write httpServer(server, port)' : '';
  throw new TypeError(invalid(name, expectedServer, server) + hint);
}

/** Refuses a request listener, such as an application of Express, which would be called as a factory. */
function validateFactory(factory: (...args: never[]) => unknown): void {
  if (factory.length <= 1) return;
  const expected = `${expectedServer}, or a function of \`ctx\` that returns one`;
  // The members of an application of Express would say less than what it is.
  const got = `a function of ${factory.length} parameters. Write httpServer(createServer(app), port)`;
  throw new TypeError(`Expected \`server\` to be ${expected}, got ${got}`);
}

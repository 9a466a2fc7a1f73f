import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect, type Server, type Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { firstValueFrom } from 'rxjs';
import sinon from 'sinon';
import {
  launch,
  taskRunner,
  type Application,
  type LaunchOptions,
  type RunContext,
  type TaskRunner,
} from '../../lib/index.js';
import { Connection } from '../../lib/http/connection.js';
import { httpServer, type HttpServerOptions, type NodeHttpServer } from '../../lib/http/index.js';
import { waitUntil } from '../helpers/wait.js';

/** A self-signed certificate for `localhost`. */
export const certificate: { readonly key: Buffer; readonly cert: Buffer } = {
  key: readFileSync('spec/fixtures/http/key.pem'),
  cert: readFileSync('spec/fixtures/http/certificate.pem'),
};

/** Longer than mocha's timeout: a stop that waits for the deadline fails its spec. */
const timeout = 600_000;

const applications = new Set<Application>();
const sockets = new Set<Socket>();

/** A server that runs as the task of an application. */
export interface Site {
  readonly url: string;
  readonly port: number;
  readonly app: Application;
  readonly runner: TaskRunner<string>;
}

/** Runs a server on a free port of loopback, and resolves when it listens. */
export async function serve(
  server: NodeHttpServer | ((ctx: RunContext) => NodeHttpServer | PromiseLike<NodeHttpServer>),
  { grace, ...options }: HttpServerOptions & LaunchOptions = {},
): Promise<Site> {
  const runner = taskRunner(httpServer(server, { port: 0, host: '127.0.0.1' }, { grace }));
  const url$ = firstValueFrom(runner.results$);
  const app = launch([runner], { timeout, observer: {}, ...options });
  applications.add(app);
  const url = await url$;
  return { url, port: Number(new URL(url).port), app, runner };
}

/** Ends what a failed spec has left. */
export function closeAll(): void {
  for (const socket of sockets) socket.destroy();
  sockets.clear();
  for (const app of applications) void app.stop();
  applications.clear();
}

/** A client that sends exactly the given bytes. */
export class RawClient {
  readonly socket: Socket;
  readonly closed: Promise<unknown>;
  received = '';

  /** @param target a port of loopback, the path of a Unix socket, or a socket. */
  constructor(target: number | string | Socket) {
    if (typeof target === 'number') this.socket = connect(target, '127.0.0.1');
    else this.socket = typeof target === 'string' ? connect(target) : target;
    sockets.add(this.socket);
    this.socket.setEncoding('latin1').on('data', (text: string) => (this.received += text));
    // The server may reset the connection.
    this.socket.on('error', () => undefined);
    this.closed = new Promise((resolve) => this.socket.once('close', resolve));
  }

  /** Sends lines of a head, and the empty line after it. */
  request(...lines: string[]): this {
    return this.send(`${lines.join('\r\n')}\r\nHost: localhost\r\n\r\n`);
  }

  send(text: string): this {
    this.socket.write(text);
    return this;
  }

  async waitFor(text: string): Promise<void> {
    await waitUntil(() => this.received.includes(text));
  }
}

/** Resolves when a server that stops has sampled the progress of its connections, in total, some times. */
export async function sampled(count: number): Promise<void> {
  const samples = sinon.spy(Connection.prototype, 'sample');
  try {
    await waitUntil(() => samples.callCount >= count);
  } finally {
    samples.restore();
  }
}

/** Resolves when a server that stops would have destroyed the connections of clients that make no progress. */
export function outlastStall(connections = 1): Promise<void> {
  return sampled(10 * connections);
}

/** Creates two streams, each of which reads what is written to the other one. */
export function duplexPair(): [Duplex, Duplex] {
  const create = (other: () => Duplex) =>
    new Duplex({
      read: () => undefined,
      write(chunk, _, callback) {
        other().push(chunk);
        callback();
      },
      final(callback) {
        other().push(null);
        callback();
      },
    });
  const pair: [Duplex, Duplex] = [create(() => pair[1]), create(() => pair[0])];
  return pair;
}

/** Resolves with the next connection of a server. */
export async function nextConnection(server: Server): Promise<Socket> {
  const [socket] = (await once(server, 'connection')) as [Socket];
  return socket;
}

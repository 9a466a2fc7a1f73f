import { once } from 'node:events';
import { createServer, get, type Agent, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';

export interface Target {
  readonly server: Server;
  readonly url: string;
  close(): void;
}

const openTargets = new Set<Target>();

/** Starts a server for the monitor to watch. */
export async function startTarget(listener: RequestListener = (_, response) => response.end('ok')): Promise<Target> {
  const server = createServer(listener);
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const target: Target = {
    server,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/health`,
    close() {
      openTargets.delete(target);
      server.close();
      server.closeAllConnections();
    },
  };
  openTargets.add(target);
  return target;
}

export function closeTargets(): void {
  for (const target of openTargets) target.close();
}

/** Waits until a server accepts no more connections. */
export async function whenRefused(url: string): Promise<void> {
  for (;;) {
    const socket = connect(Number(new URL(url).port), '127.0.0.1');
    try {
      await once(socket, 'connect');
    } catch {
      return;
    } finally {
      socket.destroy();
    }
  }
}

export interface Answer {
  readonly status: number | undefined;
  readonly connection: string | undefined;
  readonly body: unknown;
}

export interface Request {
  /** Resolves when the operating system has accepted the whole request. */
  readonly sent: Promise<unknown>;
  /** Rejects when the connection is lost. */
  readonly answer: Promise<Answer>;
}

export function request(url: string, agent: Agent): Request {
  const outgoing = get(url, { agent });
  return {
    sent: once(outgoing, 'finish'),
    answer: once(outgoing, 'response').then(async ([response]) => {
      const incoming = response as IncomingMessage;
      const body = await json(incoming);
      return { status: incoming.statusCode, connection: incoming.headers.connection, body };
    }),
  };
}

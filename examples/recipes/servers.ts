/**
 * Servers as tasks: `initialize` listens; `finalize` stops accepting, waits for the current answers, and closes idle
 * kept-alive connections. Each server yields its URL.
 */
import { createAdaptorServer } from '@hono/node-server';
import type { FastifyInstance } from 'fastify';
import type { Hono } from 'hono';
import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { NEVER, startWith, type Observable } from 'rxjs';
import { task, type Task } from 'rxjs-tasks';

export interface Address {
  readonly port: number;
  readonly host: string;
}

export function nodeServer(name: string, address: Address, listener: RequestListener): Task<string> {
  return serverTask(name, address, () => createServer(listener));
}

export function honoServer(name: string, address: Address, app: Hono): Task<string> {
  return serverTask(name, address, () => createAdaptorServer(app) as Server);
}

/**
 * Runs Fastify. An instance listens only once, so each run makes its own. Fastify ends kept-alive connections itself.
 */
export function fastifyServer(name: string, address: Address, make: () => FastifyInstance): Task<string> {
  let app: FastifyInstance;
  return task(name, {
    initialize() {
      app = make();
      return app.listen(address);
    },
    execute: () => urlOf(app.server),
    finalize: () => app.close(),
  });
}

function serverTask(name: string, { port, host }: Address, make: () => Server): Task<string> {
  let server: Server;
  return task(name, {
    initialize() {
      server = make();
      keepNoneOpen(server);
      return once(server.listen(port, host), 'listening');
    },
    execute: () => urlOf(server),
    finalize: () => once(server.close(), 'close'),
  });
}

/** Ends connections that become idle after `close`, which would keep them for seconds. */
function keepNoneOpen(server: Server): void {
  server.on('request', (_, response) =>
    response.on('close', () => {
      if (!server.listening) server.closeIdleConnections();
    }),
  );
}

/** Emits the URL of a server, and runs until it is cancelled. */
function urlOf(server: Server): Observable<string> {
  const { address, port } = server.address() as AddressInfo;
  return NEVER.pipe(startWith(`http://${address}:${port}`));
}

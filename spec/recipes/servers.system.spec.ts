import { Controller, Get, Post, Res, Sse, type INestApplication, type Provider } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { expect } from 'chai';
import express from 'express';
import fastify, { type FastifyInstance } from 'fastify';
import { Hono } from 'hono';
import { streamSSE } from 'hono/streaming';
import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import { connect as connectHttp2, createSecureServer, type Http2ServerRequest } from 'node:http2';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { connect as connectTls } from 'node:tls';
import { firstValueFrom, NEVER, startWith } from 'rxjs';
import {
  isTaskRunner,
  launch,
  supervise,
  taskRunner,
  type Application,
  type LaunchOptions,
  type Runnable,
  type TaskRunner,
} from 'rxjs-tasks';
import { httpServer, type HttpListenOptions } from 'rxjs-tasks/http';
import { virtualClock } from 'rxjs-tasks/testing';
import { Agent, fetch as undiciFetch } from 'undici';
import { expressServer, fastifyServer, honoServer, nestServer } from '../../examples/recipes/servers.js';
import { deferred, whenReady } from '../helpers/tasks.js';
import { certificate, RawClient } from '../http/helpers.js';

/** The answers to the requests of each server. */
interface Service {
  /** Answers `GET /readyz`. */
  readonly readiness: () => 200 | 503;
  /** Answers `GET /slow`. */
  readonly slow: () => Promise<string>;
}

/** A slow answer that the spec gives. */
interface PendingAnswer {
  readonly slow: Service['slow'];
  /** Resolves when `slow` was called. */
  readonly accepted: Promise<undefined>;
  readonly answer: (text: string) => void;
}

function pendingAnswer(): PendingAnswer {
  const accepted = deferred<undefined>();
  const { promise, resolve } = deferred<string>();
  const slow = () => {
    accepted.resolve(undefined);
    return promise;
  };
  return { slow, accepted: accepted.promise, answer: resolve };
}

type Request = IncomingMessage | Http2ServerRequest;
interface Response {
  statusCode: number;
  setHeader(name: string, value: string): unknown;
  write(chunk: string): boolean;
  end(chunk: string): unknown;
}
type Create = (listen: HttpListenOptions, service: Service) => Runnable<string>;

/** Serves on the servers of Node. */
function listener({ readiness, slow }: Service): (request: Request, response: Response) => void {
  return (request, response) => {
    switch (request.url) {
      case '/readyz':
        response.statusCode = readiness();
        return void response.end('');
      case '/slow':
        return void slow().then((answer) => response.end(answer));
      case '/events':
        response.setHeader('Content-Type', 'text/event-stream');
        return void response.write('data: 1\n\n');
      default:
        // The server aborts a body that is not sent.
        void text(request).catch(() => undefined);
    }
  };
}

function createExpress({ readiness, slow }: Service): express.Express {
  const app = express();
  // It would log the request that its client does not finish.
  app.set('env', 'test');
  app.get('/readyz', (_, response) => void response.status(readiness()).end());
  app.get('/slow', async (_, response) => void response.send(await slow()));
  app.get('/events', (_, response) => void response.type('text/event-stream').write('data: 1\n\n'));
  app.post('/upload', express.json());
  return app;
}

function createFastify({ readiness, slow }: Service): FastifyInstance {
  const app = fastify();
  app.get('/readyz', (_, reply) => reply.code(readiness()).send());
  app.get('/slow', () => slow());
  app.get('/events', (_, reply) => {
    const events = new PassThrough();
    events.write('data: 1\n\n');
    return reply.type('text/event-stream').send(events);
  });
  app.post('/upload', ({ body }) => body);
  return app;
}

function createHono({ readiness, slow }: Service): Hono {
  const app = new Hono();
  // It would log the request that its client does not finish.
  app.onError((_, c) => c.text('', 500));
  app.get('/readyz', (c) => c.text('', readiness()));
  app.get('/slow', async (c) => c.text(await slow()));
  app.get('/events', (c) =>
    streamSSE(c, async (stream) => {
      await stream.writeSSE({ data: '1' });
      await new Promise<void>((resolve) => stream.onAbort(resolve));
    }),
  );
  app.post('/upload', async (c) => c.json(await c.req.json()));
  return app;
}

/** Creates an application of Nest. Decorators are called as functions, so that they need no compiler. */
function createNest({ readiness, slow }: Service, ...providers: Provider[]): Promise<INestApplication> {
  class Routes {
    readyz(response: { status(code: number): { end(): void } }) {
      response.status(readiness()).end();
    }
    slow() {
      return slow();
    }
    events() {
      return NEVER.pipe(startWith({ data: 1 }));
    }
    upload() {
      return 'uploaded';
    }
  }
  Controller()(Routes);
  const decorate = (method: keyof Routes, decorator: MethodDecorator) =>
    decorator(Routes.prototype, method, Object.getOwnPropertyDescriptor(Routes.prototype, method) ?? {});
  decorate('readyz', Get('readyz'));
  decorate('slow', Get('slow'));
  decorate('events', Sse('events'));
  decorate('upload', Post('upload'));
  Res()(Routes.prototype, 'readyz', 0);
  const root = { module: Routes, controllers: [Routes], providers };
  return NestFactory.create(root, { logger: false, abortOnError: false });
}

const createHttp2: Create = (listen, service) =>
  httpServer(createSecureServer({ ...certificate, allowHTTP1: true }, listener(service)), listen);

const servers: Record<string, Create> = {
  'node:http': (listen, service) => httpServer(createServer(listener(service)), listen),
  'node:https': (listen, service) => httpServer(createHttpsServer(certificate, listener(service)), listen),
  'node:http2': createHttp2,
  Express: (listen, service) => expressServer(listen, createExpress(service)),
  Fastify: (listen, service) => fastifyServer('api', listen, () => createFastify(service)),
  Hono: (listen, service) => honoServer(listen, createHono(service)),
  NestJS: (listen, service) => nestServer('api', listen, () => createNest(service)),
};

const address = { port: 0, host: '127.0.0.1' };

for (const [library, create] of Object.entries(servers)) {
  describe(`A server of ${library} as a task`, () => {
    let app: Application;
    let pending: PendingAnswer;
    let dispatcher: Agent;
    const service: Service = { readiness: () => (app.ready ? 200 : 503), slow: () => pending.slow() };

    beforeEach(() => {
      pending = pendingAnswer();
      dispatcher = new Agent({ connect: { rejectUnauthorized: false } });
    });
    afterEach(async () => {
      await app.stop();
      await dispatcher.destroy();
    });

    async function start(options: LaunchOptions = {}): Promise<URL> {
      const runner = toRunner(create(address, service));
      const url = firstValueFrom(runner.results$);
      // Longer than mocha's timeout: a stop that waits for the deadline fails its spec.
      app = launch([runner], { timeout: 600_000, ...options });
      await whenReady(app);
      return new URL(await url);
    }

    const request = (url: URL, path: string) => undiciFetch(new URL(path, url), { dispatcher });

    /** Connects, and for TLS waits for the end of the handshake. */
    async function client({ protocol, port }: URL): Promise<RawClient> {
      if (protocol === 'http:') return new RawClient(Number(port));
      const socket = connectTls({ host: '127.0.0.1', port: Number(port), rejectUnauthorized: false });
      const secured = new RawClient(socket);
      await once(socket, 'secureConnect');
      return secured;
    }

    it('closes all other connections at the stop, and ends with its last answer', async () => {
      const url = await start();
      const unused = new RawClient(Number(url.port));
      const halfHead = (await client(url)).send('GET /readyz HTTP/1.1\r\nHost: loc');
      const halfBody = (await client(url)).request(
        'POST /upload HTTP/1.1',
        'Content-Type: application/json',
        'Content-Length: 100',
      );
      halfBody.send('{"item":');
      const kept = (await client(url)).request('GET /readyz HTTP/1.1');
      await kept.waitFor('\r\n\r\n');
      const events = (await client(url)).request('GET /events HTTP/1.1');
      await events.waitFor('data: 1');
      expect((await request(url, '/readyz')).status).to.equal(200);
      const slow = request(url, '/slow');
      await pending.accepted;

      const ended = app.stop();
      await Promise.all([unused, halfHead, kept].map(({ closed }) => closed));
      expect(events.socket.closed).to.equal(false);
      pending.answer('done');
      expect(await (await slow).text()).to.equal('done');
      const report = await ended;
      expect(report.clean, String(report)).to.equal(true);
      await Promise.all([halfBody, events].map(({ closed }) => closed));
      const refused = new RawClient(Number(url.port));
      const [error] = (await once(refused.socket, 'error')) as [Error];
      expect(error).to.have.property('code', 'ECONNREFUSED');
    });

    it('is not ready during the drain, and still answers', async () => {
      const clock = virtualClock();
      const url = await start({ drainDelay: 500, scheduler: clock });
      const ended = app.stop();
      pending.answer('as usual');
      expect((await request(url, '/readyz')).status).to.equal(503);
      expect(await (await request(url, '/slow')).text()).to.equal('as usual');
      clock.advance(500);
      expect((await ended).clean).to.equal(true);
    });

    it('fails when its port is taken', async () => {
      const other = createServer().listen(0, address.host);
      await once(other, 'listening');
      const { port } = other.address() as AddressInfo;
      app = launch([create({ ...address, port }, service)], { observer: {} });
      const { outcomes } = await app;
      other.close();
      expect(outcomes[0]?.error).to.include({ phase: 'initialize' });
      expect(outcomes[0]?.error?.message).to.include('EADDRINUSE');
    });

    it('can be started again', async () => {
      const runner = toRunner(create(address, service));
      for (let run = 1; run <= 2; run++) {
        const url = firstValueFrom(runner.results$);
        app = launch([runner], { observer: {} });
        await whenReady(app);
        expect((await request(new URL(await url), '/readyz')).status).to.equal(200);
        expect((await app.stop()).clean).to.equal(true);
      }
    });
  });
}

describe('A server of node:http2 as a task', () => {
  it('answers the requests of a session, and closes it', async () => {
    const { slow, accepted, answer } = pendingAnswer();
    const runner = toRunner(createHttp2(address, { readiness: () => 200, slow }));
    const url = firstValueFrom(runner.results$);
    const app = launch([runner], { timeout: 600_000 });
    const session = connectHttp2(await url, { rejectUnauthorized: false });
    const idleSession = connectHttp2(await url, { rejectUnauthorized: false });
    await once(idleSession, 'connect');
    const closed = Promise.all([session, idleSession].map((opened) => once(opened, 'close')));
    const events = session
      .request({ ':path': '/events' })
      .setEncoding('utf8')
      .on('error', () => undefined);
    expect((await once(events, 'data'))[0]).to.equal('data: 1\n\n');
    const response = text(session.request({ ':path': '/slow' }));
    await accepted;
    const ended = app.stop();
    answer('done');
    expect(await response).to.equal('done');
    expect((await ended).clean).to.equal(true);
    await closed;
  });
});

const idle: Service = { readiness: () => 200, slow: () => Promise.resolve('') };

describe('A server of Fastify as a task', () => {
  it('calls onReady hooks before the port is open, and onClose hooks after the last answer', async () => {
    const calls: string[] = [];
    const { slow, accepted, answer } = pendingAnswer();
    const runner = fastifyServer('api', address, () => {
      const app = createFastify({ ...idle, slow });
      app.addHook('onReady', async () => void calls.push(`ready, listening: ${app.server.listening}`));
      app.addHook('onResponse', async () => void calls.push('answered'));
      app.addHook('onClose', async () => void calls.push('closed'));
      return app;
    });
    const url = firstValueFrom(runner.results$);
    const app = launch([runner], { timeout: 600_000 });
    const response = fetch(new URL('/slow', await url));
    await accepted;
    const ended = app.stop();
    answer('done');
    expect(await (await response).text()).to.equal('done');
    expect((await ended).clean).to.equal(true);
    expect(calls).to.deep.equal(['ready, listening: false', 'answered', 'closed']);
  });

  it('fails when a plugin fails, and closes the others', async () => {
    const calls: string[] = [];
    const runner = fastifyServer('api', address, () => {
      const app = createFastify(idle);
      app.addHook('onClose', async () => void calls.push('closed'));
      app.register(() => Promise.reject(new Error('no database')));
      return app;
    });
    const { outcomes } = await launch([runner], { observer: {} });
    expect(outcomes[0]?.error?.message).to.equal('api/http failed in initialize: no database');
    expect(calls).to.deep.equal(['closed']);
  });

  it('cancels the context of its handlers when the stop begins', async () => {
    const accepted = deferred<undefined>();
    const runner = fastifyServer('api', address, (ctx) => {
      const slow = () => {
        accepted.resolve(undefined);
        return firstValueFrom(ctx.cancelled$).then(String);
      };
      return createFastify({ ...idle, slow });
    });
    const url = firstValueFrom(runner.results$);
    const app = launch([runner], { timeout: 600_000 });
    const response = fetch(new URL('/slow', await url));
    await accepted.promise;
    const ended = app.stop('deployed');
    expect(await (await response).text()).to.equal('deployed');
    expect((await ended).clean).to.equal(true);
  });
});

describe('A server of NestJS as a task', () => {
  /** Records the calls of its hooks. */
  class Database {
    static calls: string[] = [];

    onApplicationBootstrap() {
      Database.calls.push('bootstrapped');
    }

    onModuleDestroy() {
      Database.calls.push('destroyed');
    }

    onApplicationShutdown() {
      Database.calls.push('disconnected');
    }
  }
  beforeEach(() => (Database.calls = []));

  it('calls the shutdown hooks of its providers after the last answer', async () => {
    const { accepted, answer, ...pending } = pendingAnswer();
    const slow = async () => {
      const text = await pending.slow();
      Database.calls.push('answered');
      return text;
    };
    const runner = nestServer('api', address, () => createNest({ ...idle, slow }, Database));
    const url = firstValueFrom(runner.results$);
    const app = launch([runner], { timeout: 600_000 });
    const response = fetch(new URL('/slow', await url));
    await accepted;
    const ended = app.stop();
    answer('done');
    expect(await (await response).text()).to.equal('done');
    expect((await ended).clean).to.equal(true);
    expect(Database.calls).to.deep.equal(['bootstrapped', 'answered', 'destroyed', 'disconnected']);
  });

  it('fails when a provider fails, and can be restarted', async () => {
    let starts = 0;
    const broken = {
      provide: 'broken',
      useFactory: () => (++starts < 3 ? Promise.reject(new Error('no database')) : 'connected'),
    };
    const runner = supervise(
      nestServer('api', address, () => createNest(idle, Database, broken)),
      { backoff: { initial: 1 } },
    );
    const url = firstValueFrom(runner.results$);
    const app = launch([runner], { observer: {}, timeout: 600_000 });
    expect((await fetch(new URL('/readyz', await url))).status).to.equal(200);
    expect((await app.stop()).clean).to.equal(true);
    expect(starts).to.equal(3);
    expect(Database.calls).to.deep.equal(['bootstrapped', 'destroyed', 'disconnected']);
  });
});

function toRunner(runnable: Runnable<string>): TaskRunner<string> {
  return isTaskRunner(runnable) ? runnable : taskRunner(runnable);
}

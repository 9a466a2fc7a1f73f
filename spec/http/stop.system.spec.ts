import { expect } from 'chai';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { firstValueFrom, timer } from 'rxjs';
import { launch, ordered, supervise, task, taskRunner, withCancel } from '../../lib/index.js';
import { httpServer } from '../../lib/http/index.js';
import { virtualClock } from '../../lib/testing/index.js';
import sinon from 'sinon';
import { request as undiciRequest, Agent, fetch as undiciFetch } from 'undici';
import { WebSocket, WebSocketServer } from 'ws';
import { Connection } from '../../lib/http/connection.js';
import { openResponse, serverSentEvents } from '../helpers/http.js';
import { deferred, whenReady } from '../helpers/tasks.js';
import { waitUntil } from '../helpers/wait.js';
import { closeAll, outlastStall, RawClient, serve } from './helpers.js';

/** Creates a server whose requests the spec answers. */
function pendingServer(): { listener: RequestListener; accepted: Promise<ServerResponse> } {
  const { promise: accepted, resolve } = deferred<ServerResponse>();
  return { accepted, listener: (_, response) => resolve(response) };
}

/** Resolves with the error of a request that the server does not answer. */
function failureOf(request: Promise<unknown>): Promise<unknown> {
  return request.then(
    () => expect.fail('The request was answered'),
    (error: unknown) => error,
  );
}

describe('The stop of an HTTP server', () => {
  afterEach(closeAll);

  it('cancels the context of the function that created the server, for its handlers', async () => {
    const { promise: ready, resolve } = deferred<undefined>();
    const site = await serve((ctx) =>
      createServer((_, response) => {
        ctx.cancelled$.subscribe((cause) => response.end(String(cause)));
        resolve(undefined);
      }),
    );
    const answer = fetch(site.url);
    await ready;
    const report = await site.app.stop('deployed');
    expect(await (await answer).text()).to.equal('deployed');
    expect(report.clean).to.equal(true);
  });

  it('lets handlers end their event streams', async () => {
    const site = await serve((ctx) =>
      createServer((_, response) => {
        response.writeHead(200, { 'Content-Type': 'text/event-stream' }).write('data: 1\n\n');
        void firstValueFrom(ctx.cancelled$).then(() => response.end('data: 2\n\n'));
      }),
    );
    const events = serverSentEvents(await openResponse(site.url));
    expect((await events.next()).value).to.include({ data: 1 });
    const stopped = site.app.stop();
    expect((await events.next()).value).to.include({ data: 2 });
    expect((await events.next()).done).to.equal(true);
    expect((await stopped).clean).to.equal(true);
  });

  const endless = {
    'an event stream': [],
    'an upgraded socket': ['Connection: Upgrade', 'Upgrade: example'],
  };
  for (const [kind, lines] of Object.entries(endless)) {
    it(`destroys ${kind} when its grace has passed, also if nothing was sent for a long time`, async () => {
      const clock = virtualClock();
      const server = createServer((_, response) => {
        response.writeHead(200, { 'Content-Type': 'text/event-stream' }).write('begins\n\n');
      });
      server.on('upgrade', (_, socket) => socket.on('error', () => undefined).write('begins'));
      const site = await serve(server, { grace: 1000, scheduler: clock });
      const client = new RawClient(site.port).request('GET / HTTP/1.1', ...lines);
      await client.waitFor('begins');
      const stopped = site.app.stop();
      // The server has stopped when it refuses connections. The stream goes on.
      await new RawClient(site.port).closed;
      clock.advance(999);
      await outlastStall();
      expect(client.socket.closed).to.equal(false);
      clock.advance(1);
      await client.closed;
      expect((await stopped).clean).to.equal(true);
    });
  }

  it('ends before the grace has passed when all event streams and WebSockets have ended', async () => {
    const clients = new Set<WebSocket>();
    const site = await serve(
      (ctx) => {
        const server = createServer();
        const sockets = new WebSocketServer({ server });
        sockets.on('connection', (socket) => {
          clients.add(socket);
          ctx.cancelled$.subscribe(() => socket.close(1001));
        });
        return server;
      },
      { grace: 300_000 },
    );
    const socket = new WebSocket(site.url.replace('http', 'ws'));
    await once(socket, 'open');
    const closed = once(socket, 'close');
    const report = await site.app.stop();
    expect((await closed)[0]).to.equal(1001);
    expect(report.clean).to.equal(true);
  });

  it('destroys WebSockets that do not end', async () => {
    const server = createServer();
    const sockets = new WebSocketServer({ server });
    sockets.on('connection', (socket) => socket.send('hello'));
    // The time stands still.
    const site = await serve(server, { scheduler: virtualClock() });
    const socket = new WebSocket(site.url.replace('http', 'ws'));
    await once(socket, 'message');
    const closed = once(socket, 'close');
    const report = await site.app.stop();
    expect((await closed)[0]).to.equal(1006);
    expect(report.clean).to.equal(true);
  });

  it('answers the requests of undici on all connections of its pool', async () => {
    const accepted: ServerResponse[] = [];
    const { promise: all, resolve } = deferred<undefined>();
    const site = await serve(
      createServer((_, response) => {
        if (accepted.push(response) === 5) resolve(undefined);
      }),
    );
    const dispatcher = new Agent({ connections: 3, pipelining: 1 });
    const answers = Array.from({ length: 3 }, async () => {
      const { body } = await undiciRequest(site.url, { dispatcher });
      return body.text();
    });
    const others = [fetch(site.url), undiciFetch(site.url)].map(async (response) => (await response).text());
    await all;
    const stopped = site.app.stop();
    for (const response of accepted) response.end('done');
    expect(await Promise.all([...answers, ...others])).to.deep.equal(Array.from({ length: 5 }, () => 'done'));
    expect((await stopped).clean).to.equal(true);
    await dispatcher.destroy();
  });

  it('counts a request that a listener of checkContinue has accepted', async () => {
    const { promise: accepted, resolve } = deferred<ServerResponse>();
    const server = createServer();
    server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => {
      response.writeContinue();
      void text(request).then(() => resolve(response));
    });
    const site = await serve(server);
    const client = new RawClient(site.port);
    client.request('POST / HTTP/1.1', 'Content-Length: 2', 'Expect: 100-continue');
    await client.waitFor('100 Continue');
    client.send('ab');
    const response = await accepted;
    const stopped = site.app.stop();
    response.end('done');
    expect((await stopped).clean).to.equal(true);
    expect(client.received).to.match(/done$/);
  });

  it('begins while the runs that were started under its context still end', async () => {
    const started = deferred<undefined>();
    const child = deferred<undefined>();
    const site = await serve((ctx) =>
      createServer((_, response) => {
        taskRunner(
          task('child', {
            execute: () => started.resolve(undefined),
            finalize: () => child.promise,
          }),
        )
          .start(ctx)
          .subscribe({ complete: () => response.end('done') });
      }),
    );
    const answer = fetch(site.url);
    await started.promise;
    const stopped = site.app.stop();
    await new RawClient(site.port).closed;
    child.resolve(undefined);
    expect(await (await answer).text()).to.equal('done');
    expect((await stopped).clean).to.equal(true);
  });

  it('answers with Connection: close from the beginning of the drain', async () => {
    const clock = virtualClock();
    const site = await serve(
      createServer((_, response) => response.end('hello')),
      { drainDelay: 500, scheduler: clock },
    );
    await whenReady(site.app);
    expect((await fetch(site.url)).headers.get('connection')).to.equal('keep-alive');
    const stopped = site.app.stop();
    expect(site.app.ready).to.equal(false);
    for (let i = 0; i < 2; i++) {
      const answer = await fetch(site.url);
      expect([answer.headers.get('connection'), await answer.text()]).to.deep.equal(['close', 'hello']);
    }
    clock.advance(500);
    expect((await stopped).clean).to.equal(true);
  });

  it('answers with Connection: close when it is restarted during the drain', async () => {
    const clock = virtualClock();
    const servers: Server[] = [];
    const create = () => {
      const server = createServer((_, response) => response.end('hello'));
      servers.push(server);
      return server;
    };
    const runner = supervise(httpServer(create, { port: 0, host: '127.0.0.1' }), { backoff: { initial: 1, max: 1 } });
    const urls: string[] = [];
    runner.results$.subscribe((url) => urls.push(url));
    const app = launch([runner], { drainDelay: 60_000, scheduler: clock, observer: {} });
    await whenReady(app);
    const stopped = app.stop();
    servers[0]?.emit('error', new Error('accept EMFILE'));
    await waitUntil(() => {
      clock.advance(1);
      return urls.length === 2;
    });
    expect((await fetch(urls[1] ?? '')).headers.get('connection')).to.equal('close');
    clock.advance(60_000);
    await stopped;
  });

  it('happens without an application when its run is cancelled', async () => {
    const { listener, accepted } = pendingServer();
    const runner = taskRunner(httpServer(createServer(listener), { port: 0, host: '127.0.0.1' }));
    const [ctx, cancel] = withCancel();
    const url = firstValueFrom(runner.results$);
    runner.start(ctx).subscribe();
    const answer = fetch(await url);
    const response = await accepted;
    const done = firstValueFrom(runner.done$);
    cancel();
    response.end('done');
    expect(await (await answer).text()).to.equal('done');
    expect((await done).status).to.equal('cancelled');
  });

  it('removes its changes from the server', async () => {
    const server = createServer();
    const counts = () => server.eventNames().map((name) => [name, server.listenerCount(name)]);
    const before = counts();
    const site = await serve(server);
    await site.app.stop();
    expect(['emit', 'closeIdleConnections'].filter((name) => Object.hasOwn(server, name))).to.deep.equal([]);
    expect(counts()).to.deep.equal(before);
  });

  it('keeps an emit and a closeIdleConnections that the server has of its own', async () => {
    const server = createServer();
    const emit = server.emit.bind(server);
    const closeIdleConnections = server.closeIdleConnections.bind(server);
    Object.assign(server, { emit, closeIdleConnections });
    const site = await serve(server);
    await site.app.stop();
    expect(Object.entries(server)).to.deep.include.members([
      ['emit', emit],
      ['closeIdleConnections', closeIdleConnections],
    ]);
  });

  it('checks each of many connections a few times, not once for each other one that closes', async () => {
    const count = 300;
    const site = await serve(
      createServer((_, response) => {
        response.writeHead(200, { 'Content-Type': 'text/event-stream' }).write('data: 1\n\n');
      }),
    );
    const clients = Array.from({ length: count }, () => new RawClient(site.port).request('GET / HTTP/1.1'));
    for (const client of clients) await client.waitFor('data: 1');
    const checks = sinon.spy(Connection.prototype, 'end');
    try {
      expect((await site.app.stop()).clean).to.equal(true);
      expect(checks.callCount).to.be.within(count, 20 * count);
    } finally {
      checks.restore();
    }
  });

  describe('at the deadline', () => {
    it('destroys all connections shortly before, and fails with the names of the pending requests', async () => {
      const { listener, accepted } = pendingServer();
      const clock = virtualClock();
      const site = await serve(createServer(listener), { timeout: 20_000, scheduler: clock });
      const failure = failureOf(fetch(`${site.url}/orders?token=secret`, { method: 'POST', body: 'tea' }));
      const response = await accepted;
      const stopped = site.app.stop();
      await new RawClient(site.port).closed;
      clock.advance(18_999);
      await outlastStall();
      expect(response.destroyed).to.equal(false);
      clock.advance(1);
      await failure;
      const { clean, outcomes } = await stopped;
      expect(clean).to.equal(false);
      expect(outcomes.map(({ status, error }) => [status, error?.message])).to.deep.equal([
        ['failed', 'http failed in finalize: Closed before the deadline without an answer: POST /orders'],
      ]);
      expect(clock.now()).to.be.below(20_000);
    });

    it('counts the time from the end of the drain delay', async () => {
      const { listener, accepted } = pendingServer();
      const clock = virtualClock();
      const site = await serve(createServer(listener), { drainDelay: 5000, timeout: 5000, scheduler: clock });
      await whenReady(site.app);
      const answer = fetch(site.url);
      const response = await accepted;
      const stopped = site.app.stop();
      clock.advance(5000);
      await new RawClient(site.port).closed;
      clock.advance(3999);
      response.end('done');
      expect(await (await answer).text()).to.equal('done');
      expect((await stopped).clean).to.equal(true);
    });

    it('destroys the connection of a client that would send its body for ever', async () => {
      const clock = virtualClock();
      const reading = deferred<undefined>();
      const server = createServer((request) => {
        reading.resolve(undefined);
        request.on('error', () => undefined).resume();
      });
      const site = await serve(server, { timeout: 1000, scheduler: clock });
      const client = new RawClient(site.port).request('POST /upload HTTP/1.1', 'Content-Length: 1000000');
      await reading.promise;
      const more = setInterval(() => client.send('.'), 20);
      void client.closed.then(() => clearInterval(more));
      const stopped = site.app.stop();
      await new RawClient(site.port).closed;
      await outlastStall();
      expect(client.socket.closed).to.equal(false);
      clock.advance(800);
      await client.closed;
      expect((await stopped).outcomes[0]?.error?.cause).to.have.property(
        'message',
        'Closed before the deadline without an answer: POST /upload',
      );
    });

    it('leaves time for the tasks that end after it', async () => {
      const { listener, accepted } = pendingServer();
      const clock = virtualClock();
      const http = taskRunner(httpServer(createServer(listener), { port: 0, host: '127.0.0.1' }));
      const db = task('db', { finalize: () => timer(500, clock) });
      const url = firstValueFrom(http.results$);
      const app = launch([ordered('shop', db, http)], { timeout: 5000, scheduler: clock, observer: {} });
      const failure = failureOf(fetch(await url));
      await accepted;
      const stopped = app.stop();
      clock.advance(4000);
      await failure;
      await firstValueFrom(http.done$);
      clock.advance(500);
      const [shop] = (await stopped).outcomes;
      expect(shop?.members?.map(({ task, status }) => [task, status])).to.deep.equal([
        ['shop/db', 'cancelled'],
        ['shop/http', 'failed'],
      ]);
    });

    it('is clean when only event streams with a longer grace were left', async () => {
      const clock = virtualClock();
      const site = await serve(
        createServer((_, response) => {
          response.writeHead(200, { 'Content-Type': 'text/event-stream' }).write('data: 1\n\n');
        }),
        { timeout: 10_000, grace: Infinity, scheduler: clock },
      );
      const response = await openResponse(site.url);
      response.on('error', () => undefined).resume();
      const stopped = site.app.stop();
      await new RawClient(site.port).closed;
      clock.advance(9000);
      expect((await stopped).clean).to.equal(true);
    });

    for (const [count, names] of [
      [5, 'GET /a, GET /a, GET /a, GET /a, GET /a'],
      [7, 'GET /a, GET /a, GET /a, GET /a, GET /a and 2 more'],
    ] as const)
      it(`names at most five requests, and counts the others, of ${count}`, async () => {
        let requests = 0;
        const { promise: all, resolve } = deferred<undefined>();
        const clock = virtualClock();
        const site = await serve(
          createServer(() => {
            if (++requests === count) resolve(undefined);
          }),
          { timeout: 1000, scheduler: clock },
        );
        const failures = Array.from({ length: count }, () => failureOf(fetch(`${site.url}/a`)));
        await all;
        const stopped = site.app.stop();
        await new RawClient(site.port).closed;
        clock.advance(800);
        await Promise.all(failures);
        expect((await stopped).outcomes[0]?.error?.cause).to.have.property(
          'message',
          `Closed before the deadline without an answer: ${names}`,
        );
      });
  });
});

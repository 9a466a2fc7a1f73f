import { expect } from 'chai';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { createServer, Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { filter, firstValueFrom, Subject, take, toArray } from 'rxjs';
import sinon from 'sinon';
import { launch, supervise, taskRunner, withCancel, type AppEvent } from '../../lib/index.js';
import { httpServer, type HttpListenOptions } from '../../lib/http/index.js';
import { httpRequest } from '../helpers/http.js';
import { deferred, whenReady } from '../helpers/tasks.js';
import { closeAll, RawClient, serve } from './helpers.js';

const host = '127.0.0.1';
const hello = () => createServer((_, response) => response.end('hello'));

async function occupiedPort(): Promise<{ port: number; close: () => void }> {
  const server = createServer().listen(0, host);
  await once(server, 'listening');
  return { port: (server.address() as AddressInfo).port, close: () => server.close() };
}

/** Counts the events `close` of a server. */
function closesOf(server: Server): { count: number } {
  const closes = { count: 0 };
  server.on('close', () => closes.count++);
  return closes;
}

describe('An HTTP server as a task', () => {
  afterEach(closeAll);

  it('is ready when it listens, and emits its URL', async () => {
    const runner = taskRunner(httpServer(hello(), { port: 0, host }));
    const url$ = firstValueFrom(runner.results$);
    const app = launch([runner], { observer: {} });
    expect(app.ready).to.equal(false);
    const url = await url$;
    expect(url).to.match(/^http:\/\/127\.0\.0\.1:\d+$/);
    expect(app.ready).to.equal(true);
    expect(await (await fetch(url)).text()).to.equal('hello');
    expect((await app.stop()).clean).to.equal(true);
  });

  it('has a URL with localhost when it listens on all addresses, and with brackets for IPv6', async () => {
    const urls: string[] = [];
    for (const listenOptions of [0, '0', { port: 0, host: '0.0.0.0' }, { port: 0, host: '::1' }]) {
      const runner = taskRunner(httpServer(hello(), listenOptions));
      const url = firstValueFrom(runner.results$);
      const app = launch([runner], { observer: {} });
      urls.push(await url);
      await app.stop();
    }
    expect(urls.map((url) => url.replace(/\d+$/, 'N'))).to.deep.equal([
      ...Array.from({ length: 3 }, () => 'http://localhost:N'),
      'http://[::1]:N',
    ]);
  });

  it('listens on a Unix socket, and removes it', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'rxjs-tasks-'));
    const path = join(directory, 'http.sock');
    for (const listenOptions of [path, { path }] satisfies HttpListenOptions[]) {
      const runner = taskRunner(httpServer(hello(), listenOptions));
      const url = firstValueFrom(runner.results$);
      const app = launch([runner], { observer: {} });
      expect(await url).to.equal(path);
      const client = new RawClient(path).request('GET / HTTP/1.1');
      await client.waitFor('hello');
      expect((await app.stop()).clean).to.equal(true);
    }
    expect(readdirSync(directory)).to.deep.equal([]);
    rmSync(directory, { recursive: true });
  });

  it('fails to initialize when its port is taken', async () => {
    const { port, close } = await occupiedPort();
    const report = await launch([httpServer(hello(), { port, host })], { observer: {} });
    close();
    const [outcome] = report.outcomes;
    expect(outcome?.error?.message).to.equal(
      `http failed in initialize: listen EADDRINUSE: address already in use ${host}:${port}`,
    );
    expect(outcome?.error?.cause).to.have.property('code', 'EADDRINUSE');
  });

  it('reports a taken port to the listeners of the server, too', async () => {
    const { port, close } = await occupiedPort();
    const server = hello();
    const errors: unknown[] = [];
    server.on('error', (error) => errors.push(error));
    const { outcomes } = await launch([httpServer(server, { port, host })], { observer: {} });
    close();
    expect(errors).to.deep.equal([outcomes[0]?.error?.cause]);
  });

  it('fails to initialize for a host that does not exist', async () => {
    const { outcomes } = await launch([httpServer(hello(), { port: 0, host: 'no-such-host.invalid' })], {
      observer: {},
    });
    expect(outcomes[0]?.error).to.include({ phase: 'initialize' });
  });

  it('fails to initialize for listenOptions that Node refuses', async () => {
    const listenOptions = { port: 0, host, signal: 'none' as unknown as AbortSignal };
    const { outcomes } = await launch([httpServer(hello(), listenOptions)], { observer: {} });
    expect(outcomes[0]?.error).to.include({ phase: 'initialize' });
    expect(outcomes[0]?.error?.cause).to.have.property('code', 'ERR_INVALID_ARG_TYPE');
  });

  it('fails to initialize when the server listens already, and leaves it as it is', async () => {
    const server = hello().listen(0, host);
    await once(server, 'listening');
    const { outcomes } = await launch([httpServer(server, { port: 0, host })], { observer: {} });
    expect(outcomes[0]?.error?.cause).to.have.property(
      'message',
      'The server listens already. Its task must be the one that calls `listen`',
    );
    expect(server.listening).to.equal(true);
    server.close();
  });

  it('fails to initialize when its function returns something else than a server', async () => {
    const { outcomes } = await launch([httpServer((() => ({})) as never, 0)], { observer: {} });
    expect(String(outcomes[0]?.error?.cause)).to.equal(
      'TypeError: Expected `server()` to be a server of node:http, node:https or node:http2, got `{}` (object)',
    );
  });

  it('does not listen when it was cancelled while its function created the server', async () => {
    const { promise, resolve } = deferred<Server>();
    const [ctx, cancel] = withCancel();
    const runner = taskRunner(httpServer(() => promise, { port: 0, host }));
    runner.start(ctx).subscribe();
    cancel();
    const server = hello();
    const listen = sinon.spy(server, 'listen');
    resolve(server);
    expect((await firstValueFrom(runner.done$)).status).to.equal('cancelled');
    expect(listen.called).to.equal(false);
  });

  it('closes a server whose start was cancelled while it began to listen', async () => {
    const [ctx, cancel] = withCancel();
    const server = hello();
    const closes = closesOf(server);
    const runner = taskRunner(httpServer(server, { port: 0, host: 'localhost' }));
    runner.start(ctx).subscribe();
    await Promise.resolve();
    cancel();
    expect((await firstValueFrom(runner.done$)).status).to.equal('cancelled');
    expect([server.listening, closes.count]).to.deep.equal([false, 1]);
  });

  it('closes a server that listens only after its startTimeout', async () => {
    const failed = deferred<undefined>();
    /** A server that takes its time, as it does for a host whose address is looked up. */
    class SlowServer extends Server {
      override listen(...args: never[]): this {
        void failed.promise.then(() => super.listen(...args));
        return this;
      }
    }
    const server = new SlowServer();
    const report = launch([httpServer(server, { port: 0, host })], {
      startTimeout: 5,
      observer: ({ type }) => {
        if (type === 'failed') failed.resolve(undefined);
      },
    });
    expect((await report).outcomes[0]?.error).to.include({ phase: 'initialize' });
    expect(server.listening).to.equal(false);
  });

  for (const [kind, source] of Object.entries({ 'a server': hello(), 'a function': hello })) {
    it(`serves again when it is started again, given ${kind}`, async () => {
      const task = httpServer(source, { port: 0, host });
      for (let run = 0; run < 3; run++) {
        const runner = taskRunner(task);
        const url = firstValueFrom(runner.results$);
        const app = launch([runner], { observer: {} });
        expect((await httpRequest(await url)).body).to.equal('hello');
        expect((await app.stop()).clean).to.equal(true);
      }
    });
  }

  it('can be supervised: it is restarted, and listens on the same port', async () => {
    const { port, close } = await occupiedPort();
    close();
    const servers: Server[] = [];
    const create = () => {
      const server = hello();
      servers.push(server);
      return server;
    };
    const runner = supervise(httpServer(create, { port, host }), { backoff: { initial: 1 } });
    const urls = firstValueFrom(runner.results$.pipe(take(2), toArray()));
    const app = launch([runner], { observer: {} });
    await whenReady(app);
    servers[0]?.emit('error', new Error('too many open files'));
    expect(await urls).to.deep.equal([`http://${host}:${port}`, `http://${host}:${port}`]);
    expect(await (await fetch(`http://${host}:${port}`)).text()).to.equal('hello');
    expect((await app.stop()).clean).to.equal(true);
    expect(servers.map(({ listening }) => listening)).to.deep.equal([false, false]);
  });

  it('is restarted when its port is free again', async () => {
    const { port, close } = await occupiedPort();
    const events = new Subject<AppEvent>();
    const restarting = firstValueFrom(events.pipe(filter(({ type }) => type === 'restarting')));
    const runner = supervise(httpServer(hello(), { port, host }), {
      backoff: { initial: 1, max: 10 },
      maxRestarts: 999,
    });
    const url = firstValueFrom(runner.results$);
    const app = launch([runner], { observer: events });
    await restarting;
    close();
    expect(await url).to.equal(`http://${host}:${port}`);
    expect((await app.stop()).clean).to.equal(true);
  });

  it('fails with an error of the server that no listener receives, and closes it', async () => {
    const server = hello();
    const site = await serve(server);
    server.emit('error', new Error('accept EMFILE'));
    const { outcomes } = await site.app;
    expect(outcomes[0]?.error?.message).to.equal('http failed in execute: accept EMFILE');
    expect(server.listening).to.equal(false);
  });

  it('fails with the first error of the server during its stop, which answers all requests', async () => {
    const server = hello();
    const site = await serve(server);
    server.once('request', () => {
      void site.app.stop();
      for (const message of ['accept EMFILE', 'accept ENFILE']) server.emit('error', new Error(message));
    });
    expect(await (await fetch(site.url)).text()).to.equal('hello');
    const { outcomes } = await site.app;
    expect(outcomes[0]?.error?.message).to.equal('http failed in finalize: accept EMFILE');
  });

  it('suppresses an error of the server that follows the one that it fails with', async () => {
    const server = hello();
    const site = await serve(server);
    for (const message of ['accept EMFILE', 'accept ENFILE']) server.emit('error', new Error(message));
    const { outcomes } = await site.app;
    expect(outcomes[0]?.error?.message).to.equal('http failed in execute: accept EMFILE');
    const suppressed = outcomes[0]?.error?.suppressed.map(({ message }) => message);
    expect(suppressed).to.deep.equal(['http failed in finalize: accept ENFILE']);
  });

  it('continues after an error of the server that has a listener', async () => {
    const errors: string[] = [];
    const server = hello().on('error', (error) => errors.push(error.message));
    const site = await serve(server);
    server.emit('error', new Error('accept EMFILE'));
    expect(await (await fetch(site.url)).text()).to.equal('hello');
    expect(errors).to.deep.equal(['accept EMFILE']);
    expect((await site.app.stop()).clean).to.equal(true);
  });

  it('fails when other code closes the server', async () => {
    const server = hello();
    const closes = closesOf(server);
    const site = await serve(server);
    server.close();
    const { outcomes } = await site.app;
    expect(outcomes[0]?.error?.message).to.equal('http failed in execute: The server was closed, but not by its task');
    expect(closes.count).to.equal(1);
  });

  it('fails when the signal of its listenOptions is aborted before it listens', async () => {
    const { outcomes } = await launch([httpServer(hello(), { port: 0, host, signal: AbortSignal.abort() })], {
      observer: {},
    });
    expect(outcomes[0]?.error?.message).to.equal(
      'http failed in initialize: The server was closed, but not by its task',
    );
  });
});

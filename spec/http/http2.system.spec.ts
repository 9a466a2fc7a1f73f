import { expect } from 'chai';
import { once } from 'node:events';
import {
  connect,
  createSecureServer,
  createServer,
  type ClientHttp2Session,
  type ClientHttp2Stream,
  type Http2SecureServer,
  type Http2Server,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
  type ServerHttp2Stream,
} from 'node:http2';
import { get } from 'node:https';
import { text } from 'node:stream/consumers';
import { virtualClock } from '../../lib/testing/index.js';
import { deferred, whenReady } from '../helpers/tasks.js';
import { waitUntil } from '../helpers/wait.js';
import { certificate, closeAll, nextConnection, RawClient, serve, type Site } from './helpers.js';

const kinds: Record<string, () => Http2Server | Http2SecureServer> = {
  'without TLS': () => createServer(),
  'with TLS': () => createSecureServer({ ...certificate, allowHTTP1: true }),
};

for (const [kind, create] of Object.entries(kinds)) {
  describe(`A stopping server of node:http2 ${kind}`, () => {
    let site: Site;
    let server: Http2Server | Http2SecureServer;
    let session: ClientHttp2Session;
    let pending: ReturnType<typeof deferred<ServerHttp2Stream>>;
    let events: ServerHttp2Stream[];

    beforeEach(async () => {
      pending = deferred();
      events = [];
      server = create();
      server.on('stream', (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
        stream.on('error', () => undefined);
        if (headers[':method'] === 'CONNECT') return stream.respond();
        switch (headers[':path']?.split('?', 1)[0]) {
          case '/slow':
            return pending.resolve(stream);
          case '/upload':
            return void text(stream).then(
              (body) => stream.end(body),
              () => undefined,
            );
          case '/early':
            return void stream.resume().end('not read to its end');
          case '/large':
            return void stream.end(Buffer.alloc(30_000_000, 'x'));
          case '/events':
            stream.respond({ 'content-type': 'text/event-stream; charset=utf-8' });
            stream.write('data: hi\n\n');
            return events.push(stream);
          case '/capitals':
            stream.respond({ 'X-Accel-Buffering': 'no', 'Content-Type': 'Text/Event-Stream' });
            return stream.write('data: hi\n\n');
          default:
            stream.end('hello');
        }
      });
      site = await serve(server);
      session = connect(site.url, { rejectUnauthorized: false });
      session.on('error', () => undefined);
      await once(session, 'connect');
    });
    afterEach(() => {
      session.destroy();
      closeAll();
    });

    function request(path: string, headers: OutgoingHttpHeaders = {}): ClientHttp2Stream {
      return session.request({ ':path': path, ...headers }).on('error', () => undefined);
    }

    /** Stops the application, and verifies that it has ended well and that the session is closed. */
    async function stop(): Promise<void> {
      const closed = once(session, 'close');
      const report = await site.app.stop();
      expect(report.clean, String(report)).to.equal(true);
      await closed;
    }

    it('closes a session that has not been used', () => stop());

    it('closes a session whose requests are answered', async () => {
      expect(await text(request('/'))).to.equal('hello');
      await stop();
    });

    it('answers the requests of a session, and announces its end with a GOAWAY', async () => {
      const answer = text(request('/slow'));
      const goaway = once(session, 'goaway');
      const stream = await pending.promise;
      const stopped = stop();
      expect((await goaway)[0]).to.equal(0);
      stream.end('done');
      expect(await answer).to.equal('done');
      await stopped;
    });

    it('serves an event stream until the other requests are answered', async () => {
      const slow = text(request('/slow'));
      const stream = await pending.promise;
      let received = '';
      const eventStream = request('/events').on('data', (chunk) => (received += String(chunk)));
      const closed = once(eventStream, 'close');
      await waitUntil(() => received.includes('hi'));
      const goaway = once(session, 'goaway');
      const stopped = stop();
      await goaway;
      events[0]?.write('data: still here\n\n');
      await waitUntil(() => received.includes('still here'));
      stream.end('done');
      expect(await slow).to.equal('done');
      await stopped;
      await closed;
    });

    it('ends an event stream whose header has capitals', async () => {
      await once(request('/capitals'), 'data');
      await stop();
    });

    it('destroys a tunnel of CONNECT', async () => {
      const tunnel = session.request({ ':method': 'CONNECT', ':authority': 'example.org:443' });
      tunnel.on('error', () => undefined);
      await once(tunnel, 'response');
      await stop();
    });

    it('does not wait for a client that does not send the rest of its body', async () => {
      request('/upload', { ':method': 'POST' }).write('the beginning');
      await once(server, 'stream');
      await stop();
    });

    it('does not wait for a client that still sends its body after the answer', async () => {
      const early = request('/early', { ':method': 'POST' });
      early.write('the beginning');
      expect(await text(early)).to.equal('not read to its end');
      const more = setInterval(() => early.write('more'), 20);
      await stop().finally(() => clearInterval(more));
    });

    it('does not wait for a client that does not read its answer', async () => {
      const unread = request('/large');
      await once(unread, 'response');
      await stop();
    });

    it('sends the rest of an answer to a client that reads it', async () => {
      const large = request('/large');
      await once(large, 'response');
      const answer = text(large);
      await stop();
      expect(await answer).to.have.lengthOf(30_000_000);
    });

    it('closes a connection that has never been used', async () => {
      const client = new RawClient(site.port);
      await nextConnection(server);
      await stop();
      await client.closed;
    });

    it('closes a connection that has sent half of its preface', async () => {
      const client = new RawClient(site.port).send('PRI * HTTP/2.0\r\n');
      const socket = await nextConnection(server);
      await waitUntil(() => socket.bytesRead > 0 || socket.destroyed);
      await stop();
      await client.closed;
    });

    it('destroys a session shortly before the deadline, and fails with the names of its pending requests', async () => {
      await site.app.stop();
      const clock = virtualClock();
      site = await serve(server, { timeout: 1000, scheduler: clock });
      session = connect(site.url, { rejectUnauthorized: false });
      session.on('error', () => undefined);
      const closed = once(session, 'close');
      const goaway = once(session, 'goaway');
      await once(request('/events'), 'response');
      const early = request('/early', { ':method': 'POST' });
      early.write('the beginning');
      await text(early);
      request('/slow?token=secret');
      await once(server, 'stream');
      const stopped = site.app.stop();
      await goaway;
      clock.advance(800);
      await closed;
      expect((await stopped).outcomes[0]?.error?.cause).to.have.property(
        'message',
        'Closed before the deadline without an answer: GET /slow',
      );
    });

    it('announces the end of a session when it begins to drain, and answers until the end', async () => {
      await site.app.stop();
      const clock = virtualClock();
      site = await serve(server, { drainDelay: 500, scheduler: clock });
      session = connect(site.url, { rejectUnauthorized: false });
      await once(session, 'connect');
      await whenReady(site.app);
      const answer = text(request('/slow'));
      const stream = await pending.promise;
      const announced: unknown[] = [];
      session.on('goaway', (_, lastStream) => announced.push(lastStream));
      const stopped = stop();
      await waitUntil(() => announced.length > 0);
      stream.end('done');
      expect(await answer).to.equal('done');
      clock.advance(500);
      await stopped;
      // The session sends another one, with the last stream, when it closes.
      expect(announced.filter((lastStream) => lastStream === 2 ** 31 - 1)).to.have.length(1);
    });

    it('answers the first request of a session that begins during the drain, and then announces its end', async () => {
      await site.app.stop();
      const clock = virtualClock();
      site = await serve(server, { drainDelay: 500, scheduler: clock });
      await whenReady(site.app);
      const stopped = site.app.stop();
      session = connect(site.url, { rejectUnauthorized: false });
      const goaway = once(session, 'goaway');
      await once(session, 'connect');
      const answer = text(request('/slow'));
      const stream = await pending.promise;
      await goaway;
      stream.end('done');
      expect(await answer).to.equal('done');
      clock.advance(500);
      expect((await stopped).clean).to.equal(true);
    });
  });
}

describe('A stopping server of node:http2 with a listener of requests', () => {
  afterEach(closeAll);

  it('ends an event stream that has sent nothing yet', async () => {
    const server = createServer();
    const begun = once(server, 'request');
    server.on('request', (_, response) => response.setHeader('Content-Type', 'text/event-stream'));
    const site = await serve(server);
    const session = connect(site.url).on('error', () => undefined);
    session.request({ ':path': '/' }).on('error', () => undefined);
    await begun;
    expect((await site.app.stop()).clean).to.equal(true);
    session.destroy();
  });
});

describe('A stopping server of node:http2 that also speaks HTTP/1', () => {
  afterEach(closeAll);

  it('answers a request of HTTP/1 with Connection: close', async () => {
    const accepted = deferred<() => void>();
    const server = createSecureServer({ ...certificate, allowHTTP1: true }, (_, response) =>
      accepted.resolve(() => void response.end('done')),
    );
    const site = await serve(server);
    const answer = new Promise<[string, string | undefined]>((resolve, reject) => {
      get(site.url, { rejectUnauthorized: false }, (response) =>
        resolve(text(response).then((body) => [body, response.headers.connection])),
      ).on('error', reject);
    });
    const end = await accepted.promise;
    const stopped = site.app.stop();
    end();
    expect(await answer).to.deep.equal(['done', 'close']);
    expect((await stopped).clean).to.equal(true);
  });
});

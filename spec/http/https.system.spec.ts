import { expect } from 'chai';
import { once } from 'node:events';
import { Agent, createServer, request, type Server } from 'node:https';
import { text } from 'node:stream/consumers';
import { connect, type TLSSocket } from 'node:tls';
import { WebSocket, WebSocketServer } from 'ws';
import { deferred } from '../helpers/tasks.js';
import { pause, waitUntil } from '../helpers/wait.js';
import { certificate, closeAll, duplexPair, nextConnection, RawClient, serve, type Site } from './helpers.js';

describe('A stopping server of node:https', () => {
  let server: Server;
  let site: Site;
  let accepted: ReturnType<typeof deferred<(body: string) => void>>;
  const agent = new Agent({ keepAlive: true, rejectUnauthorized: false });

  beforeEach(async () => {
    accepted = deferred();
    server = createServer(certificate, (request, response) => {
      if (request.url === '/slow') accepted.resolve((body) => void response.end(body));
      else if (request.url === '/large') response.end(Buffer.alloc(30_000_000, 'x'));
      else response.end('hello');
    });
    site = await serve(server);
  });
  afterEach(closeAll);
  after(() => agent.destroy());

  async function stop(): Promise<void> {
    const report = await site.app.stop();
    expect(report.clean, String(report)).to.equal(true);
  }

  async function fetchText(path: string): Promise<string> {
    const [response] = (await once(request(`${site.url}${path}`, { agent }).end(), 'response')) as [
      NodeJS.ReadableStream,
    ];
    return text(response);
  }

  async function secureClient(): Promise<TLSSocket> {
    const socket = connect({ port: site.port, host: '127.0.0.1', rejectUnauthorized: false });
    socket.on('error', () => undefined);
    await once(socket, 'secureConnect');
    return socket;
  }

  it('has a URL with its protocol', () => {
    expect(site.url).to.match(/^https:\/\/127\.0\.0\.1:\d+$/);
  });

  it('answers a pending request, and closes a connection that is kept alive', async () => {
    expect(await fetchText('/')).to.equal('hello');
    const answer = fetchText('/slow');
    const end = await accepted.promise;
    const stopped = stop();
    end('done');
    expect(await answer).to.equal('done');
    await stopped;
  });

  it('answers on a stream that other code has passed to the server, and ends it', async () => {
    const [near, far] = duplexPair();
    server.emit('connection', near);
    const client = connect({ socket: far, rejectUnauthorized: false });
    await once(client, 'secureConnect');
    client.write('GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n');
    const end = await accepted.promise;
    const stopped = stop();
    await new RawClient(site.port).closed;
    end('done');
    expect(await text(client)).to.match(/done$/);
    await stopped;
  });

  it('closes a connection that has not begun its handshake', async () => {
    const client = new RawClient(site.port);
    await nextConnection(server);
    await stop();
    await client.closed;
  });

  it('closes a connection in its handshake', async () => {
    const client = new RawClient(site.port);
    const socket = await nextConnection(server);
    // The beginning of a ClientHello.
    client.send('\x16\x03\x01\x02');
    await waitUntil(() => socket.bytesRead > 0);
    await stop();
    await client.closed;
  });

  it('closes a connection that is not used after its handshake', async () => {
    const client = await secureClient();
    const closed = once(client, 'close');
    await stop();
    await closed;
  });

  it('destroys a WebSocket', async () => {
    const sockets = new WebSocketServer({ server });
    sockets.on('connection', (socket) => socket.send('hello'));
    const socket = new WebSocket(site.url.replace('https', 'wss'), { rejectUnauthorized: false });
    await once(socket, 'message');
    const closed = once(socket, 'close');
    await stop();
    expect((await closed)[0]).to.equal(1006);
  });

  it('does not wait for a client that does not read its answer', async () => {
    const client = await secureClient();
    client.write('GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await once(client, 'readable');
    await stop();
    client.destroy();
  });

  it('sends the rest of an answer to a client that reads slowly', async () => {
    const client = await secureClient();
    client.write('GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await once(client, 'readable');
    const stopped = stop();
    let length = 0;
    let pauseAt = 0;
    for await (const chunk of client) {
      length += (chunk as Buffer).length;
      if (length < pauseAt) continue;
      pauseAt += 3_000_000;
      await pause(100);
    }
    await stopped;
    expect(length).to.be.above(30_000_000);
  });
});

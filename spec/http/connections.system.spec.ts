import { expect } from 'chai';
import { once } from 'node:events';
import { createServer, Agent, get, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { deferred } from '../helpers/tasks.js';
import { waitUntil } from '../helpers/wait.js';
import { closeAll, duplexPair, nextConnection, outlastStall, RawClient, sampled, serve, type Site } from './helpers.js';

/** More than a socket and the kernel buffer. */
const large = Buffer.alloc(30_000_000, 'x');

describe('A stopping server of node:http', () => {
  let server: Server;
  let site: Site;
  let pending: ReturnType<typeof deferred<ServerResponse>>;
  let streams: ServerResponse[];
  let tunnels: Socket[];

  beforeEach(async () => {
    pending = deferred();
    streams = [];
    tunnels = [];
    const routes: Record<string, (request: IncomingMessage, response: ServerResponse) => void> = {
      '/': (_, response) => response.end('hello'),
      '/slow': (_, response) => pending.resolve(response),
      '/upload': (request, response) => void text(request).then((body) => response.end(body), ignore),
      '/collect': (request, response) => {
        request
          .on('data', ignore)
          .on('end', () => response.end())
          .on('error', ignore);
      },
      '/read': (request) => void request.resume(),
      '/peek': (request) => void request.on('readable', ignore),
      '/large': (_, response) => response.end(large),
      '/events': (_, response) => {
        response.writeHead(200, { 'Content-Type': 'text/event-stream; charset=utf-8' }).write('data: hi\n\n');
        streams.push(response);
      },
      '/no-events': (_, response) => {
        response.setHeader('Content-Type', 'Text/Event-Stream; charset=utf-8');
        streams.push(response);
      },
      '/lookalike': (_, response) => {
        response.writeHead(200, { 'X-Content-Type': 'text/event-stream' }).write('the beginning');
        pending.resolve(response);
      },
    };
    server = createServer((request, response) => routes[request.url ?? '']?.(request, response));
    const tunnel = (_: IncomingMessage, socket: Socket) => {
      socket.on('error', ignore).write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n\r\n');
      tunnels.push(socket);
    };
    server.on('upgrade', tunnel).on('connect', tunnel);
    site = await serve(server);
  });
  afterEach(closeAll);

  /** Stops the application, and verifies that it has ended well and left no connection. */
  async function stop(): Promise<void> {
    const report = await site.app.stop();
    expect(report.clean, String(report)).to.equal(true);
    expect(report.outcomes.map(({ status }) => status)).to.deep.equal(['cancelled']);
    const connections = await new Promise((resolve) => server.getConnections((_, count) => resolve(count)));
    expect(connections).to.equal(0);
  }

  /** Opens a connection in some state, and resolves with its client when the server has seen all of it. */
  type Open = () => Promise<RawClient>;
  const client = () => new RawClient(site.port);
  const open = async (...lines: string[]) => {
    const opened = client();
    await nextConnection(server);
    return lines.length > 0 ? opened.request(...lines) : opened;
  };

  const ended: Record<string, Open> = {
    'that has never been used': () => open(),

    'with half of a request line': async () => {
      const opened = client();
      const socket = await nextConnection(server);
      opened.send('GET /sl');
      await waitUntil(() => socket.bytesRead > 0);
      return opened;
    },

    'with half of a head': async () => {
      const opened = client();
      const socket = await nextConnection(server);
      opened.send('GET / HTTP/1.1\r\nHost: loc');
      await waitUntil(() => socket.bytesRead > 0);
      return opened;
    },

    'that is kept alive': async () => {
      const opened = await open('GET / HTTP/1.1');
      await opened.waitFor('hello');
      return opened;
    },

    'that has sent half of its second head': async () => {
      const opened = client();
      const socket = await nextConnection(server);
      await opened.request('GET / HTTP/1.1').waitFor('hello');
      const { bytesRead } = socket;
      opened.send('GET / HTTP');
      await waitUntil(() => socket.bytesRead > bytesRead);
      return opened;
    },
  };

  for (const [kind, openOne] of Object.entries(ended)) {
    it(`closes a connection ${kind} at once, while another request is pending`, async () => {
      await open('GET /slow HTTP/1.1');
      const response = await pending.promise;
      const opened = await openOne();
      const stopped = stop();
      await opened.closed;
      response.end('done');
      await stopped;
    });
  }

  const outlasting: Record<string, Open> = {
    'of server-sent events': async () => {
      const opened = await open('GET /events HTTP/1.1');
      await opened.waitFor('data: hi');
      return opened;
    },

    'that is upgraded': async () => {
      const opened = await open('GET / HTTP/1.1', 'Connection: Upgrade', 'Upgrade: example');
      await opened.waitFor('101 Switching');
      return opened;
    },

    'of CONNECT': async () => {
      const opened = await open('CONNECT example.org:443 HTTP/1.1');
      await opened.waitFor('101 Switching');
      return opened;
    },
  };

  for (const [kind, openOne] of Object.entries(outlasting)) {
    it(`serves a connection ${kind} until all other requests are answered`, async () => {
      const slow = await open('GET /slow HTTP/1.1');
      const response = await pending.promise;
      const opened = await openOne();
      const stopped = stop();
      // The server accepts no more.
      await client().closed;
      for (const writable of [...streams, ...tunnels]) writable.write('still here');
      await opened.waitFor('still here');
      response.end('done');
      await stopped;
      await opened.closed;
      expect(slow.received)
        .to.match(/^Connection: close\r$/m)
        .and.to.match(/done/);
    });
  }

  const unresponsive: Record<string, Open> = {
    'that does not send the rest of its body': async () => {
      const opened = await open('POST /upload HTTP/1.1', 'Content-Length: 100');
      opened.send('the beginning');
      await once(server, 'request');
      return opened;
    },

    'that does not send the rest of a body whose parts a listener receives': async () => {
      const opened = await open('POST /collect HTTP/1.1', 'Content-Length: 100');
      opened.send('the beginning');
      await once(server, 'request');
      return opened;
    },

    'that expects 100 Continue, and then sends no body': async () => {
      const opened = await open('POST /upload HTTP/1.1', 'Content-Length: 100', 'Expect: 100-continue');
      await opened.waitFor('100 Continue');
      return opened;
    },

    'that does not read its answer': async () => {
      const opened = await open('GET /large HTTP/1.1');
      await opened.waitFor('x');
      opened.socket.pause();
      return opened;
    },
  };

  for (const [kind, openOne] of Object.entries(unresponsive)) {
    it(`does not wait for a client ${kind}`, async () => {
      const opened = await openOne();
      await stop();
      opened.socket.resume();
      await opened.closed;
    });
  }

  it('does not wait for server-sent events whose head is not sent yet', async () => {
    const opened = await open('GET /no-events HTTP/1.1');
    await waitUntil(() => streams.length > 0);
    await stop();
    await opened.closed;
  });

  it('answers a request with Connection: close when its handler is done', async () => {
    const opened = await open('GET /slow HTTP/1.1');
    const response = await pending.promise;
    const stopped = stop();
    response.end('done');
    await stopped;
    expect(opened.received)
      .to.match(/^Connection: close\r$/m)
      .and.to.match(/done$/);
  });

  it('answers a request whose head was sent before, and then closes its connection', async () => {
    const opened = await open('GET /slow HTTP/1.1');
    const response = await pending.promise;
    response.write('the beginning');
    await opened.waitFor('the beginning');
    const stopped = stop();
    response.end(', and the end');
    await stopped;
    await opened.closed;
    expect(opened.received)
      .to.match(/^Connection: keep-alive\r$/m)
      .and.to.include(', and the end');
  });

  it('waits for an answer that its handler writes in parts', async () => {
    const opened = await open('GET /slow HTTP/1.1');
    const response = await pending.promise;
    const stopped = stop();
    for (const part of ['first', 'second', 'third']) {
      response.write(part);
      await opened.waitFor(part);
    }
    response.end('last');
    await stopped;
    expect(opened.received)
      .to.match(/^Connection: close\r$/m)
      .and.to.match(/last\r\n0\r\n\r\n$/);
  });

  it('answers a request that has arrived, but that it has not read yet', async () => {
    const opened = await open();
    opened.request('GET / HTTP/1.1');
    await new Promise((resolve) => opened.socket.write('', resolve));
    await stop();
    await opened.closed;
    expect(opened.received)
      .to.match(/^Connection: close\r$/m)
      .and.to.match(/hello$/);
  });

  it('answers a request on a connection that it has not accepted yet', async () => {
    const opened = client().request('GET / HTTP/1.1');
    await once(opened.socket, 'connect');
    await stop();
    await opened.closed;
    expect(opened.received).to.match(/hello$/);
  });

  it('answers all requests of a pipeline, and closes the connection with the last', async () => {
    const opened = await open('GET /slow HTTP/1.1');
    opened.request('GET / HTTP/1.1');
    const response = await pending.promise;
    const stopped = stop();
    // It arrives during the stop.
    opened.request('GET / HTTP/1.1');
    await once(server, 'request');
    response.end('first');
    await stopped;
    await opened.closed;
    expect(opened.received.match(/first|hello/g)).to.deep.equal(['first', 'hello', 'hello']);
    expect(opened.received.match(/Connection: .*/g)?.at(-1)).to.equal('Connection: close');
  });

  const earlier: Record<string, { lines: string[]; event: string }> = {
    'a request': { lines: ['GET / HTTP/1.1'], event: 'request' },
    'a request whose expectation is already met': {
      lines: ['POST / HTTP/1.1', 'Content-Length: 0', 'Expect: 100-continue'],
      event: 'checkContinue',
    },
  };

  for (const [kind, { lines, event }] of Object.entries(earlier)) {
    it(`keeps the connection of ${kind} if another one arrives during the stop, and closes it after that`, async () => {
      const responses: ServerResponse[] = [];
      server.removeAllListeners('request').on('request', (_, response: ServerResponse) => responses.push(response));
      server.on('checkContinue', () => undefined);
      const requested = once(server, event);
      const opened = await open(...lines);
      const [request, response] = (await requested) as [IncomingMessage, ServerResponse];
      if (event === 'checkContinue') response.writeContinue();
      const stopped = stop();
      await client().closed;
      if (event === 'checkContinue') server.emit('request', request, response);
      opened.request('GET / HTTP/1.1');
      await waitUntil(() => responses.length === 2);
      for (const response of responses) response.end('done');
      await stopped;
      await opened.closed;
      expect(opened.received.match(/Connection: .*/g)).to.deep.equal(['Connection: keep-alive', 'Connection: close']);
    });
  }

  it('receives the rest of a body that arrives in parts, and answers', async () => {
    const opened = await open('POST /upload HTTP/1.1', 'Content-Length: 10');
    await once(server, 'request');
    const stopped = stop();
    for (let part = 1; part < 10; part++) {
      opened.send('.');
      await sampled(1);
    }
    opened.send('.');
    await stopped;
    expect(opened.received).to.match(/\.{10}$/);
  });

  it('sends the rest of an answer to a client that reads it', async () => {
    const opened = await open('GET /large HTTP/1.1');
    await opened.waitFor('x');
    opened.socket.pause();
    const stopped = stop();
    opened.socket.resume();
    await stopped;
    await opened.closed;
    expect(opened.received.length).to.be.above(large.length);
  });

  it('sends an answer after a long silence to a client that reads it, although another connection closes', async () => {
    const opened = await open('GET /slow HTTP/1.1');
    const response = await pending.promise;
    pending = deferred();
    await open('GET /slow HTTP/1.1');
    const other = await pending.promise;
    const stopped = stop();
    await outlastStall(2);
    response.end(large);
    other.end('done');
    await stopped;
    await opened.closed;
    expect(opened.received.length).to.be.above(large.length);
  });

  it('receives a body that its handler begins to read after a long silence', async () => {
    const opened = await open('POST /slow HTTP/1.1', 'Content-Length: 100');
    const [request] = (await once(server, 'request')) as [IncomingMessage];
    const response = await pending.promise;
    pending = deferred();
    await open('GET /slow HTTP/1.1');
    const other = await pending.promise;
    const stopped = stop();
    await outlastStall(2);
    void text(request).then((body) => response.end(body));
    other.end('done');
    await once(other, 'close');
    opened.send('.'.repeat(100));
    await stopped;
    await opened.closed;
    expect(opened.received).to.match(/\.{100}$/);
  });

  const independent: Record<string, Open> = {
    'that does not read the body': () => open('POST /slow HTTP/1.1', 'Content-Length: 100'),
    'that has read all of the body': async () => (await open('POST /read HTTP/1.1', 'Content-Length: 4')).send('body'),
    'that has not read yet what has arrived': async () =>
      (await open('POST /peek HTTP/1.1', 'Content-Length: 100')).send('the beginning'),
    'of a request without a body': () => open('GET /peek HTTP/1.1'),
    'whose answer has a header that is only named like that of an event stream': () => open('GET /lookalike HTTP/1.1'),
  };

  for (const [kind, openOne] of Object.entries(independent)) {
    it(`waits for a handler ${kind}, however long it takes`, async () => {
      const requested = once(server, 'request');
      const opened = await openOne();
      const [, response] = (await requested) as [IncomingMessage, ServerResponse];
      const stopped = stop();
      await outlastStall();
      response.end('done');
      await stopped;
      expect(opened.received).to.match(/done(\r\n0\r\n\r\n)?$/);
    });
  }

  it('answers on a stream that other code has passed to the server, and ends it', async () => {
    const [near, far] = duplexPair();
    server.emit('connection', near);
    const received = text(far);
    far.write('GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n');
    const response = await pending.promise;
    const [idle, other] = duplexPair();
    server.emit('connection', idle);
    const stopped = stop();
    expect(await text(other)).to.equal('');
    response.end('done');
    expect(await received).to.match(/done$/);
    await stopped;
  });

  it('answers a request with an expectation that a listener handles', async () => {
    server.on('checkExpectation', (_, response: ServerResponse) => pending.resolve(response));
    const opened = await open('GET / HTTP/1.1', 'Expect: the-best');
    const response = await pending.promise;
    const stopped = stop();
    await client().closed;
    response.end('done');
    await stopped;
    expect(opened.received).to.match(/done$/);
  });

  it('does not wait for a request whose client is gone', async () => {
    const opened = await open('GET /slow HTTP/1.1');
    const response = await pending.promise;
    opened.socket.destroy();
    await once(response, 'close');
    await stop();
  });

  it('closes the connections of an agent that keeps them alive', async () => {
    const agent = new Agent({ keepAlive: true });
    const request = () =>
      new Promise<string>((resolve, reject) => {
        get(`${site.url}/slow`, { agent }, (response) => resolve(text(response))).on('error', reject);
      });
    const answer = request();
    const response = await pending.promise;
    const stopped = stop();
    response.end('done');
    expect(await answer).to.equal('done');
    await stopped;
    agent.destroy();
  });

  it('keeps nothing of an answered request while its connection is open', async () => {
    let answered: WeakRef<ServerResponse> | undefined;
    server.once('request', (_, response: ServerResponse) => (answered = new WeakRef(response)));
    const client = new RawClient(site.port).request('GET / HTTP/1.1');
    await client.waitFor('hello');
    await waitUntil(() => {
      globalThis.gc?.();
      return answered?.deref() === undefined;
    });
    expect(client.socket.destroyed).to.equal(false);
    await stop();
  });

  it('closes the connections of fetch', async () => {
    expect(await (await fetch(site.url)).text()).to.equal('hello');
    const answer = fetch(`${site.url}/slow`);
    const response = await pending.promise;
    const stopped = stop();
    response.end('done');
    expect(await (await answer).text()).to.equal('done');
    await stopped;
  });
});

function ignore(): void {
  // The connection is destroyed by the server, or by the spec.
}

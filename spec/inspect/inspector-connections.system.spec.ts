import { expect } from 'chai';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import type { Server } from 'node:http';
import { connect, type Socket } from 'node:net';
import { NEVER } from 'rxjs';
import { task } from '../../lib/index.js';
import { httpRequest, openResponse, serverSentEvents } from '../helpers/http.js';
import { inspectedApps } from '../helpers/inspected.js';
import { waitUntil } from '../helpers/wait.js';

/** Returns the server that answers a probe at a URL. */
async function serverAt(url: string): Promise<Server> {
  const servers: Server[] = [];
  const onRequest = (message: unknown) => servers.push((message as { server: Server }).server);
  subscribe('http.server.request.start', onRequest);
  await httpRequest(`${url}livez`);
  unsubscribe('http.server.request.start', onRequest);
  return servers[0] ?? expect.fail('No server');
}

describe('The connections of an inspector', () => {
  const inspected = inspectedApps();

  it('are at most 256, and those that send nothing or half of a request are closed soon', async () => {
    const { app, url } = await inspected([task('a', () => NEVER)]);
    const server = await serverAt(url);
    let open = 0;
    let most = 0;
    let dropped = 0;
    let closed = 0;
    server.on('connection', (socket: Socket) => {
      most = Math.max(most, ++open);
      socket.on('close', () => open--);
    });
    server.on('drop', () => dropped++);
    const begun = [
      '',
      'GET /sna',
      'GET /livez HTTP/1.1\r\nhost: local',
      'POST /livez HTTP/1.1\r\nhost: localhost\r\ncontent-length: 9\r\n\r\n{',
    ];
    for (let index = 0; index < 400; index++) {
      const socket = connect(Number(new URL(url).port), '127.0.0.1').on('error', () => undefined);
      socket.resume().on('close', () => closed++);
      socket.write(begun[index % begun.length] ?? '');
    }
    // Those beyond the limit are closed at once, and all others after the timeout.
    await waitUntil(() => closed === 400);
    expect(most).to.be.within(200, 256);
    expect(dropped).to.be.greaterThan(0);
    expect(app.ready).to.equal(true);
    expect((await httpRequest(`${url}livez`)).status).to.equal(200);
  });

  it('are not kept after the end of the events, which the stop of the application would wait for', async () => {
    const { app, url } = await inspected([task('a', () => NEVER)]);
    const socket = connect(Number(new URL(url).port), '127.0.0.1').setEncoding('utf8');
    let text = '';
    socket.on('data', (chunk: string) => (text += chunk)).write('GET /events HTTP/1.1\r\nhost: localhost\r\n\r\n');
    await waitUntil(() => text.includes('event: events'));
    const closed = once(socket, 'end');
    await Promise.all([app.stop(), closed]);
    expect(text)
      .to.match(/\r\nconnection: close\r\n/i)
      .and.include('event: end\n');
  });

  it('end when the client has read nothing of a response for 30 s', async () => {
    const { url } = await inspected([task('a', () => NEVER)]);
    const server = await serverAt(url);
    expect(server.timeout).to.equal(30_000);
    const socket = connect(Number(new URL(url).port), '127.0.0.1').on('error', () => undefined);
    const [served] = (await once(server, 'connection')) as [Socket];
    socket.write('GET / HTTP/1.1\r\nhost: localhost\r\n\r\n');
    await once(server, 'request');
    // As after that time.
    served.emit('timeout');
    await once(socket.resume(), 'close');
    expect(served.destroyed).to.equal(true);
  });

  it('may be 100 event streams at once, which all get the events', async () => {
    const { url } = await inspected([task('a', () => NEVER)]);
    const streams = await Promise.all(Array.from({ length: 100 }, () => openResponse(`${url}events`)));
    const seen = await Promise.all(
      streams.map(async (stream) => {
        for await (const { event, data } of serverSentEvents(stream))
          if (event === 'events') return (data as { task?: string }[]).some(({ task: name }) => name === 'a');
        return false;
      }),
    );
    expect(seen).to.deep.equal(Array.from({ length: 100 }, () => true));
    expect((await httpRequest(`${url}snapshot`)).status).to.equal(200);
  });
});

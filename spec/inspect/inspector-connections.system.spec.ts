import { expect } from 'chai';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { Server } from 'node:http';
import { connect, type Socket } from 'node:net';
import { NEVER } from 'rxjs';
import { task } from '../../lib/index.js';
import { httpRequest } from '../helpers/http.js';
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
});

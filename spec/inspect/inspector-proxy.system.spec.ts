import { expect } from 'chai';
import { createServer, request as forward, type Server } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { NEVER } from 'rxjs';
import { gunzipSync } from 'node:zlib';
import { task } from '../../lib/index.js';
import { httpRequest, openResponse } from '../helpers/http.js';
import { inspectedApps } from '../helpers/inspected.js';

const untilCancelled = (name: string) => task(name, () => NEVER);

describe('An inspector behind a proxy', () => {
  const inspected = inspectedApps();
  const servers: Server[] = [];
  afterEach(() => {
    for (const server of servers.splice(0)) server.close().closeAllConnections();
  });

  /** Starts a proxy for a path, which it takes off or not, in front of a URL. Returns the URL of that path. */
  const proxied = async (url: string, path: string, takesOff: boolean) => {
    const proxy = createServer((request, response) => {
      const target = takesOff ? (request.url ?? '').slice(path.length) || '/' : request.url;
      const { port, hostname } = new URL(url);
      const { method, headers } = request;
      request.pipe(
        forward({ port, hostname, method, headers, path: target }, (answer) => {
          response.writeHead(answer.statusCode ?? 502, answer.headers);
          answer.pipe(response);
        }),
      );
    }).listen(0, '127.0.0.1');
    servers.push(proxy);
    await once(proxy, 'listening');
    return `http://127.0.0.1:${(proxy.address() as AddressInfo).port}${path}`;
  };

  it('answers below its `basePath`, and at the root, because a proxy may take the path off', async () => {
    const { url } = await inspected([untilCancelled('a')], {}, { basePath: '/debug/tasks/' });
    expect(url).to.match(/^http:\/\/127\.0\.0\.1:\d+\/debug\/tasks\/$/);
    const { origin } = new URL(url);
    for (const path of ['/debug/tasks/', '/'])
      for (const name of ['snapshot', 'readyz', 'task?path=a'])
        expect((await httpRequest(`${origin}${path}${name}`)).status, path + name).to.equal(200);
    for (const path of ['/debug/tasks', '/debug/tasks/', '/'])
      expect((await httpRequest(`${origin}${path}`)).body, path).to.match(/^<!doctype html>/);
    for (const path of ['/debug/tasksnapshot', '/debug/', '/debug/tasks/debug/tasks/snapshot'])
      expect((await httpRequest(`${origin}${path}`)).status, path).to.equal(404);
  });

  it('refuses a `basePath` that is none', async () => {
    for (const basePath of ['debug', '//', '/a b', '/a?b', '/%41', '/a//b'])
      await inspected([], {}, { basePath }).then(
        () => expect.fail(basePath),
        (error: unknown) => expect(String(error)).to.match(/^RangeError: Expected `basePath` to be a path/),
      );
  });

  for (const takesOff of [true, false])
    it(`that ${takesOff ? 'takes off' : 'passes on'} the path serves the page, the state and the events`, async () => {
      const { url } = await inspected([untilCancelled('a')], {}, takesOff ? {} : { basePath: '/tasks' });
      const base = await proxied(url, '/tasks', takesOff);
      expect((await httpRequest(base)).body).to.match(/^<!doctype html>/);
      expect((await httpRequest(`${base}/snapshot`)).status).to.equal(200);
      const stream = await openResponse(`${base}/events`);
      const [chunk] = (await once(stream.setEncoding('utf8'), 'data')) as [string];
      expect(chunk).to.match(/^retry: /);
      stream.destroy();
    });

  describe('compresses', () => {
    const gzip = { 'accept-encoding': 'br;q=1.0, GZIP;q=0.8, *;q=0.1' };
    /** Returns the headers and the decoded body of a response. */
    const received = async (url: string, headers: Record<string, string>, method = 'GET') => {
      const response = await openResponse(url, headers, method);
      const chunks: Buffer[] = [];
      for await (const chunk of response) chunks.push(chunk as Buffer);
      const body = Buffer.concat(chunks);
      const encoding = response.headers['content-encoding'];
      return {
        headers: response.headers,
        encoding,
        body,
        text: String(encoding && method !== 'HEAD' ? gunzipSync(body) : body),
      };
    };

    it('the page and the state if the client accepts gzip', async () => {
      const { url } = await inspected(Array.from({ length: 50 }, (_, index) => untilCancelled(`task ${index}`)));
      for (const path of ['', 'snapshot']) {
        for (const accepted of ['gzip', 'deflate, gzip', 'gzip; q=0.001, br'])
          expect((await received(`${url}${path}`, { 'accept-encoding': accepted })).encoding).to.equal('gzip');
        const { encoding, body, text, headers } = await received(`${url}${path}`, gzip);
        expect([encoding, headers.vary, Number(headers['content-length'])], path).to.deep.equal([
          'gzip',
          'accept-encoding',
          body.length,
        ]);
        const plain = await received(`${url}${path}`, {});
        expect([plain.encoding, plain.headers.vary], path).to.deep.equal([undefined, 'accept-encoding']);
        expect(body.length, path).to.be.lessThan(plain.body.length / 2);
        if (path === '') expect(text === plain.text).to.equal(true);
        else expect(text).to.match(/^\{"boot":/);
        const head = await received(`${url}${path}`, gzip, 'HEAD');
        expect([head.encoding, head.body.length], path).to.deep.equal(['gzip', 0]);
      }
    });

    it('nothing for other clients, no short answer, and no events', async () => {
      const { url } = await inspected([untilCancelled('a')]);
      for (const accepted of ['identity', 'br', 'gzip;q=0', 'gzip; q=0.0', 'x-gzip', 'gzipped', '*;q=0'])
        expect((await received(url, { 'accept-encoding': accepted })).encoding, accepted).to.equal(undefined);
      expect((await received(`${url}livez`, gzip)).encoding).to.equal(undefined);
      const stream = await openResponse(`${url}events`, gzip);
      expect(stream.headers['content-encoding']).to.equal(undefined);
      stream.destroy();
    });
  });
});

import { createHash } from 'node:crypto';
import { expect } from 'chai';
import { httpRequest } from '../helpers/http.js';
import { inspectedApps } from '../helpers/inspected.js';

describe('The access to an inspector', () => {
  const inspected = inspectedApps();

  it('is refused for a Host header that does not name the server', async () => {
    const { url } = await inspected([], {}, { hosts: ['Tasks.internal'] });
    const { port } = new URL(url);
    for (const path of ['', 'events', 'snapshot', 'nothing'])
      for (const host of [
        'evil.example',
        `evil.example:${port}`,
        '10.0.0.1',
        'localhost.evil.example',
        'evillocalhost',
        `evillocalhost:${port}`,
        '127.0.0.1.evil.example',
        'tasks.internal.evil.example',
      ])
        expect((await httpRequest(`${url}${path}`, { host })).status, `${path} ${host}`).to.equal(403);
    const ownHosts = [
      'localhost',
      `localhost:${port}`,
      '127.0.0.1',
      '[::1]:80',
      'app.localhost',
      'a.b.localhost:1',
      'tasks.internal:1',
    ];
    for (const host of ownHosts) expect((await httpRequest(`${url}snapshot`, { host })).status, host).to.equal(200);
  });

  it('names the option `hosts` when it is refused for another name, which is printed in part only', async () => {
    const { url } = await inspected([]);
    const { body } = await httpRequest(`${url}snapshot`, { host: 'tasks.internal:80' });
    expect(JSON.parse(body)).to.deep.equal({
      error: 'The Host header names tasks.internal, not this server: if both are the same, add it to the option hosts',
    });
    expect((await httpRequest(`${url}snapshot`, { host: 'x'.repeat(5000) })).body.length).to.be.lessThan(300);
    expect((await httpRequest(`${url}snapshot`, { host: ':80' })).body).to.include('The Host header names nothing');
  });

  it('works at an address of IPv6', async () => {
    const { url } = await inspected([], {}, { host: '::1' });
    expect(url).to.match(/^http:\/\/\[::1\]:\d+\/$/);
    const { origin, host } = new URL(url);
    expect((await httpRequest(`${url}snapshot`, { host, origin })).status).to.equal(200);
    expect((await httpRequest(`${url}snapshot`, { host: 'evil.example' })).status).to.equal(403);
  });

  it('is refused to a browser that sends the request for another site, but for the page and the probes', async () => {
    const { url } = await inspected([]);
    const statusOf = async (path: string, site: string) =>
      (await httpRequest(`${url}${path}`, { 'sec-fetch-site': site })).status;
    for (const site of ['cross-site', 'same-site', 'anything']) {
      for (const path of ['snapshot', 'events', 'task?path=inspector', 'fleet', 'nothing'])
        expect(await statusOf(path, site), `${path} ${site}`).to.equal(403);
      // A link on another site may lead to the page.
      for (const path of ['', 'livez', 'readyz']) expect(await statusOf(path, site), `${path} ${site}`).to.equal(200);
    }
    for (const site of ['same-origin', 'none']) expect(await statusOf('snapshot', site), site).to.equal(200);
  });

  it('needs the token in a header beyond loopback, apart from the page, which is the same everywhere', async () => {
    const token = 'correct horse battery';
    const { url } = await inspected([], {}, { host: '0.0.0.0', token });
    expect(url).to.match(/^http:\/\/localhost:\d+\/$/);
    const local = url.replace('localhost', '127.0.0.1');
    const statusOf = async (path: string, headers: Record<string, string> = {}) =>
      (await httpRequest(`${local}${path}`, headers)).status;
    for (const path of ['snapshot', 'events', 'fleet', 'nothing']) {
      expect(await statusOf(path), path).to.equal(401);
      expect(await statusOf(`${path}?token=${encodeURIComponent(token)}`), path).to.equal(401);
    }
    expect((await httpRequest(`${local}snapshot`)).headers['www-authenticate']).to.equal('Bearer');
    expect(await statusOf('snapshot', { authorization: 'Bearer wrong horse battery' })).to.equal(401);
    expect(await statusOf('snapshot', { authorization: `Bearer ${token}` })).to.equal(200);
    expect(await statusOf('snapshot', { authorization: `bearer ${token}`, host: '10.0.0.7' })).to.equal(200);
    const page = await httpRequest(local);
    expect([page.status, page.body.includes(token)]).to.deep.equal([200, false]);
  });

  it('is never by a cookie, which a browser sends to every port of the host, and there is none to steal', async () => {
    const token = 'correct horse battery';
    const { url } = await inspected([], {}, { token });
    const page = await httpRequest(`${url}?token=${encodeURIComponent(token)}`);
    expect([page.status, page.headers['set-cookie'], page.headers.location]).to.deep.equal([200, undefined, undefined]);
    for (const value of [token, encodeURIComponent(token), `Bearer ${token}`])
      for (const name of ['token', 'authorization', `rxjs-tasks-${new URL(url).port}`])
        expect((await httpRequest(`${url}snapshot`, { cookie: `${name}=${value}` })).status).to.equal(401);
  });

  it('is refused to the pages of other origins, unless they only probe', async () => {
    const { url } = await inspected([], {}, { hosts: ['tasks.internal'] });
    const { origin, port } = new URL(url);
    const statusOf = async (headers: Record<string, string>, path = 'snapshot') =>
      (await httpRequest(`${url}${path}`, headers)).status;
    for (const other of [
      'null',
      '',
      'http://evil.example',
      `https://127.0.0.1:${port}`,
      'http://127.0.0.1',
      `http://localhost:${port}`,
      `http://127.0.0.1:${Number(port) - 1}`,
      `${origin}/`,
    ])
      for (const path of ['', 'snapshot', 'events', 'nothing'])
        expect(await statusOf({ origin: other }, path), `${other} ${path}`).to.equal(403);
    expect(await statusOf({ origin: 'http://evil.example' }, 'livez')).to.equal(200);
    expect(await statusOf({ origin })).to.equal(200);
    expect(await statusOf({ origin: `http://localhost:${port}`, host: `LOCALHOST:${port}` })).to.equal(200);
    expect(await statusOf({ origin: 'http://localhost', host: 'localhost:80' })).to.equal(200);
    // A proxy in front of the server may serve its name by https.
    for (const scheme of ['http', 'https'])
      expect(await statusOf({ origin: `${scheme}://tasks.internal`, host: 'tasks.internal' }), scheme).to.equal(200);
    expect(await statusOf({ origin: 'https://tasks.internal:8443', host: 'tasks.internal' })).to.equal(403);
  });

  it('works for a full URL as the target of a request, as a proxy may send it', async () => {
    const { url } = await inspected([]);
    expect((await httpRequest(url, {}, 'GET', `${url}livez?x`)).status).to.equal(200);
    expect((await httpRequest(url, {}, 'GET', url.slice(0, -1))).body).to.match(/^<!doctype html>/);
    for (const path of ['//', '/%', '/.', '*', '/http://localhost'])
      expect((await httpRequest(url, {}, 'GET', path)).status, path).to.equal(404);
  });

  it('is refused with the reason', async () => {
    const token = 'correct horse battery';
    const { url } = await inspected([], {}, { token });
    const paths = 'Expected /, /events, /snapshot, /task, /fleet';
    const errorOf = async (path: string, headers: Record<string, string> = {}, method = 'GET', at = url) => {
      const { status, body } = await httpRequest(`${at}${path}`, headers, method);
      return [status, (JSON.parse(body) as { error: string }).error];
    };
    const authorization = `Bearer ${token}`;
    expect(await errorOf('snapshot', { origin: 'null' })).to.deep.equal([403, 'The Origin header names another site']);
    expect(await errorOf('snapshot', { 'sec-fetch-site': 'cross-site' })).to.deep.equal([
      403,
      'The Sec-Fetch-Site header names another site',
    ]);
    expect(await errorOf('snapshot')).to.deep.equal([
      401,
      'Expected the token in an Authorization header with Bearer …',
    ]);
    expect(await errorOf('task', { authorization })).to.deep.equal([
      400,
      'Expected the path of a task, as in /task?path=app/report',
    ]);
    expect(await errorOf('nothing', { authorization })).to.deep.equal([404, `${paths}, /livez or /readyz`]);
    expect(await errorOf('snapshot', {}, 'POST')).to.deep.equal([
      405,
      'The inspector is read-only: expected GET or HEAD',
    ]);
    const { url: other } = await inspected([], {}, { token, actions: true });
    expect(await errorOf('nothing', { authorization }, 'GET', other)).to.deep.equal([
      404,
      `${paths}, /actions, /livez or /readyz`,
    ]);
    expect(await errorOf('snapshot', {}, 'POST', other)).to.deep.equal([405, 'Expected GET or HEAD']);
    expect(await errorOf('actions', {}, 'GET', other)).to.deep.equal([405, 'Expected POST']);
  });

  it('is read-only', async () => {
    const { url } = await inspected([]);
    for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS']) {
      const { status, headers } = await httpRequest(`${url}snapshot`, {}, method);
      expect([status, headers.allow], method).to.deep.equal([405, 'GET, HEAD']);
    }
    for (const path of ['', 'snapshot', 'readyz', 'events']) {
      const { status, body } = await httpRequest(`${url}${path}`, {}, 'HEAD');
      expect([status, body], path).to.deep.equal([200, '']);
    }
    expect((await httpRequest(`${url}nothing`)).status).to.equal(404);
  });

  it('lets the page run only its own script, and no other site read it', async () => {
    const { url } = await inspected([]);
    const { headers, body } = await httpRequest(url);
    const policy = String(headers['content-security-policy']);
    const hashOf = (tag: string) => {
      const [, text = ''] = new RegExp(`<${tag}>(.*)</${tag}>`, 's').exec(body) ?? [];
      return createHash('sha256').update(text).digest('base64');
    };
    expect(policy.split('; ')).to.have.members([
      "default-src 'none'",
      `script-src 'sha256-${hashOf('script')}'`,
      `style-src 'sha256-${hashOf('style')}'`,
      "connect-src 'self'",
      'img-src data:',
      "base-uri 'none'",
      "form-action 'none'",
      "frame-ancestors 'none'",
    ]);
    for (const path of ['', 'snapshot', 'livez', 'nothing'])
      expect((await httpRequest(`${url}${path}`)).headers, path).to.include({
        'content-security-policy': policy,
        'cross-origin-resource-policy': 'same-origin',
        'referrer-policy': 'no-referrer',
        'x-content-type-options': 'nosniff',
        'cache-control': 'no-store',
      });
    expect(headers['access-control-allow-origin']).to.equal(undefined);
    expect(headers['content-type']).to.equal('text/html; charset=utf-8');
    expect(body).to.match(/^<!doctype html>/);
    expect(body).not.to.match(/(src|href)="?(https?:)?\/\//);
  });
});

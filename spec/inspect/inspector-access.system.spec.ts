import { expect } from 'chai';
import { httpRequest } from '../helpers/http.js';
import { inspectedApps } from '../helpers/inspected.js';

describe('The access to an inspector', () => {
  const inspected = inspectedApps();

  it('is refused for a Host header that does not name the server', async () => {
    const { url } = await inspected([], {}, { hosts: ['Tasks.internal'] });
    const { port } = new URL(url);
    for (const path of ['', 'events', 'snapshot', 'nothing'])
      for (const host of ['evil.example', `evil.example:${port}`, '10.0.0.1', 'localhost.evil.example'])
        expect((await httpRequest(`${url}${path}`, { host })).status, `${path} ${host}`).to.equal(403);
    const ownHosts = ['localhost', `localhost:${port}`, '127.0.0.1', '[::1]:80', 'app.localhost', 'tasks.internal:1'];
    for (const host of ownHosts) expect((await httpRequest(`${url}snapshot`, { host })).status, host).to.equal(200);
  });

  it('needs the token beyond loopback, which a browser sends once in its address', async () => {
    const token = 'correct horse battery';
    const { url } = await inspected([], {}, { host: '0.0.0.0', token });
    const local = url.replace('0.0.0.0', '127.0.0.1');
    const snapshot = async (headers: Record<string, string>) => (await httpRequest(`${local}snapshot`, headers)).status;
    expect((await httpRequest(local)).status).to.equal(401);
    expect(await snapshot({ authorization: 'Bearer wrong horse battery' })).to.equal(401);
    expect(await snapshot({ authorization: `Bearer ${token}` })).to.equal(200);
    expect(await snapshot({ authorization: `bearer ${token}`, host: '10.0.0.7' })).to.equal(200);
    expect((await httpRequest(`${local}?token=wrong`)).status).to.equal(401);
    const first = await httpRequest(`${local}?token=${encodeURIComponent(token)}`);
    // A relative location is valid below a path of a proxy, too.
    expect([first.status, first.headers.location]).to.deep.equal([303, './']);
    const [cookie = ''] = first.headers['set-cookie'] ?? [];
    expect(cookie).to.match(/; HttpOnly; SameSite=Lax; Path=\/$/);
    const [pair = ''] = cookie.split(';');
    expect((await httpRequest(local, { cookie: `a=b; ${pair}` })).status).to.equal(200);
    expect((await httpRequest(local, { cookie: `${pair}x` })).status).to.equal(401);
    expect((await httpRequest(local, { cookie: `${pair}%` })).status).to.equal(401);
    for (const elsewhere of ['//evil.example', '/\\evil.example', '/snapshot']) {
      const path = `${elsewhere}?token=${encodeURIComponent(token)}`;
      expect((await httpRequest(local, {}, 'GET', path)).status, elsewhere).to.equal(401);
    }
  });

  it('works for a full URL as the target of a request, as a proxy may send it', async () => {
    const { url } = await inspected([]);
    expect((await httpRequest(url, {}, 'GET', `${url}livez?x`)).status).to.equal(200);
    expect((await httpRequest(url, {}, 'GET', url.slice(0, -1))).body).to.match(/^<!doctype html>/);
    for (const path of ['//', '/%', '/.', '*'])
      expect((await httpRequest(url, {}, 'GET', path)).status, path).to.equal(404);
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
    expect(policy).to.match(
      /^default-src 'none'; script-src 'sha256-[^']+'; style-src 'sha256-[^']+'; connect-src 'self'; /,
    );
    expect(policy).to.match(/frame-ancestors 'none'$/);
    expect(headers['access-control-allow-origin']).to.equal(undefined);
    expect(body).to.match(/^<!doctype html>/);
    expect(body).not.to.match(/(src|href)="?(https?:)?\/\//);
  });
});

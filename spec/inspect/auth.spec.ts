import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { expect } from 'chai';
import { createAuth, isLoopback } from '../../lib/inspect/server/auth.js';

const withHeaders = (headers: IncomingHttpHeaders) => ({ headers }) as IncomingMessage;

describe('The access checks of an inspector', () => {
  const isOwnHost = (host: string | undefined, own = '127.0.0.1', hosts: string[] = []) =>
    createAuth(own, hosts, undefined).isOwnHost(withHeaders({ host }));

  it('accept a Host header with any name of loopback, with or without a port', () => {
    for (const host of [
      'localhost',
      'LocalHost:80',
      'app.localhost',
      '127.0.0.1:',
      '127.9.9.9:65535',
      '[::1]',
      '[::1]:8',
    ])
      expect(isOwnHost(host), host).to.equal(true);
  });

  it('refuse a Host header that only resembles a name of loopback', () => {
    for (const host of [
      ...[undefined, '', ':80', '[]', 'localhos', 'notlocalhost', 'localhost.evil.example', 'evil.example:127'],
      ...['127.evil.example', '128.0.0.1', '10.127.0.1', '1.127.', '::2', '[::2]', '[::1', '::1]', '12[7.0.0.1]'],
      ...['[127.0.0.]1', 'localhost:80:80', 'localhost:x', 'localhost:8x', 'localhost:80x'],
    ])
      expect(isOwnHost(host), host).to.equal(false);
  });

  it('compare the name of the server, and its other names, without regard to case', () => {
    for (const host of ['tasks.internal', 'TASKS.internal:80', 'Proxy.example'])
      expect(isOwnHost(host, 'Tasks.Internal', ['PROXY.example']), host).to.equal(true);
  });

  it('accept any address if the server listens beyond loopback, but no foreign name', () => {
    for (const host of ['10.0.0.7', '10.0.0.7:80', '[fe80::1]:80', 'localhost'])
      expect(isOwnHost(host, '0.0.0.0'), host).to.equal(true);
    for (const host of ['evil.example', '10.0.0.7.evil.example', '10.0.0'])
      expect(isOwnHost(host, '0.0.0.0'), host).to.equal(false);
    for (const own of ['127.0.0.1', 'localhost', '::1', '127.1.2.3'])
      expect(isOwnHost('10.0.0.7', own), own).to.equal(false);
  });

  it('compare the Origin header with the Host header, even one that is no part of a URL', () => {
    const { isOwnOrigin } = createAuth('127.0.0.1', ['Tasks.internal'], undefined);
    const accepts = (origin: string | undefined, host?: string) => isOwnOrigin(withHeaders({ origin, host }));
    expect(accepts(undefined, 'a b.localhost')).to.equal(true);
    expect(accepts('http://a b.localhost', 'a b.localhost')).to.equal(false);
    expect(accepts('null', undefined)).to.equal(false);
    expect(accepts('http://', '')).to.equal(false);
    expect(accepts('http://localhost', 'LOCALHOST:80')).to.equal(true);
    expect(accepts('https://localhost', 'localhost')).to.equal(false);
    expect(accepts('https://tasks.internal', 'TASKS.internal:443')).to.equal(true);
  });

  it('accept the token as it is, and nothing around it', () => {
    const { isAllowed } = createAuth('127.0.0.1', [], 'a secret');
    const accepts = (authorization: string | undefined) => isAllowed(withHeaders({ authorization }));
    for (const given of ['Bearer a secret', 'bearer a secret']) expect(accepts(given), given).to.equal(true);
    for (const given of [
      ...[undefined, '', 'Bearer', 'Bearer ', 'Bearer a', 'Bearer a secret ', 'Bearer  a secret', 'a secret'],
      ...['xBearer a secret', 'Basic a secret', 'Bearer A secret'],
    ])
      expect(accepts(given), given).to.equal(false);
    expect(createAuth('127.0.0.1', [], undefined).isAllowed(withHeaders({}))).to.equal(true);
  });

  it('count as loopback what no other machine can reach', () => {
    for (const host of ['localhost', '::1', '127.0.0.1', '127.255.255.254'])
      expect(isLoopback(host), host).to.equal(true);
    for (const host of ['0.0.0.0', '::', '127.example', '12.7.0.1', '192.168.127.1', 'localhost.example'])
      expect(isLoopback(host), host).to.equal(false);
  });
});

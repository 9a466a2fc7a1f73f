import { expect } from 'chai';
import { createServer } from 'node:http';
import { createSecureServer } from 'node:http2';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo, Server } from 'node:net';
import sinon from 'sinon';
import { urlOf } from '../../lib/util/url-of.js';

describe('The URL of a server', () => {
  /** Returns the URL of a server that would listen at an address. */
  const urlAt = (address: string | AddressInfo | null, server: Server = createServer()) => {
    sinon.stub(server, 'address').returns(address);
    return urlOf(server);
  };
  const at = (address: string): AddressInfo => ({ address, port: 80, family: address.includes(':') ? 'IPv6' : 'IPv4' });

  it('has an address of IPv6 in brackets, and `localhost` for all addresses', () => {
    const urls = ['127.0.0.1', '::1', '2001:db8::7', '::ffff:10.0.0.1', '0.0.0.0', '::'].map((host) => urlAt(at(host)));
    expect(urls).to.deep.equal([
      'http://127.0.0.1:80',
      'http://[::1]:80',
      'http://[2001:db8::7]:80',
      'http://[::ffff:10.0.0.1]:80',
      'http://localhost:80',
      'http://localhost:80',
    ]);
    for (const url of urls) expect(URL.canParse(url), url).to.equal(true);
  });

  it('is of https if the server has TLS', () => {
    for (const server of [createHttpsServer(), createSecureServer()])
      expect(urlAt(at('::1'), server)).to.equal('https://[::1]:80');
  });

  it('is the path of a Unix socket, and empty for a server that does not listen', () => {
    expect(urlAt('/run/app.sock')).to.equal('/run/app.sock');
    expect(urlAt(null)).to.equal('');
  });
});

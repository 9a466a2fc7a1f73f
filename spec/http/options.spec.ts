import { expect } from 'chai';
import { createServer } from 'node:http';
import { createServer as createTcpServer } from 'node:net';
import { httpServer } from '../../lib/http/index.js';
import { toListenOptions } from '../../lib/http/listen-options.js';

const server = createServer();
type Loose = (server: unknown, listenOptions?: unknown, options?: unknown) => unknown;
const loose = httpServer as Loose;
const expected = 'a server of node:http, node:https or node:http2';

describe('httpServer', () => {
  it('refuses something else than a server', () => {
    expect(() => loose(undefined, 0)).to.throw(TypeError, `Expected \`server\` to be ${expected}, got undefined`);
    expect(() => loose({}, 0)).to.throw(TypeError, `Expected \`server\` to be ${expected}, got \`{}\` (object)`);
    expect(() => loose(createTcpServer(), 0)).to.throw(TypeError, `Expected \`server\` to be ${expected}, got `);
    expect(() => loose({ closeIdleConnections: () => 1 }, 0)).to.throw(TypeError, 'Expected `server` to be');
  });

  it('shows the order of its parameters if the first is a port', () => {
    expect(() => loose(8080, server)).to.throw(
      TypeError,
      `Expected \`server\` to be ${expected}, got \`8080\` (number). Write httpServer(server, port)`,
    );
    expect(() => loose('8080', server)).to.throw(TypeError, /\(string\)$/);
  });

  it('refuses a request listener, such as an application of Express, and says how to pass it', () => {
    const listener = (_: unknown, response: unknown) => response;
    const expressLike = Object.assign((_: unknown, response: unknown, next: unknown) => [response, next], { listener });
    for (const app of [listener, expressLike])
      expect(() => loose(app, 0)).to.throw(
        TypeError,
        `Expected \`server\` to be ${expected}, or a function of \`ctx\` that returns one, ` +
          `got a function of ${app.length} parameters. Write httpServer(createServer(app), port)`,
      );
  });

  it('refuses listenOptions without a port, a path or a file descriptor', () => {
    for (const listenOptions of [undefined, null, '', true, {}, { host: 'localhost' }, { port: undefined }])
      expect(() => loose(server, listenOptions)).to.throw(
        TypeError,
        'Expected `listenOptions` to be a port, a path, or an object with a `port`, `path` or `fd`, got ',
      );
  });

  it('refuses a port that is out of range, and unknown listenOptions', () => {
    for (const listenOptions of [-1, 65_536, 1.5, '65536', { port: -1 }])
      expect(() => loose(server, listenOptions)).to.throw(RangeError, 'Expected `port` to be a whole number from 0 to');
    expect(() => loose(server, { port: '80' })).to.throw(TypeError, 'Expected `port` to be a whole number');
    expect(() => loose(server, { path: 1 })).to.throw(TypeError, 'Expected `path` to be a string, got `1` (number)');
    expect(() => loose(server, { port: 0, host: 1 })).to.throw(TypeError, 'Expected `host` to be a string, got `1`');
    expect(() => loose(server, { fd: '3' })).to.throw(TypeError, 'Expected `fd` to be a whole number from 0 and up');
    expect(() => loose(server, { fd: -1 })).to.throw(RangeError, 'Expected `fd` to be a whole number from 0 and up');
    expect(() => loose(server, { prt: 80 })).to.throw(
      TypeError,
      'Expected a member of `listenOptions`, got `prt`; did you mean `port`?',
    );
  });

  it('reads each of the listenOptions once, also an inherited one', () => {
    let reads = 0;
    const options = Object.create({
      get port() {
        reads++;
        return 0;
      },
    }) as { port: number };
    expect(toListenOptions(options)).to.deep.equal({ port: 0 });
    expect(reads).to.equal(1);
  });

  it('refuses unknown options, and values of a wrong type', () => {
    expect(() => loose(server, 0, { grase: 1 })).to.throw(TypeError, 'did you mean `grace`?');
    expect(() => loose(server, 0, { grace: '1' })).to.throw(TypeError, 'Expected `grace` to be a number of ms');
    expect(() => loose(server, 0, { grace: -1 })).to.throw(RangeError, 'Expected `grace` to be a number of ms');
    expect(() => loose(server, 0, { name: 1 })).to.throw(TypeError, 'Expected `name` to be a string');
  });

  it('is called http, or by its name', () => {
    expect(String(httpServer(server, 0))).to.equal('http');
    expect(String(httpServer(server, 0, { name: 'api' }))).to.equal('api');
  });

  it('accepts a file descriptor, and a path that begins like a port', () => {
    for (const listenOptions of [{ fd: 3 }, '8080.sock', 'sock.8080', { path: '8080' }])
      expect(String(httpServer(server, listenOptions))).to.equal('http');
  });

  it('reads its options when it is made', () => {
    const listenOptions = { port: 0 };
    const task = httpServer(server, listenOptions);
    listenOptions.port = -1;
    expect(String(task)).to.equal('http');
  });
});

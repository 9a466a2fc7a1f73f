import { expect } from 'chai';
import { createServer } from 'node:http';
import { createServer as createTcpServer } from 'node:net';
import { httpServer } from 'rxjs-tasks/http';

const server = createServer();
type Loose = (server: unknown, listenOptions?: unknown, options?: unknown) => unknown;
const loose = httpServer as Loose;
const expected = 'a server of node:http, node:https or node:http2';

describe('httpServer', () => {
  it('refuses something else than a server', () => {
    expect(() => loose(undefined, 0)).to.throw(TypeError, `Expected \`server\` to be ${expected}, got undefined`);
    expect(() => loose({}, 0)).to.throw(TypeError, `Expected \`server\` to be ${expected}, got \`{}\` (object)`);
    expect(() => loose(createTcpServer(), 0)).to.throw(TypeError, `Expected \`server\` to be ${expected}, got `);
  });

  it('refuses a request listener, such as an application of Express', () => {
    expect(() => loose((_: unknown, response: unknown) => response, 0)).to.throw(
      TypeError,
      `Expected \`server\` to be ${expected}, or a function of \`ctx\` that returns one, got `,
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
    expect(() => loose(server, { prt: 80 })).to.throw(TypeError, 'did you mean `port`?');
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

  it('reads its options when it is made', () => {
    const listenOptions = { port: 0 };
    const task = httpServer(server, listenOptions);
    listenOptions.port = -1;
    expect(String(task)).to.equal('http');
  });
});

import { expect } from 'chai';
import { firstValueFrom, toArray } from 'rxjs';
import { inspector, type InspectorOptions } from '../../lib/inspect/index.js';
import { readInspectorOptions } from '../../lib/inspect/server/inspector-options.js';

describe('inspector', () => {
  it('fails outside an application and explains why', async () => {
    const runner = inspector({ port: 0 });
    const error = await firstValueFrom(runner.start().pipe(toArray())).catch((reason: unknown) => reason);
    expect(String(error)).to.equal(
      'TaskError: inspector failed in initialize: ' +
        'inspector is not part of an application: pass it to orchestrate, launch or runMain',
    );
  });

  it('is for this machine alone, shows no data and controls nothing by default', () => {
    expect(readInspectorOptions({ port: 0 })).to.deep.equal({
      port: 0,
      host: '127.0.0.1',
      token: undefined,
      hosts: [],
      basePath: '',
      history: 10_000,
      fleet: undefined,
      showData: false,
      optional: true,
      actions: false,
    });
  });

  it('refuses invalid options', () => {
    const given = (options: unknown) => () => inspector(options as InspectorOptions);
    expect(given({ port: 65_536 })).to.throw(RangeError, 'Expected `port` to be a whole number from 0 to 65535');
    expect(given({ port: '80' })).to.throw(TypeError, 'Expected `port`');
    expect(given({})).to.throw(TypeError, 'Expected `port`');
    expect(given({ port: 0, host: '0.0.0.0' })).to.throw(
      TypeError,
      'Expected `token` to be a string, because 0.0.0.0 is not loopback, got undefined',
    );
    expect(given({ port: 0, token: 'short' })).to.throw(
      RangeError,
      "Expected `token` to be at least 16 characters long, got `'…'` (string)",
    );
    expect(given({ port: 0, token: 'short' })).not.to.throw('short');
    for (const token of ['pässword pässword', 'a token, a token\n', ' a token, a token', 'a token, a token ']) {
      expect(given({ port: 0, token }), token).to.throw(
        RangeError,
        "Expected `token` to be made of printable characters of ASCII, got `'…'` (string)",
      );
    }
    expect(given({ port: 0, token: 'a token, a token' })).not.to.throw();
    expect(given({ port: 0, actions: true })).to.throw(
      TypeError,
      'Expected `token` to be a string, because there are `actions`, got undefined',
    );
    expect(given({ port: 0, actions: 'yes', token: 'a token, a token' })).to.throw(TypeError, 'Expected `actions`');
    expect(given({ port: 0, actions: true, token: 'short' })).to.throw(RangeError, 'Expected `token`');
    expect(given({ port: 0, showData: 'no' })).to.throw(TypeError, 'Expected `showData` to be a boolean');
    expect(given({ port: 0, history: 0 })).to.throw(RangeError, 'Expected `history`');
    expect(given({ port: 0, optional: 'yes' })).to.throw(TypeError, 'Expected `optional` to be a boolean');
    for (const name of ['host', 'token', 'basePath'])
      expect(given({ port: 0, [name]: 5 }), name).to.throw(TypeError, `Expected \`${name}\` to be a string`);
    expect(given({ port: 0, hosts: [5] })).to.throw(TypeError, 'Expected `hosts` to be a string, got `5` (number)');
    expect(given({ port: 0, hosts: 'x' })).to.throw(TypeError, 'Expected `hosts` to be an array');
    for (const name of ['', 'ops.example.com:8080', 'https://ops.example.com', '[::1]', 'a b'])
      expect(given({ port: 0, hosts: [name] }), name).to.throw(
        RangeError,
        'Expected `hosts` to be made of names without a port such as `ops.example.com`',
      );
    expect(given({ port: 0, hosts: ['ops.example.com', 'db_1', '::1', '10.0.0.1'] })).not.to.throw();
    expect(given({ port: 0, host: '' })).to.throw(RangeError, 'Expected `host` to be an address');
    for (const basePath of ['tasks', '//tasks', '/a b', '/..', '/a/./b'])
      expect(given({ port: 0, basePath }), basePath).to.throw(RangeError, 'Expected `basePath` to be a path of');
    expect(given({ port: 0, basePath: '/a/.b/c..d/' })).not.to.throw();
    expect(given({ port: 0, fleet: {} })).to.throw(
      TypeError,
      'Expected `fleet` to be a fleet, as connectFleet yields it, got `{}` (object)',
    );
    expect(given({ port: 0, fleet: null })).to.throw(TypeError, 'Expected `fleet`');
    expect(given({ port: 0, fleet: Promise.resolve() })).to.throw(TypeError, 'Expected `fleet`');
    expect(given({ port: 0, hots: [] })).to.throw(TypeError, 'Expected an option of `inspector`, got `hots`');
  });
});

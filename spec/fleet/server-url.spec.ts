import { expect } from 'chai';
import fc from 'fast-check';
import { addressOfUrl, parseServerUrl } from '../../lib/fleet/server-url.js';

describe('the URL of a server', () => {
  it('is refused, or its address has no part of the password, whatever is not percent-encoded in it', () => {
    const messages = new Set<string>();
    let accepted = 0;
    const password = fc.string({
      unit: fc.constantFrom(...Array.from('ab1@/?#:%&=[] \\.;\n')),
      minLength: 1,
      maxLength: 8,
    });
    fc.assert(
      fc.property(password, (text) => {
        try {
          const url = parseServerUrl('url', `postgres://u:${text}@host/db`);
          expect(addressOfUrl(url)).to.equal('host:5432/db');
          accepted++;
        } catch (error) {
          if (!(error instanceof TypeError)) throw error;
          messages.add(error.message);
        }
      }),
      { numRuns: 20_000 },
    );
    expect([...messages].sort()).to.deep.equal([
      'Expected `url` to be the URL of a PostgreSQL server, such as `postgres://host:5432/database`',
      'Expected `url` to have its user, password and database percent-encoded',
    ]);
    expect(accepted).to.be.above(100);
  });

  it('has any password that is percent-encoded', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 20 }), (password) => {
        const url = parseServerUrl('url', `postgres://u:${encodeURIComponent(password)}@host:1234/db`);
        expect(decodeURIComponent(url.password)).to.equal(password);
        expect(addressOfUrl(url)).to.equal('host:1234/db');
      }),
    );
  });

  it('is a text', () => {
    for (const value of [new URL('postgres://host/db'), 5, undefined])
      expect(() => parseServerUrl('url', value)).to.throw(
        TypeError,
        'Expected `url` to be the URL of a PostgreSQL server',
      );
  });

  it('has an address of its socket, or of the default server', () => {
    const address = (url: string) => addressOfUrl(parseServerUrl('url', url));
    expect(address('postgres:///db?host=/var/run/postgresql')).to.equal('/var/run/postgresql:5432/db');
    expect(address('postgresql:///db')).to.equal('localhost:5432/db');
    expect(address('postgres://[::1]/db')).to.equal('[::1]:5432/db');
  });
});

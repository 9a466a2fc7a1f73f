import { hostname } from 'node:os';
import { inspect } from 'node:util';
import { expect } from 'chai';
import { installFleet, type FleetOptions } from 'rxjs-tasks/fleet';
import { readFleetOptions } from '../../lib/fleet/fleet-options.js';
import { connectError } from '../helpers/fleet.js';
import { rejectionOf } from '../helpers/rejection.js';

describe('connectFleet', () => {
  const place = { directory: 'd' };
  const notUrl = 'Expected `url` to be the URL of a PostgreSQL server, such as `postgres://host:5432/database`';
  const onePlace = 'Expected `options` to have one of `url`, `pool`, `connection`, `directory`, got';
  const invalidOptions: [FleetOptions, string][] = [
    [{}, `${onePlace} none of them`],
    [{ url: undefined }, `${onePlace} none of them: \`url\` is undefined`],
    [{ url: 'postgres://h/d', directory: 'd' }, `${onePlace} \`url\` and \`directory\``],
    [{ url: 'a:secret@b' }, notUrl],
    [{ url: 'mysql://me:secret@h' }, notUrl],
    [{ url: 7 as never }, notUrl],
    [{ listenUrl: 'mysql://me:secret@h', url: 'postgres://h/d' }, notUrl.replace('url', 'listenUrl')],
    [
      { ...place, listenUrl: 'postgres://h' },
      'Expected `listenUrl` to be absent with a `directory`, got a value of type string',
    ],
    [
      { ...place, schema: 'A-b' },
      'Expected `schema` to be up to 40 lower-case letters, digits and `_`, got a value of type string',
    ],
    ...['a-b', 'a'.repeat(41), '7'].map((schema): [FleetOptions, string] => [
      { ...place, schema },
      'Expected `schema` to be up to 40 lower-case letters, digits and `_`, got a value of type string',
    ]),
    [
      { ...place, schema: ['a'] as never },
      'Expected `schema` to be up to 40 lower-case letters, digits and `_`, got a value of type object',
    ],
    [null as never, 'Expected `options` to be an object such as `{ url }`, got null'],
    [undefined as never, 'Expected `options` to be an object such as `{ url }`, got undefined'],
    [
      'postgres://me:secret@h' as never,
      'Expected `options` to be an object such as `{ url }`, got a value of type string',
    ],
    [
      { ...place, name: 'x'.repeat(201) },
      'Expected `name` to be up to 200 characters, without control characters, got a value of type string',
    ],
    [
      { ...place, name: 'web\0user\0admin' },
      'Expected `name` to be up to 200 characters, without control characters, got a value of type string',
    ],
    [
      { ...place, name: 7 as never },
      'Expected `name` to be up to 200 characters, without control characters, got `7` (number)',
    ],
    [
      { ...place, name: ['a'] as never },
      'Expected `name` to be up to 200 characters, without control characters, got a value of type object',
    ],
    [{ connection: { user: 'a\0', host: 'b' } }, 'Expected `connection` to have texts without a NUL'],
    [{ ...place, heartbeat: 1 }, 'Expected `heartbeat` to be a number from 10000 to 3600000, got `1` (number)'],
    [
      { ...place, heartbeat: 3_600_001 },
      'Expected `heartbeat` to be a number from 10000 to 3600000, got `3600001` (number)',
    ],
    [
      { ...place, connections: '3' as never },
      'Expected `connections` to be a number from 1 to 100, got a value of type string',
    ],
    [{ directory: 7 as never }, 'Expected `directory` to be a path, got `7` (number)'],
    [{ ...place, connections: 1.5 }, 'Expected `connections` to be a number from 1 to 100, got `1.5` (number)'],
    [{ ...place, connectTimeout: NaN }, 'Expected `connectTimeout` to be a number from 0 and up, got `NaN` (number)'],
    [{ ...place, migrate: null as never }, 'Expected `migrate` to be a boolean, got null'],
    [{ directory: '' }, 'Expected `directory` to be a path, got a value of type string'],
    [{ pool: {} as never }, 'Expected `pool` to be a `pg.Pool`, got a value of type object'],
    [{ connection: { connectionString: 'me:secret@h' } }, notUrl.replace('url', 'connection.connectionString')],
    [
      { connection: 'postgres://me:secret@h' as never },
      'Expected `connection` to be an object, got a value of type string',
    ],
    [{ connection: { user: 'a\0database\0b' } }, 'Expected `connection` to have texts without a NUL'],
  ];
  for (const [options, message] of invalidOptions)
    it(`refuses ${JSON.stringify(options)}`, async () => {
      expect((await connectError(options)).message).to.equal(message);
    });

  it('has defaults for all options but the place of the database', () => {
    const defaults = { listenUrl: undefined, schema: 'rxjs_tasks', name: `${hostname()}:${process.pid}` };
    const numbers = { connectTimeout: 10_000, connections: 4, heartbeat: 10_000 };
    const pool = { query: () => undefined, connect: () => undefined } as never;
    for (const each of [place, { pool }])
      expect(readFleetOptions(each)).to.deep.equal({ place: each, ...defaults, ...numbers, migrate: true });
  });

  it('accepts the limits of its numbers', async () => {
    const limits = { heartbeat: 3_600_000, connections: 100, connectTimeout: 0, name: 'n'.repeat(200) };
    expect((await connectError({ url: 'postgres://127.0.0.1:1/', ...limits })).name).to.equal('FleetConnectionError');
  });

  it('throws a RangeError for a value out of range, and a TypeError for one of a wrong type', async () => {
    const inRange = [{ heartbeat: 7 }, { schema: 'A' }, { name: '\0' }, { directory: '' }];
    const ofType = [
      'postgres://h/d',
      ...['x', '20000', null, {}, true].map((heartbeat) => ({ heartbeat })),
      ...[{ schema: 7 }, { name: 7 }, { migrate: 'x' }, { directory: 7 }, { listenUrl: 'postgres://h' }],
    ];
    const nameOf = async (options: unknown) =>
      (await connectError((typeof options === 'string' ? options : { ...place, ...Object(options) }) as never)).name;
    expect(new Set(await Promise.all(inRange.map(nameOf)))).to.deep.equal(new Set(['RangeError']));
    expect(new Set(await Promise.all(ofType.map(nameOf)))).to.deep.equal(new Set(['TypeError']));
  });

  it('reads options that are inherited, such as those of an object with getters', async () => {
    class Config {
      get url() {
        return 'postgres://127.0.0.1:1/shop';
      }
      get connectTimeout() {
        return 0;
      }
    }
    const message = 'No database at 127.0.0.1:1/shop within 0 ms: ECONNREFUSED';
    expect((await connectError(new Config())).message).to.equal(message);
    expect((await rejectionOf(installFleet(new Config()))).message).to.equal(message);
  });

  it('refuses a pool that cannot both connect and query', async () => {
    for (const method of ['query', 'connect']) {
      const { message } = await connectError({ pool: { [method]: () => undefined } as never });
      expect(message).to.equal('Expected `pool` to be a `pg.Pool`, got a value of type object');
    }
  });

  it('accepts options of a connection that are no texts', async () => {
    for (const connection of [{ host: '127.0.0.1', port: 1 }, { connectionString: 'postgres://127.0.0.1:1/' }]) {
      const { message } = await connectError({ connection, connectTimeout: 0 });
      expect(message).to.equal('No database at 127.0.0.1:1/ within 0 ms: ECONNREFUSED');
    }
  });

  it('refuses connections of its own beside a pool', async () => {
    const pool = { query: () => undefined, connect: () => undefined } as never;
    const { message } = await connectError({ pool, connections: 3 });
    expect(message).to.equal('Expected `connections` to be absent with a `pool`, got `3` (number)');
  });

  it('refuses an option that does not exist, and suggests the one that was probably meant', async () => {
    const { message } = await connectError({ urk: 'postgres://me:secret@h' } as never);
    expect(message).to.match(
      /^Expected an option of `connectFleet`, got another name; did you mean `url`\? Known options: `url`, /,
    );
    const { message: withoutHint } = await connectError({ somethingElse: 'postgres://me:secret@h' } as never);
    expect(withoutHint).to.match(/^Expected an option of `connectFleet`, got another name\. Known options: `url`, /);
  });

  it('refuses a URL with a password that is not percent-encoded, a part of which errors would quote', async () => {
    const message = 'Expected `url` to have its user, password and database percent-encoded';
    for (const url of [
      'postgres://u:123/secret@host/db',
      'postgres://u:123?secret@host/db',
      'postgres://u:12#secret@host/db',
      'postgres://u:pa@ss/secret@host/db',
      'postgres://u:%zz@host/db',
      'postgres://u%00database%00other:secret@host/db',
    ])
      expect((await connectError({ url })).message, url).to.equal(message);
  });

  it('quotes no text of any option, wherever a URL with a password was put', async () => {
    const secret = 'postgres://u:hunter2@h/db';
    const names = [
      ...['url', 'pool', 'connection', 'directory', 'listenUrl', 'schema', 'name', 'connectTimeout', 'connections'],
      ...['heartbeat', 'migrate', 'other', secret],
    ];
    const isPlace = (name: string) => ['url', 'pool', 'connection', 'directory'].includes(name);
    const values: unknown[] = [secret, [secret], { secret }, { connectionString: `x${secret}` }, new Error(secret)];
    const printed: string[] = [];
    for (const name of names.filter((each) => each !== 'url' && each !== 'directory'))
      for (const value of values) {
        const options = isPlace(name)
          ? { [name]: value, connectTimeout: 0 }
          : { directory: '/dev/null/none', [name]: value };
        printed.push(inspect(await connectError(options), { depth: Infinity, showHidden: true }));
      }
    for (const options of [
      secret,
      [secret],
      { url: `${secret}#`, connectTimeout: 0 },
      { url: secret, directory: secret },
    ])
      printed.push(inspect(await connectError(options as never), { depth: Infinity, showHidden: true }));
    expect(printed.length).to.be.above(40);
    expect(printed.filter((text) => text.includes('hunter2'))).to.deep.equal([]);
  });
});

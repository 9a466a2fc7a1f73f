import { expect } from 'chai';
import type { FleetOptions } from 'rxjs-tasks/fleet';
import { connectError } from '../helpers/fleet.js';

describe('connectFleet', () => {
  const invalidOptions: [FleetOptions, string][] = [
    [{}, 'Expected `options` to be an object with either a `url` or a `directory`, got `[]` (object)'],
    [
      { url: 'postgres://h/d', directory: 'd' },
      "Expected `options` to be an object with either a `url` or a `directory`, got `[ 'url', 'directory' ]` (object)",
    ],
    [
      { url: 'a:secret@b' },
      'Expected `url` to be the URL of a PostgreSQL server, such as `postgres://host:5432/database`',
    ],
    [
      { url: 'mysql://me:secret@h' },
      'Expected `url` to be the URL of a PostgreSQL server, such as `postgres://host:5432/database`',
    ],
    [
      { directory: 'd', schema: 'A-b' },
      "Expected `schema` to be up to 40 lower-case letters, digits and `_`, got `'A-b'` (string)",
    ],
    [
      { directory: 'd', name: 'x'.repeat(201) },
      `Expected \`name\` to be up to 200 characters, got \`'${'x'.repeat(80)}'... 121 more characters\` (string)`,
    ],
    [{ directory: 'd', heartbeat: 1 }, 'Expected `heartbeat` to be a number from 10000 to 3600000, got `1` (number)'],
    [{ directory: 'd', connections: 0 }, 'Expected `connections` to be a whole number from 1 to 100, got `0` (number)'],
    [
      { directory: 'd', connectTimeout: -1 },
      'Expected `connectTimeout` to be a number of ms from 0 and up, got `-1` (number)',
    ],
  ];
  for (const [options, message] of invalidOptions)
    it(`refuses ${JSON.stringify(options)}`, async () => {
      expect((await connectError(options)).message).to.equal(message);
    });

  it('refuses an option that does not exist', async () => {
    expect((await connectError({ uri: 'x' } as never)).message).to.match(/^Expected `options` to be made of `url`/);
  });
});

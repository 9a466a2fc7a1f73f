import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { inspect } from 'node:util';
import { expect } from 'chai';
import { first, firstValueFrom, lastValueFrom } from 'rxjs';
import { launch } from 'rxjs-tasks';
import {
  connectFleet,
  DirectoryInUseError,
  FleetConnectionError,
  FleetVersionError,
  type FleetOptions,
} from 'rxjs-tasks/fleet';
import { Fleets, newSchema, sharedUrl, withDirectory } from '../helpers/fleet.js';
import { statement } from '../helpers/postgres.js';

/** What connecting is refused with. */
async function refusal(options: FleetOptions): Promise<Error> {
  const fleet = await connectFleet(options).catch((error: unknown) => error as Error);
  if (fleet instanceof Error) return fleet;
  await fleet.close();
  throw new Error('It was not refused');
}

describe('connectFleet', () => {
  const fleets = new Fleets();
  after(() => fleets.close());

  describe('refuses', () => {
    const refused: [FleetOptions, string][] = [
      [{}, 'Expected `options` to be a `url`, or else a `directory`, got `[]` (object)'],
      [
        { url: 'postgres://h/d', directory: 'd' },
        "Expected `options` to be a `url`, or else a `directory`, got `[ 'url', 'directory' ]` (object)",
      ],
      [{ url: 'a:secret@b' }, 'Expected `url` to be that of a PostgreSQL, as `postgres://host:5432/database`'],
      [{ url: 'mysql://me:secret@h' }, 'Expected `url` to be that of a PostgreSQL, as `postgres://host:5432/database`'],
      [
        { directory: 'd', schema: 'A-b' },
        "Expected `schema` to be up to 40 small letters, digits and `_`, got `'A-b'` (string)",
      ],
      [
        { directory: 'd', name: 'x'.repeat(201) },
        `Expected \`name\` to be up to 200 characters, got \`'${'x'.repeat(80)}'... 121 more characters\` (string)`,
      ],
      [{ directory: 'd', heartbeat: 1 }, 'Expected `heartbeat` to be a number from 10000 to 3600000, got `1` (number)'],
      [
        { directory: 'd', connections: 0 },
        'Expected `connections` to be a whole number from 1 to 100, got `0` (number)',
      ],
      [
        { directory: 'd', connectTimeout: -1 },
        'Expected `connectTimeout` to be a number of ms from 0 and up, got `-1` (number)',
      ],
    ];
    for (const [options, message] of refused)
      it(JSON.stringify(options), async () => {
        expect((await refusal(options)).message).to.equal(message);
      });

    it('an option that does not exist', async () => {
      expect((await refusal({ uri: 'x' } as never)).message).to.match(/^Expected `options` to be made of `url`/);
    });
  });

  it('says within its time that there is no database, and where, without credentials', async () => {
    const began = performance.now();
    const error = await refusal({ url: 'postgres://me:hunter2@localhost:9/shop', connectTimeout: 300 });
    expect(performance.now() - began).to.be.lessThan(5000);
    expect(error).to.be.instanceOf(FleetConnectionError);
    expect(error.message).to.equal('No database at localhost:9/shop within 300 ms: ECONNREFUSED');
    expect(inspect(error, { depth: 10, showHidden: true })).not.to.include('hunter2');
  });

  it('gives up, and leaves nothing behind, when there is no connection left to listen on', async () => {
    const url = await sharedUrl();
    const role = newSchema();
    const database = new URL(url).pathname.slice(1);
    await statement(url, `create role ${role} login password 'hunter2' connection limit 1`);
    await statement(url, `grant create on database "${database}" to ${role}`);
    const limited = new URL(url);
    [limited.username, limited.password] = [role, 'hunter2'];
    const options = { url: limited.href, schema: role, connections: 1, connectTimeout: 1500 };
    const log = console.error;
    const logged: string[] = [];
    console.error = (error: unknown) => logged.push(inspect(error));
    try {
      expect(await refusal(options)).to.be.instanceOf(FleetConnectionError);
    } finally {
      console.error = log;
    }
    expect(logged.join()).to.include('The database is out of reach: too many connections').and.not.include('hunter2');
    const still = await statement(url, `select from pg_stat_activity where usename = '${role}'`);
    expect(still).to.deep.equal([]);
    await statement(url, `drop owned by ${role} cascade`);
    await statement(url, `drop role ${role}`);
  });

  it('says at once that it is not let in, without credentials', async () => {
    const url = new URL(await sharedUrl());
    url.password = 'hunter2';
    const error = await refusal({ url: url.href });
    expect(error).to.be.instanceOf(FleetConnectionError);
    expect(error.message).to.match(/: password authentication failed for user "fleet"$/);
    expect(inspect(error, { depth: 10, showHidden: true })).not.to.include('hunter2');
  });

  it('refuses a schema that a later version has set up', async () => {
    const url = await sharedUrl();
    const schema = newSchema();
    await (await connectFleet({ url, schema })).close();
    await statement(url, `update ${schema}.fleet set version = 7`);
    const error = await refusal({ url, schema });
    expect(error).to.be.instanceOf(FleetVersionError);
    expect(error).to.include({ schema, version: 7, known: 1 });
    expect(error.message).to.equal(`The schema ${schema} is of version 7, and this process knows up to 1: update it`);
  });

  it('refuses a schema that a later pg-boss has set up', async () => {
    const url = await sharedUrl();
    const schema = newSchema();
    await (await connectFleet({ url, schema })).close();
    await statement(url, `update ${schema}_jobs.version set version = 1000`);
    const error = await refusal({ url, schema });
    expect(error).to.be.instanceOf(FleetVersionError);
    expect(error).to.include({ schema: `${schema}_jobs`, version: 1000 });
  });

  it('takes a schema whose name means something to PostgreSQL', async () => {
    const fleet = await connectFleet({ url: await sharedUrl(), schema: 'order' });
    await fleet.cancel('once');
    expect((await fleet.state()).cancelled).to.include({ reason: 'once' });
    await fleet.resume();
    expect(await fleet.lastSlot('nothing')).to.equal(undefined);
    await fleet.close();
  });

  it('sets up one schema for any number that start at once', async () => {
    const url = await sharedUrl();
    const schema = newSchema();
    const all = await Promise.all(Array.from({ length: 5 }, () => connectFleet({ url, schema })));
    expect((await all[0]?.state())?.members).to.have.length(5);
    for (const fleet of all) await fleet.close();
  });

  it('shows how the whole fleet stands', async () => {
    const one = await fleets.connect({ name: 'web-1' });
    const two = await fleets.connect({ name: 'web-2' });
    await two.queue('mails').enqueue('hello');
    await lastValueFrom(one.coordinator.lease('report', 5000).pipe(first()));
    await two.cancel('maintenance');
    const { members, cancelled, crons } = await one.state();
    expect(members.map(({ name, pid, live }) => ({ name, pid, live }))).to.have.deep.members([
      { name: 'web-1', pid: process.pid, live: true },
      { name: 'web-2', pid: process.pid, live: true },
    ]);
    expect(cancelled).to.include({ reason: 'maintenance', by: 'web-2' });
    expect(crons).to.deep.equal([{ task: 'report', slot: 5000 }]);
    await one.resume();
    expect(await one.state()).not.to.have.property('cancelled');
  });

  it('has the handlers of nobody, and no connection, once it is closed', async () => {
    const url = await sharedUrl();
    const fleet = await connectFleet({ url, schema: newSchema(), name: 'to be closed' });
    await fleet.close();
    await fleet.close();
    const [row] = await statement<{ open: number }>(
      url,
      "select count(*)::int as open from pg_stat_activity where application_name = 'to be closed'",
    );
    expect(row?.open).to.equal(0);
  });

  it('is a task that closes last, and cannot run again', async () => {
    const fleet = await connectFleet({ url: await sharedUrl(), schema: newSchema() });
    const app = launch([fleet]);
    await app.stop();
    expect((await app).clean).to.equal(true);
    const again = await launch([fleet]);
    expect(again.outcomes[0]?.error?.message).to.equal(
      'fleet failed in initialize: Expected a fleet that is connected, got one that is closed',
    );
  });

  describe('without a url', () => {
    it('does the same on an embedded database, and keeps it', () =>
      withDirectory(async (directory) => {
        const earlier = await connectFleet({ directory });
        const queue = earlier.queue<number, number>('squares');
        const app = launch([queue.worker((n) => n * n)]);
        expect(await lastValueFrom(queue.submit(7))).to.equal(49);
        await app.stop();
        const waiting = await queue.enqueue(3);
        await earlier.close();
        const later = await connectFleet({ directory });
        const again = launch([later.queue<number, number>('squares').worker((n) => n * n)]);
        expect(await firstValueFrom(later.queue('squares').result(waiting))).to.equal(9);
        await again.stop();
        await later.close();
      })).timeout(60_000);

    it('refuses a second process at once, and a directory is free when the first is killed', () =>
      withDirectory(async (directory) => {
        const holder = spawn(process.execPath, ['--import', 'tsx', 'spec/fixtures/fleet/hold.ts', directory], {
          stdio: ['ignore', 'pipe', 'inherit'],
        });
        await once(holder.stdout, 'data');
        const error = await refusal({ directory });
        expect(error).to.be.instanceOf(DirectoryInUseError);
        expect(error.message).to.equal(
          `${directory} is in use already: an embedded database is for one fleet at a time; give a url to share`,
        );
        holder.kill('SIGKILL');
        await once(holder, 'exit');
        const fleet = await connectFleet({ directory });
        expect((await refusal({ directory })).name).to.equal('DirectoryInUseError');
        await fleet.close();
        await (await connectFleet({ directory })).close();
      })).timeout(60_000);
  });
});

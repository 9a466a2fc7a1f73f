import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { inspect } from 'node:util';
import { expect } from 'chai';
import { Client, Pool } from 'pg';
import { firstValueFrom, lastValueFrom } from 'rxjs';
import { launch } from 'rxjs-tasks';
import { connectFleet, DirectoryInUseError, FleetConnectionError, FleetVersionError } from 'rxjs-tasks/fleet';
import { compileProgram } from '../helpers/compile-program.js';
import { connectError, Fleets, newSchema, sharedUrl, withDirectory } from '../helpers/fleet.js';
import { statement } from '../helpers/postgres.js';
import { waitUntil } from '../helpers/wait.js';

describe('connectFleet with a database', () => {
  const fleets = new Fleets();
  after(() => fleets.close());

  it('fails after connectTimeout when there is no database, with its address and without credentials', async () => {
    const startedAt = performance.now();
    const error = await connectError({ url: 'postgres://me:hunter2@localhost:9/shop', connectTimeout: 300 });
    expect(performance.now() - startedAt).to.be.at.least(299);
    expect(error).to.be.instanceOf(FleetConnectionError);
    expect(error.message).to.equal('No database at localhost:9/shop within 300 ms: ECONNREFUSED');
    expect(inspect(error, { depth: 10, showHidden: true })).not.to.include('hunter2');
  });

  it('fails after connectTimeout when a server accepts the connections of a pool, and does not answer', async () => {
    const sockets = new Set<Socket>();
    const server = createServer((socket) => void sockets.add(socket)).listen(0, 'localhost');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const pool = new Pool({ host: 'localhost', port, database: 'shop' });
    const error = await connectError({ pool, connectTimeout: 300 });
    expect(error).to.be.instanceOf(FleetConnectionError);
    expect(error.message).to.match(new RegExp(`^No database at localhost:${port}/shop within 300 ms: `));
    for (const socket of sockets) socket.destroy();
    await Promise.all([pool.end(), once(server.close(), 'close')]);
  });

  it('makes one try without a time, and waits as long as it takes without an end', async () => {
    for (const connectTimeout of [0, 2 ** 31, Infinity]) {
      const fleet = await connectFleet({ url: await sharedUrl(), schema: fleets.schema, connectTimeout });
      await fleet.close();
    }
  });

  it('fails and leaves no connection open when the server has no free connection to listen on', async () => {
    const url = await sharedUrl();
    const role = newSchema();
    const database = new URL(url).pathname.slice(1);
    await statement(url, `create role ${role} login password 'hunter2' connection limit 1`);
    await statement(url, `grant create on database "${database}" to ${role}`);
    const limited = new URL(url);
    [limited.username, limited.password] = [role, 'hunter2'];
    const options = { url: limited.href, schema: role, connections: 1, connectTimeout: 1500 };
    const originalError = console.error;
    const logged: string[] = [];
    console.error = (error: unknown) => logged.push(inspect(error));
    try {
      expect(await connectError(options)).to.be.instanceOf(FleetConnectionError);
    } finally {
      console.error = originalError;
    }
    expect(logged.join()).to.include('The database is unreachable: too many connections').and.not.include('hunter2');
    const connections = () => statement(url, `select from pg_stat_activity where usename = '${role}'`);
    await waitUntil(async () => (await connections()).length === 0);
    await statement(url, `drop owned by ${role} cascade`);
    await statement(url, `drop role ${role}`);
  });

  it('fails immediately when the server refuses the password, without credentials in the error', async () => {
    const url = new URL(await sharedUrl());
    url.password = 'hunter2';
    const error = await connectError({ url: url.href });
    expect(error).to.be.instanceOf(FleetConnectionError);
    expect(error.message).to.match(/: password authentication failed for user "fleet"$/);
    expect(inspect(error, { depth: 10, showHidden: true })).not.to.include('hunter2');
  });

  it('refuses a schema that a later version of the library has created', async () => {
    const url = await sharedUrl();
    const schema = newSchema();
    await (await connectFleet({ url, schema })).close();
    await statement(url, `update ${schema}.fleet set version = 7`);
    const error = await connectError({ url, schema });
    expect(error).to.be.instanceOf(FleetVersionError);
    expect(error).to.include({ schema, version: 7, known: 1 });
    expect(error.message).to.equal(`Schema ${schema} has version 7, but this process supports up to 1: update it`);
  });

  it('refuses a schema that a later version of pg-boss has created', async () => {
    const url = await sharedUrl();
    const schema = newSchema();
    await (await connectFleet({ url, schema })).close();
    await statement(url, `update ${schema}_jobs.version set version = 1000`);
    const error = await connectError({ url, schema });
    expect(error).to.be.instanceOf(FleetVersionError);
    expect(error).to.include({ schema: `${schema}_jobs`, version: 1000 });
  });

  it('accepts a schema whose name is a keyword of SQL', async () => {
    const fleet = await connectFleet({ url: await sharedUrl(), schema: 'order' });
    await fleet.cancel('once');
    expect((await fleet.state()).cancelled).to.include({ reason: 'once' });
    await fleet.resume();
    expect(await fleet.lastSlot('nothing')).to.equal(undefined);
    await fleet.close();
  });

  it('creates one schema for several processes that start at the same time', async () => {
    const url = await sharedUrl();
    const schema = newSchema();
    const all = await Promise.all(Array.from({ length: 5 }, () => connectFleet({ url, schema })));
    expect((await all[0]?.state())?.members).to.have.length(5);
    for (const fleet of all) await fleet.close();
  });

  it('finds a schema that another process creates while it waits to do so', async () => {
    const url = await sharedUrl();
    const schema = newSchema();
    const other = new Client({ connectionString: url });
    await other.connect();
    await other.query(`begin; select pg_advisory_xact_lock(7238451097); create schema ${schema}`);
    const connecting = connectFleet({ url, schema, name: schema });
    const waiting = `select from pg_stat_activity where application_name = '${schema}' and wait_event = 'advisory'`;
    await waitUntil(async () => (await statement(url, waiting)).length > 0);
    await other.query('commit');
    await other.end();
    await (await connecting).close();
  });

  it('returns the state of the whole fleet', async () => {
    const first = await fleets.connect({ name: 'web-1' });
    const second = await fleets.connect({ name: 'web-2' });
    await second.queue('mails').enqueue('hello');
    await firstValueFrom(first.coordinator.lease('report', 5000));
    await second.cancel('maintenance');
    const { members, cancelled, crons } = await first.state();
    expect(members.map(({ name, pid, live }) => ({ name, pid, live }))).to.have.deep.members([
      { name: 'web-1', pid: process.pid, live: true },
      { name: 'web-2', pid: process.pid, live: true },
    ]);
    expect(cancelled).to.include({ reason: 'maintenance', by: 'web-2' });
    expect(crons).to.deep.equal([{ task: 'report', slot: 5000 }]);
    await first.resume();
    expect(await first.state()).not.to.have.property('cancelled');
  });

  it('leaves no connection open after close, which can be called twice', async () => {
    const url = await sharedUrl();
    const fleet = await connectFleet({ url, schema: newSchema(), name: 'to be closed' });
    await fleet.close();
    await fleet.close();
    const connections = () => statement(url, "select from pg_stat_activity where application_name = 'to be closed'");
    await waitUntil(async () => (await connections()).length === 0);
  });

  it('returns a task that closes the connection at its end, and cannot run again', async () => {
    const fleet = await connectFleet({ url: await sharedUrl(), schema: newSchema() });
    const app = launch([fleet]);
    await app.stop();
    expect((await app).clean).to.equal(true);
    const again = await launch([fleet]);
    expect(again.outcomes[0]?.error?.message).to.equal(
      'fleet failed in initialize: Expected the fleet to be connected, but it is closed',
    );
  });

  describe('with a directory', () => {
    it('runs jobs on an embedded database, and keeps waiting jobs', () =>
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
      }));

    it('refuses a second process while the first runs, and accepts the directory after the first was killed', () =>
      withDirectory(async (directory) => {
        const holder = spawn(process.execPath, [compileProgram('spec/fixtures/fleet/directory-holder.ts'), directory], {
          stdio: ['ignore', 'pipe', 'inherit'],
        });
        await once(holder.stdout, 'data');
        const error = await connectError({ directory });
        expect(error).to.be.instanceOf(DirectoryInUseError);
        expect(error.message).to.equal(
          `${directory} is already in use: an embedded database serves one fleet; use a url to share`,
        );
        holder.kill('SIGKILL');
        await once(holder, 'exit');
        const fleet = await connectFleet({ directory });
        expect((await connectError({ directory })).name).to.equal('DirectoryInUseError');
        await fleet.close();
        await (await connectFleet({ directory })).close();
      }));
  });
});

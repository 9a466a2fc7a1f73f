import { expect } from 'chai';
import { Pool } from 'pg';
import { firstValueFrom, lastValueFrom } from 'rxjs';
import { CancelledError, launch } from 'rxjs-tasks';
import { FleetConnectionError, type FleetEvent } from 'rxjs-tasks/fleet';
import { FaultProxy } from '../helpers/fault-proxy.js';
import { connectError, Fleets, nextEvent, sharedUrl } from '../helpers/fleet.js';
import { statement } from '../helpers/postgres.js';
import { waitUntil } from '../helpers/wait.js';

describe('the connection of a fleet', () => {
  let fleets: Fleets;
  let url: string;
  /** Functions that release what a test has acquired, called in reverse order. */
  const cleanups: (() => unknown)[] = [];
  const connectionsOf = (name: string) =>
    statement<{ pid: number; query: string }>(
      url,
      `select pid, query from pg_stat_activity where application_name = '${name}' order by backend_start`,
    );

  before(async () => (url = await sharedUrl()));
  beforeEach(() => (fleets = new Fleets()));
  afterEach(async () => {
    await fleets.close();
    for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  });

  it('is one that listens, for all channels, besides those of the pool', async () => {
    const fleet = await fleets.connect({ name: 'listens once', connections: 1 });
    const submitted = nextEvent(fleet.queue('mails').events$, 'submitted');
    await fleet.queue('mails').enqueue(1);
    await submitted;
    expect(await connectionsOf('listens once')).to.have.length(2);
  });

  it('that listens is replaced after its loss, and listens to all channels again', async () => {
    const fleet = await fleets.connect({ name: 'listens', connections: 1 });
    const other = await fleets.connect({ name: 'submits' });
    const events: FleetEvent[] = [];
    fleet.events$.subscribe((event) => events.push(event));
    const [listening] = (await connectionsOf('listens')).filter(({ query }) => /listen|pg_backend_pid/.test(query));
    await statement(url, `select pg_terminate_backend(${listening?.pid})`);
    await waitUntil(() => events.some(({ type }) => type === 'disconnected'));
    await waitUntil(async () => {
      await other.queue('mails').enqueue(1);
      return events.some(({ type }) => type === 'submitted');
    });
    await other.cancel('enough');
    await waitUntil(() => fleet.context.cancelled);
    await other.resume();
  });

  it('leads through the pool of the application, which stays open and whose sessions keep their settings', async () => {
    const pool = new Pool({ connectionString: url, max: 1, application_name: 'of the application' });
    cleanups.push(() => pool.end());
    const settings = () => pool.query("select name, setting from pg_settings where source = 'session' order by name");
    const before = await settings();
    const fleet = await fleets.connect({ url: undefined, pool });
    const queue = fleet.queue<number, number>('squares');
    const app = launch([queue.worker((n) => n * n)]);
    expect(await lastValueFrom(queue.submit(7))).to.equal(49);
    await app.stop();
    await fleets.close();
    expect((await settings()).rows).to.deep.equal(before.rows);
    expect((await pool.query('select from pg_listening_channels()')).rows).to.deep.equal([]);
    await waitUntil(async () => (await connectionsOf('of the application')).length === 1);
    expect(pool.listenerCount('error')).to.equal(0);
  });

  it('asks a function for the password of each connection', async () => {
    const { hostname, port, username, password, pathname } = new URL(url);
    let asked = 0;
    const askForPassword = () => Promise.resolve((asked++, password));
    const connection = {
      ...{ host: hostname, port: Number(port), user: username, database: pathname.slice(1) },
      password: askForPassword,
    };
    const fleet = await fleets.connect({ url: undefined, connection });
    await fleet.queue('mails').enqueue(1);
    expect(asked).to.be.at.least(2);
  });

  it('listens at another URL, with the credentials of the connection unless it has some', async () => {
    const { hostname, port, username, password, pathname } = new URL(url);
    const proxy = await FaultProxy.start(url);
    cleanups.push(() => proxy.close());
    const connection = {
      ...{ host: hostname, port: Number(port), user: username, database: pathname.slice(1) },
      password: () => password,
    };
    for (const listenUrl of [`postgres://${new URL(proxy.url).host}`, proxy.url]) {
      const open = proxy.connections;
      const fleet = await fleets.connect({ url: undefined, connection, listenUrl });
      expect(proxy.connections).to.equal(open + 1);
      const submitted = nextEvent(fleet.queue('mails').events$, 'submitted');
      await fleet.queue('mails').enqueue(1);
      await submitted;
    }
  });

  it('ends while it is cut in silence, and rejects what is unanswered', async () => {
    const proxy = await FaultProxy.start(url);
    cleanups.push(() => proxy.close());
    const fleet = await fleets.connect({ url: proxy.url });
    const queue = fleet.queue<number>('work');
    const app = launch([queue.worker(() => 1)]);
    await queue.enqueue(1);
    proxy.begin('hole');
    const unanswered = queue.enqueue(2).catch((error: unknown) => error);
    const stopping = app.stop();
    await fleet.close();
    expect(await unanswered)
      .to.be.instanceOf(CancelledError)
      .with.property('message', 'The fleet is closed');
    await stopping;
  });

  it('to a server that has vanished is replaced, and statements without an answer are sent again', async () => {
    const network = await FaultProxy.start(url);
    cleanups.push(() => network.close());
    const fleet = await fleets.connect({ url: network.url });
    const types: string[] = [];
    fleet.events$.subscribe(({ type }) => types.push(type));
    const queue = fleet.queue<number, number>('work');
    const app = launch([queue.worker((n) => n * n)]);
    expect(await lastValueFrom(queue.submit(7))).to.equal(49);
    network.strand();
    expect(await lastValueFrom(queue.submit(8))).to.equal(64);
    expect(types).to.include.members(['disconnected', 'reconnected']);
    await app.stop();
  });

  it('ends while jobs are written, which are stored or rejected with a CancelledError', async () => {
    const fleet = await fleets.connect({ connections: 2 });
    const queue = fleet.queue<number>('work');
    await queue.enqueue(-1);
    const writing = Array.from({ length: 300 }, async (_, n) => {
      await new Promise((resolve) => setTimeout(resolve, n / 10));
      return queue.enqueue(n).then(
        () => 'stored',
        (error: unknown) => String(error),
      );
    });
    await new Promise((resolve) => setTimeout(resolve, 10));
    const submitted = firstValueFrom(queue.submit(1)).catch(String);
    await fleet.close();
    const results = await Promise.all(writing);
    const stored = results.filter((result) => result === 'stored').length;
    expect([...new Set(results.filter((result) => result !== 'stored'))]).to.deep.equal([
      'CancelledError: The fleet is closed',
    ]);
    expect(await submitted).to.equal('CancelledError: The fleet is closed');
    const rows = await statement<{ n: number }>(
      url,
      `select count(*)::int as n from ${fleets.schema}_jobs.job where name = 'work'`,
    );
    expect(rows[0]?.n).to.be.at.least(stored);
    expect(await queue.enqueue(1).catch(String)).to.equal('CancelledError: The fleet is closed');
  });

  describe('is refused at once', () => {
    // Waiting would never end.
    const patient = { connectTimeout: Infinity };
    const refusals: [string, (url: URL) => void, RegExp][] = [
      ['with a wrong password', (u) => (u.password = 'hunter2'), /password authentication failed for user "fleet"$/],
      ['for a missing role', (u) => (u.username = 'nobody'), /password authentication failed for user "nobody"$/],
      ['for a missing database', (u) => (u.pathname = '/missing'), /database "missing" does not exist$/],
    ];
    for (const [name, change, message] of refusals)
      it(name, async () => {
        const changed = new URL(url);
        change(changed);
        const error = await connectError({ url: changed.href, ...patient });
        expect(error).to.be.instanceOf(FleetConnectionError);
        expect(error.message).to.match(/^The database at localhost:\d+\/\w+ refuses the connection: /);
        expect(error.message).to.match(message).and.not.to.include('within');
      });

    it('if the server has no TLS, and TLS is required', async () => {
      const error = await connectError({ connection: { connectionString: url, ssl: true }, ...patient });
      expect(error.message).to.match(/refuses the connection: The server does not support SSL connections$/);
    });

    it('by the function for the password', async () => {
      const { hostname: host, port, username: user } = new URL(url);
      const password = () => Promise.reject(new Error('no token'));
      const connection = { host, port: Number(port), user, password };
      const error = await connectError({ connection, ...patient });
      expect(error.message).to.match(/refuses the connection: no token$/);
    });
  });
});

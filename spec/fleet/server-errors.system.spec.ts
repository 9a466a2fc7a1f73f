import { expect } from 'chai';
import { lastValueFrom } from 'rxjs';
import { launch, type Application } from 'rxjs-tasks';
import { connectFleet, type Fleet, type FleetEvent } from 'rxjs-tasks/fleet';
import { startPostgres, statement, type Postgres } from '../helpers/postgres.js';
import { waitUntil } from '../helpers/wait.js';

interface Fault {
  readonly title: string;
  readonly begin: readonly string[];
  readonly end: readonly string[];
  /** The type of the event that reports it. */
  readonly event: 'degraded' | 'disconnected';
}

/** Ends the connections of the fleet's role, so that it has to log in again. */
const disconnect = `select pg_terminate_backend(pid) from pg_stat_activity where usename = 'app'`;
const reload = 'select pg_reload_conf()';
const setting = (name: string, value: string): Pick<Fault, 'begin' | 'end'> => ({
  begin: [`alter system set ${name} = ${value}`, reload],
  end: [`alter system reset ${name}`, reload],
});

const faults: readonly Fault[] = [
  { title: 'is read-only', ...setting('default_transaction_read_only', 'on'), event: 'degraded' },
  { title: 'cancels every statement', ...setting('statement_timeout', '1'), event: 'degraded' },
  {
    title: 'has another password',
    begin: [`alter role app password 'other'`, disconnect],
    end: [`alter role app password 'app'`],
    event: 'degraded',
  },
  {
    title: 'refuses the login',
    begin: [`alter role app nologin`, disconnect],
    end: [`alter role app login`],
    event: 'degraded',
  },
  {
    title: 'allows no connection',
    begin: [`alter role app connection limit 0`, disconnect],
    end: [`alter role app connection limit -1`],
    event: 'disconnected',
  },
  {
    title: 'has revoked the rights',
    begin: ['revoke insert, update on all tables in schema rxjs_tasks_jobs, rxjs_tasks from app'],
    end: ['grant insert, update on all tables in schema rxjs_tasks_jobs, rxjs_tasks to app'],
    event: 'degraded',
  },
  {
    title: 'has no tables for a moment',
    begin: ['alter schema rxjs_tasks_jobs rename to elsewhere'],
    end: ['alter schema elsewhere rename to rxjs_tasks_jobs'],
    event: 'degraded',
  },
];

describe('While the server', () => {
  let server: Postgres;
  let admin: string;
  let fleet: Fleet;
  let app: Application;
  const events: FleetEvent[] = [];

  before(async () => {
    server = await startPostgres();
    admin = server.url;
    // The settings below are not for the administrator.
    await statement(admin, 'alter role current_user set statement_timeout = 0');
    await statement(admin, 'alter role current_user set default_transaction_read_only = off');
    await statement(admin, `create role app login password 'app'`);
    await statement(admin, 'grant create on database postgres to app');
    const url = new URL(admin);
    url.username = url.password = 'app';
    fleet = await connectFleet({ url: url.href, schema: 'rxjs_tasks' });
    fleet.events$.subscribe((event) => events.push(event));
    app = launch([fleet.queue<number, number>('work', { retries: 100 }).worker((n) => n * n, { concurrency: 5 })]);
    await lastValueFrom(fleet.queue<number, number>('work').submit(0));
  });
  after(async () => {
    await app.stop();
    await fleet.close();
    await server.remove();
  });

  for (const { title, begin, end, event } of faults)
    it(`${title}, jobs wait, one event says why, and no process ends`, async () => {
      const queue = fleet.queue<number, number>('work');
      expect(await lastValueFrom(queue.submit(2))).to.equal(4);
      events.length = 0;
      for (const sql of begin) await statement(admin, sql);
      const result = lastValueFrom(queue.submit(3));
      await waitUntil(() => events.some(({ type }) => type === event));
      expect(app.live).to.equal(true);
      for (const sql of end) await statement(admin, sql);
      expect(await result).to.equal(9);
      expect(app.live).to.equal(true);
      await waitUntil(() => events.some(({ type }) => type === 'reconnected'));
      const reported = events.filter(({ type }) => type === 'degraded' || type === 'disconnected');
      const texts = reported.map((each) => ('what' in each ? each.what : each.type));
      expect(new Set(texts).size, texts.join('\n')).to.equal(texts.length);
    });
});

import { format, inspect } from 'node:util';
import { Writable } from 'node:stream';
import { expect } from 'chai';
import { Pool } from 'pg';
import pino from 'pino';
import { lastValueFrom } from 'rxjs';
import { launch, snapshot } from 'rxjs-tasks';
import { FleetConnectionError, type FleetEvent } from 'rxjs-tasks/fleet';
import { connectError, Fleets, newSchema, sharedUrl } from '../helpers/fleet.js';
import { spyOnConsoleError } from '../helpers/console-spy.js';
import { statement } from '../helpers/postgres.js';
import { waitUntil } from '../helpers/wait.js';

const password = 'Hunter2-hunter2';

/** Returns a value as every logger that is known shows it. */
function shown(value: unknown): string[] {
  const lines: string[] = [];
  const stream = new Writable({ write: (chunk, _, done) => (lines.push(String(chunk)), done()) });
  pino(stream).error({ value, err: value }, 'logged');
  const everything = { depth: Infinity, showHidden: true, maxArrayLength: null, maxStringLength: null } as const;
  return [
    ...lines,
    JSON.stringify({ value }),
    String(value),
    format('%o %O %s %j', value, value, value, value),
    inspect(value, everything),
    inspect({ nested: { value } }, everything),
    inspect(value, { ...everything, customInspect: false, getters: true }),
  ];
}

describe('the password of a fleet', () => {
  const fleets = new Fleets();
  const console = spyOnConsoleError();
  let owner: string;
  let url: string;
  let role: string;

  before(async () => {
    owner = await sharedUrl();
    role = newSchema();
    await statement(owner, `create role ${role} superuser login password '${password}'`);
    url = Object.assign(new URL(owner), { username: role, password }).href;
  });
  after(async () => {
    await fleets.close();
    await statement(owner, `alter role ${role} nosuperuser; drop owned by ${role}; drop role ${role}`).catch(() =>
      statement(owner, `alter role ${role} nologin`),
    );
  });

  it('would be found in a log of the driver', async () => {
    const pool = new Pool({ connectionString: url });
    expect(shown(pool).some((text) => text.includes(password))).to.equal(true);
    await pool.end();
  });

  it('is in nothing that is logged, of whatever an application has', async () => {
    const fleet = await fleets.connect({ url, name: 'web-1' });
    const queue = fleet.queue<number, number>('squares', { retries: 0 });
    const worker = queue.worker((n) => {
      if (n < 0) throw new Error('negative');
      return n * n;
    });
    const app = launch([worker], { observer: () => undefined });
    expect(await lastValueFrom(queue.submit(7))).to.equal(49);
    const failure = await lastValueFrom(queue.submit(-1)).catch((error: unknown) => error);
    const snapped = snapshot(worker);
    await app.stop();
    const report = await app;
    const values = {
      fleet,
      queue,
      worker,
      app,
      snapped,
      report,
      failure,
      coordinator: fleet.coordinator,
      context: fleet.context,
      result$: queue.result('00000000-0000-0000-0000-000000000000'),
      events$: fleet.events$,
    };
    for (const [name, value] of Object.entries(values))
      for (const text of shown(value)) expect(text.includes(password), name).to.equal(false);
  });

  it('is in no log of a fleet, whose parts are printed as their names', async () => {
    const fleet = await fleets.connect({ url, name: 'web-2' });
    const queue = fleet.queue('mails');
    const parts = { fleet, queue, coordinator: fleet.coordinator };
    expect(inspect(parts)).to.equal(
      '{\n  fleet: Fleet(web-2),\n  queue: Queue(mails),\n  coordinator: Coordinator(web-2)\n}',
    );
    expect(JSON.stringify(parts)).to.equal(
      '{"fleet":"Fleet(web-2)","queue":"Queue(mails)","coordinator":"Coordinator(web-2)"}',
    );
  });

  it('is in no error and no event when the server refuses it, at the start or later', async () => {
    const wrong = Object.assign(new URL(url), { password: `${password}x` }).href;
    const errors: unknown[] = [
      await connectError({ url: wrong }),
      await connectError({ connection: { connectionString: wrong } }),
      await connectError({ url: url.replace(/:\d+\//, ':9/'), connectTimeout: 0 }),
      await connectError({ url: url.replace(/\/\w+$/, '/missing') }),
    ];
    const events: FleetEvent[] = [];
    const fleet = await fleets.connect({ url, name: 'victim' });
    fleet.events$.subscribe((event) => events.push(event));
    await statement(owner, `alter role ${role} password 'other'`);
    await statement(owner, `select pg_terminate_backend(pid) from pg_stat_activity where usename = '${role}'`);
    await waitUntil(() => events.some(({ type }) => type === 'disconnected' || type === 'degraded'));
    errors.push(await fleet.state().catch((error: unknown) => error));
    await statement(owner, `alter role ${role} password '${password}'`);
    await waitUntil(() => events.some(({ type }) => type === 'reconnected'));
    for (const value of [...errors, ...events, ...console.all()])
      for (const text of shown(value)) expect(text).not.to.include(password);
    expect(errors[0]).to.be.instanceOf(FleetConnectionError);
  });
});

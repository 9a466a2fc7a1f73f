import { expect } from 'chai';
import { Pool } from 'pg';
import { lastValueFrom } from 'rxjs';
import { launch } from 'rxjs-tasks';
import type { Fleet, FleetOptions } from 'rxjs-tasks/fleet';
import { calledFunction } from '../../lib/fleet/database-function.js';
import { claimJobs, completeAndNotify, insertJobs, selectDueQueues } from '../../lib/fleet/job-statements.js';
import { Fleets, servicesOf, sharedUrl } from '../helpers/fleet.js';
import { startBouncer } from '../helpers/pgbouncer.js';
import { waitUntil } from '../helpers/wait.js';

describe('The statements that a connection of a fleet prepares', () => {
  let fleets: Fleets;
  beforeEach(() => (fleets = new Fleets()));
  afterEach(() => fleets.close());

  /** Returns the names of the functions whose calls the connection of a fleet has prepared. */
  async function prepared(fleet: Fleet): Promise<string[]> {
    const { database } = servicesOf(fleet);
    const rows = await database.query<{ name: string }>('select name from pg_prepared_statements order by name');
    return rows.map(({ name }) => name.replace(/_\d+$/, ''));
  }

  /** Runs jobs in a fleet with one connection, until a condition holds for what it has prepared. */
  async function preparedBy(
    options: Partial<FleetOptions>,
    holds: (names: readonly string[], jobs: number) => boolean,
  ): Promise<string[]> {
    const fleet = await fleets.connect({ connections: 1, ...options });
    const queue = fleet.queue<number, number>('squares');
    const app = launch([queue.worker((n) => n * n)]);
    let jobs = 0;
    let names: string[] = [];
    await waitUntil(async () => {
      expect(await lastValueFrom(queue.submit(++jobs))).to.equal(jobs ** 2);
      names = await prepared(fleet);
      return holds(names, jobs);
    });
    await app.stop();
    return names;
  }

  it('are the calls of functions of the library, on a direct connection', async () => {
    const called = ['claim_jobs', 'complete_and_notify', 'insert_jobs'];
    const names = await preparedBy({}, (each) => called.every((name) => each.includes(name)));
    expect([...called, 'read_jobs']).to.include.members(names);
  });

  it('are none through a connection pooler, and none if only messages come past it', async () => {
    const direct = await sharedUrl();
    const bouncer = await startBouncer(direct, 'session');
    const { url } = bouncer;
    try {
      const afterFive = (_: unknown, jobs: number) => jobs === 5;
      expect(await preparedBy({ url }, afterFive)).to.deep.equal([]);
      expect(await preparedBy({ url, listenUrl: direct }, afterFive)).to.deep.equal([]);
    } finally {
      await fleets.close();
      await bouncer.stop();
    }
  });

  it('are used no more, if the session has lost them', async () => {
    const fleet = await fleets.connect({ connections: 1 });
    const queue = fleet.queue<number, number>('squares');
    const app = launch([queue.worker((n) => n * n)]);
    await waitUntil(async () => {
      await lastValueFrom(queue.submit(1));
      return (await prepared(fleet)).includes('complete_and_notify');
    });
    await servicesOf(fleet).database.query('deallocate all');
    for (const n of [2, 3]) expect(await lastValueFrom(queue.submit(n))).to.equal(n * n);
    expect(await prepared(fleet)).to.deep.equal([]);
    await app.stop();
  });

  it('are none of the pool of an application, which may deallocate them', async () => {
    const pool = new Pool({ connectionString: await sharedUrl(), max: 1 });
    const fleet = await fleets.connect({ pool, url: undefined });
    const queue = fleet.queue<number, number>('squares');
    const app = launch([queue.worker((n) => n * n)]);
    for (let n = 0; n < 5; n++) expect(await lastValueFrom(queue.submit(n))).to.equal(n ** 2);
    expect(await prepared(fleet)).to.deep.equal([]);
    await app.stop();
    await fleets.close();
    await pool.end();
  });

  it('are no statements whose plans depend on the sizes of tables', () => {
    const names = [insertJobs, claimJobs, completeAndNotify].map((statement) => calledFunction(statement('any')));
    expect(names.map((name) => name?.replace(/_\d+$/, ''))).to.deep.equal([
      'insert_jobs',
      'claim_jobs',
      'complete_and_notify',
    ]);
    expect(calledFunction(`select ${selectDueQueues('any', '$1::text[]')}`)).to.equal(undefined);
  });
});

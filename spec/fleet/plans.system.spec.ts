import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import pg from 'pg';
import { claimTime } from '../../lib/fleet/claim-function.js';
import { hasAnyDependents } from '../../lib/fleet/dependents-table.js';
import {
  claimJobs,
  completeJobs,
  deleteEndedJobs,
  endDependencies,
  findDependencies,
  insertJobs as insertStatement,
  keepClaims,
  releaseJobs,
  retryStoredJob,
  selectDueQueues,
  touchJobs,
} from '../../lib/fleet/job-statements.js';
import { readStoredJobs } from '../../lib/fleet/read-function.js';
import { Fleets, sharedUrl } from '../helpers/fleet.js';

/** ENDED_JOBS=760000 makes it a million jobs in all. */
const ended = Number(process.env['ENDED_JOBS'] ?? 200_000);

describe('The statements of a fleet', () => {
  const fleets = new Fleets();
  const { schema } = fleets;
  const jobs = `${schema}_jobs.job`;
  let client: pg.Client;

  before(async () => {
    const fleet = await fleets.connect();
    await fleet.queue('q').enqueue(1);
    client = new pg.Client({ connectionString: await sharedUrl() });
    await client.connect();
  });
  after(async () => {
    await client.end();
    await fleets.close();
  });

  /** Returns the number of rows of the jobs that this session has read, since a time that it does not tell. */
  async function rowsReadSoFar(): Promise<number> {
    const { rows } = await client.query<{ count: number }>(
      `select sum(seq_tup_read + coalesce(idx_tup_fetch, 0))::int as count
       from pg_stat_xact_user_tables where schemaname = $1`,
      [`${schema}_jobs`],
    );
    return rows[0]?.count ?? NaN;
  }

  /** Returns the number of rows of the jobs that a statement reads. Whatever it changes is undone. */
  async function rowsRead(sql: string, values: unknown[]): Promise<number> {
    await client.query('begin');
    const before = await rowsReadSoFar();
    await client.query(sql, values);
    const after = await rowsReadSoFar();
    await client.query('rollback');
    return after - before;
  }

  const insertJobs = (count: number, state: string, startAfter: string) =>
    client.query(
      `insert into ${jobs} (name, state, start_after, started_on, completed_on)
       select 'q', '${state}', ${startAfter}, case when '${state}' = 'active' then now() end,
         case when '${state}' = 'completed' then now() end
       from generate_series(1, ${count})`,
    );

  const steps: readonly [title: string, prepare: () => Promise<unknown>][] = [
    ['one job, never analyzed', () => Promise.resolve()],
    ['three active jobs beside it', () => insertJobs(3, 'active', 'now()')],
    ['20,000 ended jobs, never analyzed', () => insertJobs(20_000, 'completed', 'now()')],
    ['20,000 delayed jobs beside them, never analyzed', () => insertJobs(20_000, 'created', `now() + interval '1 d'`)],
    ['the same jobs, analyzed', () => client.query(`analyze ${jobs}`)],
    [`${ended.toLocaleString('en')} more ended jobs than were analyzed`, () => insertJobs(ended, 'completed', 'now()')],
    ['all of them, analyzed', () => client.query(`analyze ${jobs}`)],
    ['20,000 waiting jobs beside them', () => insertJobs(20_000, 'created', 'now()')],
    ['these, too, analyzed', () => client.query(`analyze ${jobs}`)],
    ['200,000 waiting jobs', () => insertJobs(200_000, 'created', 'now()')],
    ['2,000 active jobs', () => insertJobs(2000, 'active', 'now()')],
    ['all jobs, analyzed', () => client.query(`analyze ${jobs}`)],
  ];
  for (const [title, prepare] of steps)
    it(`read only the jobs that they are about (${title})`, async () => {
      await prepare();
      const due = await rowsRead(`select ${selectDueQueues(schema, '$1::text[]')}`, [['q', 'other']]);
      const active = await client.query(`select from ${jobs} where state = 'active'`);
      // Any of the active jobs may be lost. Of the others, one is enough.
      expect(due).to.be.at.most(4 + (active.rowCount ?? 0));
      // Once for the place of a job, and once for the job.
      expect(await rowsRead(claimJobs(schema), ['q', 10, 10, null, null, null])).to.be.at.most(20);
      const { rows } = await client.query<{ id: string; at: string }>(
        `select id, ${claimTime('started_on')} as at from ${jobs} where name = 'q' and state = 'active' limit 50`,
      );
      const ids = [...rows.map(({ id }) => id), randomUUID()];
      // If there are few rows, a statement may read all of them several times.
      const few = Math.max(20, ids.length);
      const claims = [ids, ids.map(() => 0), [...rows.map(({ at }) => at), '0']];
      const outputs = JSON.stringify(Object.fromEntries(ids.map((id, value) => [id, { value }])));
      expect(await rowsRead(completeJobs(schema), ['q', ...claims, outputs])).to.be.at.most(few);
      expect(await rowsRead(releaseJobs(schema), ['q', ...claims])).to.be.at.most(few);
      expect(await rowsRead(keepClaims(schema), ['q', ...claims, true])).to.be.at.most(few);
      expect(await rowsRead(touchJobs(schema), [ids.map(() => 'q'), ...claims])).to.be.at.most(few);
      expect(await rowsRead(readStoredJobs(schema), [ids.map(() => 'q'), ids, 1e6])).to.be.at.most(few);
      const keyed = { id: randomUUID(), data: { input: 1 }, key: 'k' };
      expect(await rowsRead(insertStatement(schema), ['q', JSON.stringify([keyed]), null, null])).to.be.at.most(few);
      // The retention of none is over. The queue and its dead letters are the only two.
      expect(await rowsRead(deleteEndedJobs(schema), [1000])).to.be.at.most(4);
    });
});

describe('The functions of a fleet', () => {
  const fleets = new Fleets();
  after(() => fleets.close());

  it('are never compiled, for which servers before 18 take half a second a call', async () => {
    await fleets.connect();
    const client = new pg.Client({ connectionString: await sharedUrl() });
    await client.connect();
    const { rows } = await client.query<{ name: string; settings: string[] }>(
      `select proname as name, proconfig as settings from pg_proc
       where pronamespace = to_regnamespace($1) and prokind = 'f'`,
      [fleets.schema],
    );
    await client.end();
    expect(rows).to.not.deep.equal([]);
    expect(rows.filter(({ settings }) => !settings.includes('jit=off')).map(({ name }) => name)).to.deep.equal([]);
  });
});

describe('The statements about jobs that wait for others', () => {
  const fleets = new Fleets();
  const { schema } = fleets;
  const jobs = `${schema}_jobs.job`;
  const table = `${schema}.job_after`;
  let client: pg.Client;
  let dependent: string;
  /** A job that all others wait for. */
  let common: string;

  before(async () => {
    const fleet = await fleets.connect();
    const queue = fleet.queue('q');
    const after = [await queue.enqueue(1), await queue.enqueue(2)];
    dependent = await queue.enqueue(3, { after });
    common = await queue.enqueue(4, { delay: 3_600_000 });
    client = new pg.Client({ connectionString: await sharedUrl() });
    await client.connect();
  });
  after(async () => {
    await client.end();
    await fleets.close();
  });

  async function rowsReadSoFar(schemas: readonly string[]): Promise<number> {
    const { rows } = await client.query<{ count: number }>(
      `select sum(seq_tup_read + coalesce(idx_tup_fetch, 0))::int as count
       from pg_stat_xact_user_tables where schemaname = any($1)`,
      [schemas],
    );
    return rows[0]?.count ?? NaN;
  }

  /** Returns the number of rows that a statement reads after another one. Whatever they change is undone. */
  async function rowsRead(
    sql: string,
    values: unknown[] = [],
    prepare = 'select',
    schemas: readonly string[] = [schema, `${schema}_jobs`],
  ): Promise<number> {
    await client.query('begin');
    await client.query(prepare);
    const before = await rowsReadSoFar(schemas);
    await client.query(sql, values);
    const after = await rowsReadSoFar(schemas);
    await client.query('rollback');
    return after - before;
  }

  /** Inserts waiting jobs, and as many jobs that wait for each of these and for one more. */
  const insertDependents = (count: number) =>
    client.query(
      `with dependency as (
         insert into ${jobs} (name) select 'q' from generate_series(1, ${count}) returning id
       ), dependent as (
         insert into ${jobs} (name, blocked, data) select 'q', true, '{}' from generate_series(1, ${count}) returning id
       ), pair as (
         select a.id as job, b.id as after_job
         from (select id, row_number() over () as n from dependent) a
           join (select id, row_number() over () as n from dependency) b using (n)
       )
       insert into ${table} (queue, job, position, after_queue, after_job)
       select 'q', job, 1, 'q', after_job from pair union all select 'q', job, 2, 'q', $1::uuid from pair`,
      [common],
    );

  const steps: readonly [title: string, prepare: () => Promise<unknown>][] = [
    ['one, never analyzed', () => Promise.resolve()],
    ['one, analyzed', () => client.query(`analyze ${table}`)],
    ['3,000 more than were analyzed', () => insertDependents(3000)],
    ['the same, analyzed', () => client.query(`analyze ${table}; analyze ${jobs}`)],
    ['20,000 more than were analyzed', () => insertDependents(20_000)],
    ['all of them, analyzed', () => client.query(`analyze ${table}; analyze ${jobs}`)],
  ];
  for (const [title, prepare] of steps)
    it(`read only the jobs that they are about (${title})`, async () => {
      await prepare();
      // If there are few rows, a statement may read all of them.
      const few = 20;
      const { rows } = await client.query<{ id: string }>(
        `select id from ${jobs} where not blocked and id <> '${common}' order by created_on, id limit 20`,
      );
      const ids = rows.map(({ id }) => id);
      expect(await rowsRead(`select ${hasAnyDependents(schema)}`)).to.be.at.most(few);
      // Each id, the row that waits for it, and its state.
      expect(await rowsRead(endDependencies(schema), [ids])).to.be.at.most(few + 3 * ids.length);
      const end = `update ${jobs} set state = 'completed', output = '{}' where id = any('{${ids.join(',')}}')`;
      // The rows of each dependent are read, written and deleted.
      expect(await rowsRead(endDependencies(schema), [ids], end)).to.be.at.most(few + 40 * ids.length);
      // Up to a thousand dependencies, and their states.
      expect(await rowsRead(findDependencies(schema), ['00000000-0000-0000-0000-000000000000'])).to.be.at.most(2001);
      const claims = [ids, ids.map(() => 0), ids.map(() => '0')];
      const outputs = JSON.stringify(ids.map((value) => ({ value })));
      const claim = `update ${jobs} set state = 'active', started_on = 'epoch' where id = any('{${ids.join(',')}}')`;
      // The other specs count the jobs that it reads.
      const dependents = await rowsRead(completeJobs(schema), ['q', ...claims, outputs], claim, [schema]);
      // Whether there are any dependents, and one of each job.
      expect(dependents).to.be.at.most(1 + ids.length);
      const job = { id: randomUUID(), data: { input: 1 }, after: ids };
      expect(await rowsRead(insertStatement(schema), ['q', JSON.stringify([job]), null, null])).to.be.at.most(
        few + 12 * ids.length,
      );
      const fail = `update ${jobs} set state = 'failed' where id = '${dependent}'`;
      expect(await rowsRead(retryStoredJob(schema), ['q', dependent, 'q.dead', null], fail)).to.be.at.most(few);
    });
});

import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import pg from 'pg';
import {
  claimJobs,
  completeJobs,
  deleteEndedJobs,
  releaseJobs,
  selectDueQueues,
  touchJobs,
} from '../../lib/fleet/job-statements.js';
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
      `insert into ${jobs} (name, state, start_after, completed_on)
       select 'q', '${state}', ${startAfter}, case when '${state}' = 'completed' then now() end
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
      const { rows } = await client.query<{ id: string }>(
        `select id from ${jobs} where name = 'q' and state = 'active' limit 50`,
      );
      const ids = [...rows.map(({ id }) => id), randomUUID()];
      // If there are few rows, a statement may read all of them several times.
      const few = Math.max(20, ids.length);
      const claims = [ids, ids.map(() => 0)];
      const outputs = JSON.stringify(ids.map((_, value) => ({ value })));
      expect(await rowsRead(completeJobs(schema), ['q', ...claims, outputs])).to.be.at.most(few);
      expect(await rowsRead(releaseJobs(schema), ['q', ...claims])).to.be.at.most(few);
      expect(await rowsRead(touchJobs(schema), [ids.map(() => 'q'), ...claims])).to.be.at.most(few);
      // The retention of none is over. The queue and its dead letters are the only two.
      expect(await rowsRead(deleteEndedJobs(schema), [1000])).to.be.at.most(4);
    });
});

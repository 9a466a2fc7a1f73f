import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import pg from 'pg';
import { completeJobs, fetchJobs, selectDueQueues } from '../../lib/fleet/job-statements.js';
import { Fleets, sharedUrl } from '../helpers/fleet.js';

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

  /** Returns the number of rows that each scan of the jobs has read, or removed by a filter. */
  async function rowsRead(sql: string, values: unknown[]): Promise<number[]> {
    await client.query('begin');
    const { rows } = await client.query<{ 'QUERY PLAN': string }>(`explain (analyze, buffers off) ${sql}`, values);
    await client.query('rollback');
    const counts: number[] = [];
    for (const { 'QUERY PLAN': line } of rows) {
      const scan = /Scan .*on job.*actual time=.* rows=([\d.]+) loops=(\d+)/.exec(line);
      if (scan) counts.push(Number(scan[1]) * Number(scan[2]));
      const removed = /Rows Removed by Filter: (\d+)/.exec(line);
      if (removed) counts.push(Number(removed[1]));
    }
    expect(counts, rows.map((row) => row['QUERY PLAN']).join('\n')).not.to.deep.equal([]);
    return counts;
  }

  const insertJobs = (count: number, state: string, startAfter: string) =>
    client.query(
      `insert into ${jobs} (name, state, start_after, completed_on)
       select 'q', '${state}', ${startAfter}, case when '${state}' = 'completed' then now() end
       from generate_series(1, ${count})`,
    );

  const steps: readonly [title: string, prepare: () => Promise<unknown>][] = [
    ['one job, never analyzed', () => Promise.resolve()],
    ['20,000 ended jobs, never analyzed', () => insertJobs(20_000, 'completed', 'now()')],
    ['20,000 delayed jobs beside them, never analyzed', () => insertJobs(20_000, 'created', `now() + interval '1 d'`)],
    ['the same jobs, analyzed', () => client.query(`analyze ${jobs}`)],
    ['200,000 more ended jobs than were analyzed', () => insertJobs(200_000, 'completed', 'now()')],
    ['all of them, analyzed', () => client.query(`analyze ${jobs}`)],
    ['20,000 waiting jobs beside them', () => insertJobs(20_000, 'created', 'now()')],
    ['these, too, analyzed', () => client.query(`analyze ${jobs}`)],
    ['200,000 waiting jobs', () => insertJobs(200_000, 'created', 'now()')],
  ];
  for (const [title, prepare] of steps)
    it(`read only the jobs that they are about (${title})`, async () => {
      await prepare();
      const due = await rowsRead(`select ${selectDueQueues(schema, '$1::text[]')}`, [['q', 'other']]);
      expect(Math.max(...due)).to.be.at.most(2);
      const fetched = await rowsRead(fetchJobs(schema), ['q', 10]);
      expect(Math.max(...fetched)).to.be.at.most(10);
      const { rows } = await client.query<{ id: string }>(`select id from ${jobs} where name = 'q' limit 50`);
      const ids = [...rows.map(({ id }) => id), randomUUID()];
      const outputs = Object.fromEntries(ids.map((id) => [`${id}:0`, { value: 1 }]));
      const completed = await rowsRead(completeJobs(schema), ['q', ids, JSON.stringify(outputs)]);
      expect(Math.max(...completed)).to.be.at.most(ids.length);
    });
});

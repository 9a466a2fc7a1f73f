import { expect } from 'chai';
import pg from 'pg';
import { lastValueFrom } from 'rxjs';
import { QueueFullError, type Fleet } from 'rxjs-tasks/fleet';
import sinon from 'sinon';
import { deleteOldKeys } from '../../lib/fleet/job-keys.js';
import { Fleets, servicesOf, sharedUrl } from '../helpers/fleet.js';
import { statement } from '../helpers/postgres.js';
import { TestApplications } from '../helpers/test-applications.js';
import { pause } from '../helpers/wait.js';
import { describeQueueFeatures } from './behaviour/queue-features.js';

const hour = 3_600_000;

describe('A queue', () => {
  const fleets = new Fleets();
  let fleet: Fleet;
  let queues = 0;
  const newName = () => `sql-${++queues}`;
  const apps = new TestApplications(fleets);
  const run = apps.run;
  const errorOf = (job: Promise<unknown>) => job.catch((error: unknown) => error) as Promise<Error>;
  const query = async <Row extends object>(sql: string) => statement<Row>(await sharedUrl(), sql);
  const countOf = async (queue: string) =>
    (await query(`select from ${fleets.schema}_jobs.job where name = '${queue}'`)).length;

  before(async () => {
    fleet = await fleets.connect({ name: 'sql' });
  });
  afterEach(() => apps.stop());
  after(() => fleets.close());

  it('keeps a key for as long as its window, and accepts no other job while one waits', async () => {
    const queue = fleet.queue<number>(newName());
    const waiting = await queue.enqueue(1, { key: 'waiting' });
    await queue.enqueue(2, { key: 'window', keyWindow: hour });
    const ended = await queue.enqueue(3, { key: 'ended' });
    for (const { id, input } of await queue.jobs()) if (input !== 1) await queue.cancel(id);
    expect((await queue.job(ended))?.state).to.equal('cancelled');
    const keys = () =>
      query<{ key: string }>(`select key from ${fleets.schema}.job_key where name = '${queue.name}' order by key`);
    expect(await keys()).to.have.length(3);
    await query(`update ${fleets.schema}.job_key set until = until - interval '2 min' where name = '${queue.name}'`);
    await deleteOldKeys(servicesOf(fleet).database, queue.name);
    expect(await keys()).to.deep.equal([{ key: 'window' }]);
    expect(await queue.enqueue(4, { key: 'waiting' })).to.equal(waiting);
  });

  it('accepts a key without a window after its last job, even if the clock of the database was set back', async () => {
    const queue = fleet.queue<number>(newName());
    const ended = await queue.enqueue(1, { key: 'x' });
    await queue.cancel(ended);
    await query(`update ${fleets.schema}.job_key set at = at + interval '1 h' where name = '${queue.name}'`);
    expect(await queue.enqueue(2, { key: 'x' })).not.to.equal(ended);
  });

  it('starts the jobs of one call in the order of their inputs, wherever their rows are in the table', async () => {
    const queue = fleet.queue<number>(newName());
    const inputs = Array.from({ length: 20 }, (_, n) => n);
    const ids = await queue.enqueueMany(inputs);
    const table = `${fleets.schema}_jobs.job`;
    // An update moves a row to the end.
    for (const id of ids.slice(0, 10).toReversed()) await query(`update ${table} set data = data where id = '${id}'`);
    const started: number[] = [];
    run(queue.worker((n) => void started.push(n)));
    await Promise.all(ids.map((id) => lastValueFrom(queue.result(id), { defaultValue: undefined })));
    expect(started).to.deep.equal(inputs);
  });

  describe('within a transaction of the caller', () => {
    let client: pg.Client;
    before(async () => {
      client = new pg.Client({ connectionString: await sharedUrl() });
      await client.connect();
      await client.query('create table if not exists orders (id int)');
    });
    after(() => client.end());

    it('has the job when it is committed, and notifies the workers of it', async () => {
      const queue = fleet.queue<number, number>(newName());
      run(queue.worker((n) => n + 1));
      await client.query('begin');
      await client.query('insert into orders values (1)');
      const id = await queue.enqueue(1, { db: client });
      expect(await queue.job(id)).to.equal(undefined);
      await client.query('commit');
      expect(await lastValueFrom(queue.result(id))).to.equal(2);
    });

    it('counts the window of a key, and a delay, from the call, however old the transaction is', async () => {
      const queue = fleet.queue<number>(newName());
      await client.query('begin');
      const { rows } = await client.query<{ now: Date }>('select clock_timestamp() as now from pg_sleep(0.05)');
      const now = rows[0]?.now.getTime() ?? NaN;
      const id = await queue.enqueue(1, { db: client, key: 'k', keyWindow: hour, delay: hour });
      await client.query('commit');
      const [key] = await query<{ at: Date }>(`select at from ${fleets.schema}.job_key where name = '${queue.name}'`);
      expect(key?.at.getTime()).to.be.at.least(now);
      expect((await queue.job(id))?.dueAt?.getTime()).to.be.at.least(now + hour);
    });

    it('never has the job when it is rolled back', async () => {
      const queue = fleet.queue<number>(newName());
      await client.query('begin');
      const [first, second] = await queue.enqueueMany([1, 2], { db: client });
      await client.query('rollback');
      expect([await queue.job(first ?? ''), await queue.job(second ?? '')]).to.deep.equal([undefined, undefined]);
    });

    it('is not aborted by an input that is refused, or by a full queue', async () => {
      const queue = fleet.queue<unknown>(newName(), { maxWaiting: 2 });
      await client.query('begin');
      await client.query('insert into orders values (2)');
      expect(await errorOf(queue.enqueue('a\0', { db: client }))).to.be.instanceOf(TypeError);
      await queue.enqueueMany([1, 2], { db: client });
      const full = await errorOf(queue.enqueue(3, { db: client }));
      expect(full).to.be.instanceOf(QueueFullError);
      expect(full.message).to.equal(`Queue ${queue.name} is full: it has 2 waiting jobs`);
      await client.query('commit');
      expect([
        await countOf(queue.name),
        (await client.query('select from orders where id = 2')).rowCount,
      ]).to.deep.equal([2, 1]);
    });

    it('has all jobs that are acknowledged, although a call at the same time is refused', async () => {
      const queue = fleet.queue<number>(newName());
      await client.query('begin');
      const unknown = { db: client, after: ['3e2c4b5a-0000-4000-8000-000000000000'] };
      const calls = [1, 2, 3, 4, 5].map((n) => queue.enqueue(n, n % 2 === 0 ? unknown : { db: client }));
      const settled = await Promise.allSettled(calls);
      await client.query('commit');
      expect(settled.map(({ status }) => status === 'fulfilled')).to.deep.equal([true, false, true, false, true]);
      expect((await queue.jobs()).map(({ input }) => input)).to.deep.equal([1, 3, 5]);
    });

    it('counts delays and windows from the call, however old the transaction is', async () => {
      const queue = fleet.queue<number>(newName());
      await client.query('begin');
      await client.query('select pg_sleep(1)');
      const { rows } = await client.query<{ now: Date }>('select clock_timestamp() as now');
      const id = await queue.enqueue(1, { db: client, delay: 60_000, key: 'k', keyWindow: 60_000 });
      await client.query('commit');
      const calledAt = Number(rows[0]?.now);
      expect(Number((await queue.job(id))?.dueAt)).to.be.at.least(calledAt + 60_000);
      const [key] = await query<{ until: Date }>(
        `select until from ${fleets.schema}.job_key where name = '${queue.name}'`,
      );
      expect(Number(key?.until)).to.be.at.least(calledAt + 60_000);
    });

    it('names the form of a client that returns rows without the object around them', async () => {
      const queue = fleet.queue<number>(newName());
      const db = {
        query: async (text: string, values: unknown[]) => (await client.query<object>(text, values)).rows,
      };
      await client.query('begin');
      const error = await errorOf(queue.enqueue(1, { db: db as never }));
      await client.query('rollback');
      expect(error.message).to.equal(
        'Expected `db` to be a client whose `query` resolves to `{ rows }`, got `[]` (object)',
      );
    });

    it('takes as many jobs as it is given, whatever their length is together', async () => {
      const queue = fleet.queue<string>(newName());
      await client.query('begin');
      const ids = await queue.enqueueMany(
        Array.from({ length: 1203 }, (_, n) => (n < 3 ? 'x'.repeat(2_000_000) : '')),
        { db: client },
      );
      await client.query('commit');
      expect([new Set(ids).size, await countOf(queue.name)]).to.deep.equal([1203, 1203]);
    });

    it('notifies no worker if it must not, and has the job at their next poll', async () => {
      const queue = fleet.queue<number, number>(newName());
      run(queue.worker((n) => n + 1));
      const texts: string[] = [];
      const db = {
        query: (text: string, values: unknown[]) => {
          texts.push(text);
          return client.query(text, values);
        },
      };
      await client.query('begin');
      const id = await queue.enqueue(1, { db, notify: false });
      await client.query('commit');
      expect(await lastValueFrom(queue.result(id))).to.equal(2);
      expect(texts.filter((text) => text.includes('notify'))).to.deep.equal([]);
    });

    it('refuses to notify nobody without a client, and what is not true or false', async () => {
      const queue = fleet.queue<number>(newName());
      expect((await errorOf(queue.enqueue(1, { notify: false }))).message).to.equal(
        'Expected `notify` to be used together with `db`',
      );
      const error = await errorOf(queue.enqueue(1, { db: client, notify: 'no' as never }));
      expect(error).to.be.an.instanceOf(TypeError);
    });

    it('refuses a client of another database', async () => {
      const other = new pg.Client({ connectionString: (await sharedUrl()).replace(/[^/]+$/, 'template1') });
      await other.connect();
      try {
        await other.query('begin');
        const error = await errorOf(fleet.queue<number>(newName()).enqueue(1, { db: other }));
        expect([error.name, error.message]).to.deep.equal([
          'TypeError',
          'Expected `db` to be a client of the database of the fleet',
        ]);
        expect((await other.query('select 1 as one')).rows).to.deep.equal([{ one: 1 }]);
      } finally {
        await other.end();
      }
    });

    it('passes the error of a client on', async () => {
      const error = new Error('no');
      const db = { query: () => Promise.reject(error) };
      expect(await errorOf(fleet.queue<number>(newName()).enqueue(1, { db }))).to.equal(error);
    });

    it('refuses a client that has begun no transaction', async () => {
      const error = await errorOf(fleet.queue<number>(newName()).enqueue(1, { db: client }));
      expect([error.name, error.message]).to.deep.equal([
        'TypeError',
        'Expected `db` to be a client that has begun a transaction. Execute `begin` first',
      ]);
    });
  });

  it('claims no job for a worker that waited for other claims when the queue was paused', async () => {
    const queue = fleet.queue<number>(newName());
    const url = await sharedUrl();
    const [holder, next] = [new pg.Client({ connectionString: url }), new pg.Client({ connectionString: url })];
    await Promise.all([holder.connect(), next.connect()]);
    const lock = `(hashtextextended('${fleets.schema}.${queue.name}', 0))`;
    const waiting = async () => {
      const key = '(classid::bigint << 32 | objid::bigint)';
      return (await query(`select from pg_locks where locktype = 'advisory' and not granted and ${key} = ${lock}`))
        .length;
    };
    try {
      await holder.query(`select pg_advisory_lock${lock}`);
      run(queue.worker(() => undefined, { groupConcurrency: 1 }));
      const id = await queue.enqueue(1);
      await fleets.waitUntil(async () => (await waiting()) === 1);
      await queue.pause();
      const claimed = next.query(`select pg_advisory_lock${lock}`);
      await fleets.waitUntil(async () => (await waiting()) === 2);
      await holder.query(`select pg_advisory_unlock${lock}`);
      await claimed;
      expect((await queue.job(id))?.state).to.equal('waiting');
    } finally {
      await Promise.all([holder.end(), next.end()]);
    }
  });

  it('costs an idle worker no statements', async () => {
    const queue = fleet.queue<string>(newName());
    const runner = queue.worker(() => undefined, { rate: { jobs: 100, per: 200 } });
    const { jobs } = servicesOf(fleet);
    const claims = sinon.spy(jobs, 'claim');
    try {
      run(runner);
      await lastValueFrom(queue.submit('a'));
      // After the time of the rate, and of the last poll that may have been sent within it.
      await pause(1500);
      claims.resetHistory();
      await pause(500);
      expect(claims.args.filter(([name]) => name === queue.name)).to.deep.equal([]);
    } finally {
      claims.restore();
    }
  });

  describeQueueFeatures(fleets);
});

import { expect } from 'chai';
import pg from 'pg';
import { firstValueFrom, lastValueFrom, NEVER } from 'rxjs';
import { launch, type Application, type Runnable } from 'rxjs-tasks';
import { QueueFullError, UnrecoverableError, type Fleet, type JobError, type Queue } from 'rxjs-tasks/fleet';
import sinon from 'sinon';
import { deleteOldKeys } from '../../lib/fleet/job-keys.js';
import { Fleets, servicesOf, sharedUrl } from '../helpers/fleet.js';
import { statement } from '../helpers/postgres.js';
import { deferred } from '../helpers/tasks.js';
import { pause, waitUntil } from '../helpers/wait.js';

const hour = 3_600_000;

describe('A queue', () => {
  const fleets = new Fleets();
  let fleet: Fleet;
  let other: Fleet;
  let queues = 0;
  const apps: Application[] = [];
  const newName = () => `features-${++queues}`;
  const run = (...runnables: Runnable[]) => {
    const app = launch(runnables);
    apps.push(app);
    return { stop: () => app.stop() };
  };
  const errorOf = (job: Promise<unknown>) => job.catch((error: unknown) => error) as Promise<Error>;
  const query = async <Row extends object>(sql: string) => statement<Row>(await sharedUrl(), sql);
  const countOf = async (queue: string) =>
    (await query(`select from ${fleets.schema}_jobs.job where name = '${queue}'`)).length;

  before(async () => {
    fleet = await fleets.connect({ name: 'one' });
    other = await fleets.connect({ name: 'two' });
  });
  afterEach(async () => {
    for (const app of apps.splice(0)) await app.stop();
  });
  after(() => fleets.close());

  describe('with keys', () => {
    it('has one waiting job with a key, however many processes enqueue it', async () => {
      const name = newName();
      const [one, two] = [fleet.queue<number>(name), other.queue<number>(name)];
      const ids = await Promise.all(
        Array.from({ length: 40 }, (_, n) => (n % 2 === 0 ? one : two).enqueue(n, { key: `k${n % 4}` })),
      );
      const distinct = [0, 1, 2, 3].map((key) => new Set(ids.filter((_, n) => n % 4 === key)).size);
      expect([distinct, await countOf(name)]).to.deep.equal([[1, 1, 1, 1], 4]);
      // Jobs without a key are not concerned, and neither is the same key in another queue.
      await Promise.all([one.enqueue(1), one.enqueue(1), fleet.queue(newName()).enqueue(1, { key: 'k1' })]);
      expect(await countOf(name)).to.equal(6);
    });

    it('takes the key again when the job does not wait any more', async () => {
      const queue = fleet.queue<number>(newName());
      const started: number[] = [];
      run(
        queue.worker((n) => {
          started.push(n);
          return n === 1 ? NEVER : undefined;
        }),
      );
      const first = await queue.enqueue(1, { key: 'k' });
      await waitUntil(() => started.length === 1);
      const [second, third] = [await queue.enqueue(2, { key: 'k' }), await queue.enqueue(3, { key: 'k' })];
      expect([first === second, second === third]).to.deep.equal([false, true]);
    });

    it('accepts one job with a key within its window, also after the end of the job', async () => {
      const queue = fleet.queue<number>(newName());
      run(queue.worker(() => undefined));
      const options = { key: 'k', keyWindow: 1500 };
      const first = await queue.enqueue(1, options);
      await lastValueFrom(queue.result(first));
      expect(await queue.enqueue(2, options)).to.equal(first);
      await waitUntil(async () => (await queue.enqueue(3, options)) !== first);
      const [row] = await query<{ ms: number }>(
        `select extract(epoch from max(created_on) - min(created_on))::float8 * 1000 as ms
         from ${fleets.schema}_jobs.job where name = '${queue.name}'`,
      );
      expect(row?.ms).to.be.at.least(1500);
    });

    it('keeps no key that allows the next job, and each that does not', async () => {
      const queue = fleet.queue<number>(newName());
      await queue.enqueue(1, { key: 'waiting' });
      await queue.enqueue(2, { key: 'window', keyWindow: hour });
      const ended = await queue.enqueue(3, { key: 'ended' });
      for (const { id, input } of await queue.jobs()) if (input !== 1) await queue.cancel(id);
      expect((await queue.job(ended))?.state).to.equal('cancelled');
      const keys = () =>
        query<{ key: string }>(`select key from ${fleets.schema}.job_key where name = '${queue.name}' order by key`);
      expect(await keys()).to.have.length(3);
      await query(`update ${fleets.schema}.job_key set until = until - interval '2 min' where name = '${queue.name}'`);
      await deleteOldKeys(servicesOf(fleet).database, queue.name);
      expect(await keys()).to.deep.equal([{ key: 'waiting' }, { key: 'window' }]);
    });

    it('lets a submitter follow the waiting job, which only its own submitter cancels', async () => {
      const queue = fleet.queue<number, number>(newName());
      const options = { key: 'k', delay: hour };
      const first = lastValueFrom(queue.submit(1, options));
      await waitUntil(async () => (await countOf(queue.name)) === 1);
      const followers = [queue, other.queue<number, number>(queue.name)];
      const second = lastValueFrom(followers[1]?.submit(2, options) ?? NEVER);
      const subscription = queue.submit(3, options).subscribe();
      const [job] = await queue.jobs();
      await pause(100);
      subscription.unsubscribe();
      await pause(100);
      expect((await queue.job(job?.id ?? ''))?.state).to.equal('delayed');
      run(queue.worker((n) => n * 10));
      expect(await queue.promote(job?.id ?? '')).to.equal(true);
      expect(await Promise.all([first, second])).to.deep.equal([10, 10]);
    });

    it('refuses a window without a key, and a key that is empty or too long', () => {
      const queue = fleet.queue<number>(newName());
      expect(() => queue.submit(1, { keyWindow: 1 })).to.throw(TypeError, 'together with `key`');
      expect(() => queue.submit(1, { key: 'k'.repeat(201) })).to.throw(RangeError, 'up to 200 characters');
      expect(() => queue.submit(1, { key: 'a\0' })).to.throw(TypeError);
      expect(() => queue.submit(1, { key: 1 as never })).to.throw(TypeError);
    });
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
      await pause(100);
      expect(await queue.job(id)).to.equal(undefined);
      await client.query('commit');
      expect(await lastValueFrom(queue.result(id))).to.equal(2);
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

    it('refuses a client that has begun no transaction', async () => {
      const error = await errorOf(fleet.queue<number>(newName()).enqueue(1, { db: client }));
      expect([error.name, error.message]).to.deep.equal([
        'TypeError',
        'Expected `db` to be a client that has begun a transaction',
      ]);
    });

    it('refuses a client without a query function', async () => {
      const error = await errorOf(fleet.queue<number>(newName()).enqueue(1, { db: {} as never }));
      expect(error.message).to.equal('Expected `db` to be a client with a `query` function, got `{}` (object)');
    });
  });

  describe('with jobs that fail', () => {
    it('does not retry after an UnrecoverableError, of whatever copy or thread', async () => {
      const queue = fleet.queue<string>(newName(), { retries: 3, backoff: { initial: 0 } });
      const attempts: string[] = [];
      run(
        queue.worker((kind) => {
          attempts.push(kind);
          if (kind === 'own') throw new UnrecoverableError('never');
          if (kind === 'copy')
            throw Object.assign(new Error('never'), { [Symbol.for('rxjs-tasks.UnrecoverableError')]: true });
          throw Object.assign(new Error('never'), { name: 'UnrecoverableError' });
        }),
      );
      for (const kind of ['own', 'copy', 'thread'])
        expect((await errorOf(lastValueFrom(queue.submit(kind)))).name).to.equal('JobError');
      expect(attempts).to.deep.equal(['own', 'copy', 'thread']);
      expect((await queue.deadLetters()).map(({ input }) => input)).to.deep.equal(['own', 'copy', 'thread']);
    });

    it('has retries and timeouts for each job', async () => {
      const queue = fleet.queue<number>(newName(), { retries: 0, backoff: { initial: 0 } });
      const attempts = new Map<number, number>();
      run(
        queue.worker(
          (n, _, { attempt }) => {
            attempts.set(n, attempt);
            if (n === 0) return NEVER;
            throw new Error('no');
          },
          { concurrency: 5 },
        ),
      );
      const errors = await Promise.all([
        errorOf(lastValueFrom(queue.submit(0, { timeout: 50 }))),
        errorOf(lastValueFrom(queue.submit(1, { retries: 2 }))),
        errorOf(lastValueFrom(queue.submit(2))),
      ]);
      expect(errors.map((error) => (error as JobError).failure.message)).to.deep.equal([
        'Not done within 50 ms',
        'no',
        'no',
      ]);
      expect([...attempts].sort(([a], [b]) => a - b)).to.deep.equal([
        [0, 1],
        [1, 3],
        [2, 1],
      ]);
    });

    it('runs a failed job again on request, and then has no dead letter of it', async () => {
      const queue = fleet.queue<number, string>(newName(), { retries: 0 });
      let fails = true;
      run(
        queue.worker((_, __, { attempt }) => {
          if (fails) throw new Error('no');
          return `attempt ${attempt}`;
        }),
      );
      const id = await queue.enqueue(1);
      await waitUntil(async () => (await queue.job(id))?.state === 'failed');
      fails = false;
      expect(await queue.retry(id)).to.equal(true);
      expect(await firstValueFrom(queue.result(id))).to.equal('attempt 2');
      expect([await queue.retry(id), await queue.deadLetters()]).to.deep.equal([false, []]);
    });
  });

  describe('with limits', () => {
    /** Runs workers in two processes, and returns the largest number of jobs of each group at a time. */
    async function maxTogether(queue: Queue<string, unknown>, jobs: readonly string[], options: object) {
      const [running, max] = [new Map<string, number>(), new Map<string, number>()];
      const order: string[] = [];
      const handler = async (group: string) => {
        order.push(group);
        const count = (running.get(group) ?? 0) + 1;
        running.set(group, count);
        max.set(group, Math.max(count, max.get(group) ?? 0));
        await pause(30);
        running.set(group, (running.get(group) ?? 0) - 1);
      };
      const second = other.queue<string>(queue.name);
      run(queue.worker(handler, options), second.worker(handler, options));
      await waitUntil(() => order.length === jobs.length);
      return { max: Object.fromEntries(max), order };
    }

    it('runs at most so many jobs of a group in all processes, and lets no group wait for another', async () => {
      const queue = fleet.queue<string>(newName());
      const jobs = [...Array.from({ length: 40 }, () => 'a'), 'b', 'b', 'b'];
      for (const group of jobs) await queue.enqueue(group, { group });
      const { max, order } = await maxTogether(queue, jobs, { concurrency: 8, groupConcurrency: 2 });
      expect(max['a']).to.be.at.most(2);
      expect(max['b']).to.be.at.most(2);
      expect(order.lastIndexOf('b')).to.be.below(15);
    });

    it('starts at most so many jobs within a time, in all processes', async () => {
      const queue = fleet.queue<string>(newName());
      const jobs = Array.from({ length: 12 }, () => 'a');
      await queue.enqueueMany(jobs);
      await maxTogether(queue, jobs, { concurrency: 8, rate: { jobs: 3, per: 400 } });
      const rows = await query<{ at: number }>(
        `select extract(epoch from started_on)::float8 * 1000 as at from ${fleets.schema}_jobs.job
         where name = '${queue.name}' order by started_on`,
      );
      const starts = rows.map(({ at }) => at);
      // Any four starts in a row take longer than the time.
      for (let n = 3; n < starts.length; n++) expect((starts[n] ?? 0) - (starts[n - 3] ?? 0)).to.be.at.least(399);
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

    it('refuses limits that are none', () => {
      const queue = fleet.queue<number>(newName());
      for (const options of [{ groupConcurrency: 0 }, { rate: { jobs: 0, per: 1 } }, { rate: { jobs: 1, per: 0 } }])
        expect(() => queue.worker(() => 1, options)).to.throw(RangeError);
    });
  });

  describe('that is paused', () => {
    it('starts no job in any process, also after a restart, until it is resumed', async () => {
      const queue = fleet.queue<number>(newName());
      const started: number[] = [];
      const gate = deferred<undefined>();
      const handler = (n: number) => {
        started.push(n);
        return n === 100 ? gate.promise : undefined;
      };
      await queue.enqueueMany(Array.from({ length: 60 }, (_, n) => n));
      await queue.enqueue(100);
      await queue.enqueueMany([101, 102, 103]);
      const worker = run(queue.worker(handler));
      await waitUntil(() => started.includes(100));
      await queue.pause({ by: 'ann' });
      // Jobs that were claimed in advance are given back.
      const active = `select from ${fleets.schema}_jobs.job where name = '${queue.name}' and state = 'active'`;
      await waitUntil(async () => (await query(active)).length === 1);
      gate.resolve(undefined);
      await pause(300);
      expect(started.at(-1)).to.equal(100);
      await worker.stop();
      run(other.queue<number>(queue.name).worker(handler));
      await pause(300);
      expect(started.at(-1)).to.equal(100);
      const [state] = (await fleet.state()).queues.filter(({ name }) => name === queue.name);
      expect([state?.waiting, state?.paused?.by]).to.deep.equal([3, 'ann']);
      await other.queue(queue.name).resume();
      await waitUntil(() => started.length === 64);
    });
  });

  describe('tells', () => {
    it('the state of a job with its input, output, failure and progress', async () => {
      const queue = fleet.queue<number, string>(newName(), { retries: 1, backoff: { initial: 60_000 } });
      const [waiting, delayed] = [await queue.enqueue(1), await queue.enqueue(2, { delay: hour, priority: -1 })];
      const states = async () => (await queue.jobs()).map(({ state }) => state);
      expect(await states()).to.deep.equal(['waiting', 'delayed']);
      const held = deferred<undefined>();
      const worker = run(
        queue.worker(
          async (n, _, job) => {
            job.progress({ percent: n });
            if (n === 3) throw new Error('no');
            await held.promise;
            return `done ${n}`;
          },
          { concurrency: 3 },
        ),
      );
      const failing = await queue.enqueue(3, { group: 'g', key: 'k' });
      await waitUntil(async () => (await queue.job(failing))?.state === 'retrying');
      await waitUntil(async () => (await queue.job(waiting))?.progress !== undefined);
      const active = await queue.job(waiting);
      expect(active).to.deep.include({ state: 'active', input: 1, progress: { percent: 1 }, attempt: 1, priority: 0 });
      expect(active).not.to.have.any.keys('output', 'failure', 'endedAt', 'dueAt', 'key', 'group');
      held.resolve(undefined);
      await waitUntil(async () => (await queue.job(waiting))?.state === 'completed');
      const completed = await queue.job(waiting);
      expect(completed).to.deep.include({ output: 'done 1' });
      expect(completed?.endedAt).to.be.instanceOf(Date);
      const retrying = await queue.job(failing);
      expect(retrying).to.deep.include({ failure: { name: 'Error', message: 'no' }, group: 'g', key: 'k', attempt: 1 });
      expect((retrying?.dueAt?.getTime() ?? 0) - (retrying?.createdAt.getTime() ?? 0)).to.be.greaterThan(20_000);
      expect(await queue.cancel(delayed)).to.equal(true);
      expect((await queue.job(delayed))?.state).to.equal('cancelled');
      await worker.stop();
      expect(await queue.remove(failing)).to.equal(true);
      expect([await queue.job(failing), await queue.remove(failing)]).to.deep.equal([undefined, false]);
    });

    it('its jobs in pages, of one state or of all', async () => {
      const queue = fleet.queue<number>(newName());
      await queue.enqueueMany(Array.from({ length: 25 }, (_, n) => n));
      const late = await queue.enqueue(99, { delay: hour });
      const read: number[] = [];
      for (let after: string | undefined; ;) {
        const page = await queue.jobs({ limit: 10, after });
        if (page.length === 0) break;
        read.push(...page.map(({ input }) => input));
        after = page.at(-1)?.id;
      }
      expect([...read].sort((a, b) => a - b)).to.deep.equal([...Array.from({ length: 25 }, (_, n) => n), 99]);
      expect((await queue.jobs({ state: 'delayed' })).map(({ id }) => id)).to.deep.equal([late]);
      expect(await queue.jobs({ state: 'waiting', limit: 1000 })).to.have.length(25);
      expect(await errorOf(queue.jobs({ state: 'created' as never }))).to.be.instanceOf(RangeError);
      expect((await errorOf(queue.job('x'))).message).to.equal(
        "Expected `job` to be the id of a job, got `'x'` (string)",
      );
    });
  });
});

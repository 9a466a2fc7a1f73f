import { expect } from 'chai';
import { lastValueFrom, NEVER } from 'rxjs';
import { launch } from 'rxjs-tasks';
import type { Fleet, FleetEvent, JobError } from 'rxjs-tasks/fleet';
import sinon from 'sinon';
import { connectError, Fleets, servicesOf, sharedUrl } from '../helpers/fleet.js';
import { startPostgres, statement, type Postgres } from '../helpers/postgres.js';
import { deferred } from '../helpers/tasks.js';
import { waitUntil } from '../helpers/wait.js';

describe('The options of a queue', () => {
  const fleets = new Fleets();
  const { schema } = fleets;
  let fleet: Fleet;
  let other: Fleet;
  const errorOf = (job: Promise<unknown>) => job.catch((error: unknown) => error) as Promise<JobError>;
  const query = async <Row extends object>(sql: string) => statement<Row>(await sharedUrl(), sql);

  before(async () => {
    fleet = await fleets.connect();
    other = await fleets.connect();
  });
  after(() => fleets.close());

  it('remain as they are when another process opens the queue without any', async () => {
    const options = { retries: 0, retention: 3000, timeout: 100, maxWaiting: 7, backoff: { initial: 5000, max: 9000 } };
    await fleet.queue('kept', options).enqueue(1, { delay: 1000 });
    const stored = () => query(`select * from ${schema}_jobs.queue where name = 'kept'`);
    const [before] = await stored();
    const producer = other.queue<number>('kept');
    await producer.enqueue(2, { delay: 1000 });
    expect((await stored())[0]).to.deep.include({ ...before, ...(await statistics('kept')) });
    // A process that gives none of them works by those that are stored.
    const app = launch([producer.worker(() => NEVER)]);
    const error = await errorOf(lastValueFrom(producer.submit(3)));
    expect(error.failure).to.deep.equal({ name: 'DeadlineError', message: 'Not done within 100 ms' });
    await app.stop();
  });

  it('hold for the worker of a process that submits nothing', async () => {
    const queue = fleet.queue<number>('worked', { retries: 0, timeout: 100 });
    const id = await queue.enqueue(1);
    const app = launch([other.queue<number>('worked').worker(() => NEVER)]);
    const error = await errorOf(lastValueFrom(queue.result(id)));
    expect(error.failure).to.deep.equal({ name: 'DeadlineError', message: 'Not done within 100 ms' });
    await app.stop();
  });

  /** Returns the columns of a queue that pg-boss changes by itself. */
  async function statistics(queue: string): Promise<object> {
    const [row] = await query<Record<string, unknown>>(`select * from ${schema}_jobs.queue where name = '${queue}'`);
    const own = /^(name|policy|retry|expire|retention|deletion|dead|heartbeat)/;
    return Object.fromEntries(Object.entries(row ?? {}).filter(([column]) => !own.test(column)));
  }

  it('can be changed one by one', async () => {
    await fleet.queue('changed', { retries: 5, maxWaiting: 3 }).enqueue(1, { delay: 1000 });
    await other.queue('changed', { maxWaiting: Infinity, backoff: { initial: 2000 } }).enqueue(1, { delay: 1000 });
    const [row] = await query<{ retries: number; initial: number }>(
      `select retry_limit as retries, retry_delay as initial from ${schema}_jobs.queue where name = 'changed'`,
    );
    expect(row).to.deep.equal({ retries: 5, initial: 2 });
    const third = (await fleets.connect()).queue<number>('changed');
    await Promise.all(Array.from({ length: 10 }, (_, n) => third.enqueue(n)));
  });

  it('delete an ended job soon after its retention', async () => {
    const queue = fleet.queue<number, number>('short', { retention: 1000 });
    const app = launch([queue.worker((n) => n)]);
    await lastValueFrom(queue.submit(1));
    await app.stop();
    const { jobs } = servicesOf(fleet);
    expect(await jobs.deleteEnded(100)).to.equal(0);
    await query(`update ${schema}_jobs.job set completed_on = now() - interval '2 s' where name = 'short'`);
    expect(await jobs.deleteEnded(100)).to.equal(1);
    expect(await query(`select from ${schema}_jobs.job where name = 'short'`)).to.deep.equal([]);
  });

  it('delete so many ended jobs at a time, the oldest first, and none that still runs or waits', async () => {
    const queue = fleet.queue<number>('old', { retention: 10_000 });
    const ids = await queue.enqueueMany([0, 1, 2, 3, 4]);
    const { jobs } = servicesOf(fleet);
    const end = (state: string, n: number) =>
      query(
        `update ${schema}_jobs.job set state = '${state}', completed_on = now() - interval '${100 - n} s'
         where id = '${ids[n]}'`,
      );
    await Promise.all(['completed', 'failed', 'cancelled'].map(end));
    expect(await jobs.deleteEnded(2)).to.equal(2);
    const left = async () => (await queue.jobs()).map(({ id }) => id);
    expect(await left()).to.deep.equal(ids.slice(2));
    expect(await jobs.deleteEnded(2)).to.equal(1);
    expect(await left()).to.deep.equal(ids.slice(3));
  });

  it('count only jobs that are due as waiting', async () => {
    const queue = fleet.queue<number>('due', { maxWaiting: 2 });
    await Promise.all(Array.from({ length: 10 }, () => queue.enqueue(1, { delay: 3_600_000 })));
    await queue.enqueue(1);
    await queue.enqueue(2);
    const third = queue.enqueue(3);
    const app = launch([queue.worker(() => undefined)]);
    await third;
    await app.stop();
  });

  it('drop a job that is unsubscribed while it waits for room', async () => {
    const queue = fleet.queue<number>('dropped', { maxWaiting: 1 });
    await queue.enqueue(1);
    const subscription = queue.submit(2).subscribe();
    await new Promise(setImmediate);
    subscription.unsubscribe();
    const started: number[] = [];
    const app = launch([queue.worker((n) => void started.push(n))]);
    await lastValueFrom(queue.submit(3));
    await app.stop();
    expect(started).to.deep.equal([1, 3]);
  });

  it('let an event say that a handler waits for room in its own full queue', async () => {
    const queue = fleet.queue<number>('own', { maxWaiting: 1 });
    const events: FleetEvent[] = [];
    const subscription = fleet.events$.subscribe((event) => events.push(event));
    const filled = deferred<undefined>();
    const app = launch([
      queue.worker(async () => {
        await filled.promise;
        await queue.enqueue(3);
      }),
    ]);
    await queue.enqueue(1);
    await waitUntil(() => events.some(({ type }) => type === 'started'));
    await queue.enqueue(2);
    filled.resolve(undefined);
    await waitUntil(() => events.some(({ type }) => type === 'degraded'));
    const texts = events.map((event) => 'what' in event && event.what).filter(Boolean);
    expect(texts).to.deep.equal(['Queue own is full. A handler that submits to its own full queue waits for ever']);
    const cancelled = await query<{ id: string }>(`delete from ${schema}_jobs.job where name = 'own' returning id`);
    expect(cancelled).to.have.length(2);
    await app.stop();
    subscription.unsubscribe();
  });

  it("count a delay by the database's clock", async () => {
    const queue = fleet.queue<number>('skewed');
    await queue.enqueue(0, { delay: 1000 });
    const { now } = Date;
    const clock = sinon.stub(Date, 'now').callsFake(() => now() + 3_600_000);
    try {
      await queue.enqueue(1, { delay: 1500 });
    } finally {
      clock.restore();
    }
    const date = new Date(now() + 60_000);
    await queue.enqueue(2, { delay: date });
    const rows = await query<{ delay: number; at: Date }>(
      `select extract(epoch from start_after - created_on)::float8 as delay, start_after as at
       from ${schema}_jobs.job where name = 'skewed' order by data->>'input'`,
    );
    expect(rows.slice(0, 2).map(({ delay }) => delay)).to.deep.equal([1, 1.5]);
    expect(rows[2]?.at).to.deep.equal(date);
  });

  it('refuse a delay that is not finite, or longer than a year', () => {
    const queue = fleet.queue<number>('refused');
    for (const delay of [Infinity, NaN, -1, 366 * 86_400_000, new Date(NaN), new Date(Date.now() + 366 * 86_400_000)])
      expect(() => queue.submit(1, { delay }), String(delay)).to.throw(RangeError, 'Expected `delay` to be ');
  });
});

describe('With a database that cannot store each text', () => {
  const fleets = new Fleets();
  let server: Postgres;
  let url: string;

  before(async () => {
    server = await startPostgres('max_stack_depth=100kB');
    await statement(server.url, `create database latin encoding 'LATIN1' locale 'C' template template0`);
    url = server.url.replace('/postgres', '/latin');
  });
  after(async () => {
    await fleets.close();
    await server.remove();
  });

  it('the name of a process is refused, with which none of its messages could be sent', async () => {
    const error = await connectError({ url, schema: fleets.schema, name: 'сервер' });
    expect(String(error)).to.equal(
      "RangeError: Expected `name` to have no character that the database's encoding lacks",
    );
  });

  it('an input or a result is refused alone, not with those next to it', async () => {
    const fleet = await fleets.connect({ url });
    const queue = fleet.queue<unknown>('q', { retries: 0 });
    const nested = (levels: number): unknown => (levels === 0 ? 1 : [nested(levels - 1)]);
    const inputs = ['a', '😀', 'b', nested(2000), 'c', 'x'.repeat(1_100_000)];
    const accepted = await Promise.all(
      inputs.map((input) =>
        queue.enqueue(input).then(
          () => 'accepted',
          (error: unknown) => (error as Error).name,
        ),
      ),
    );
    expect(accepted).to.deep.equal(['accepted', 'TypeError', 'accepted', 'TypeError', 'accepted', 'accepted']);

    const app = launch([
      queue.worker(
        (input) => {
          if (input === 'a') return '😀';
          if (input === 'b') return nested(2000);
          if (input === 'd') throw new Error('😀 not stored');
          return 'stored';
        },
        { concurrency: 10 },
      ),
    ]);
    const failure = (input: unknown) =>
      lastValueFrom(queue.submit(input)).catch((error: unknown) => (error as JobError).failure.message);
    const results = await Promise.all(['a', 'b', 'c', 'd', 'e'].map(failure));
    expect(results[0]).to.include('has no equivalent in encoding "LATIN1"');
    expect(results[1]).to.equal('stack depth limit exceeded');
    expect(results.slice(2)).to.deep.equal(['stored', '? not stored', 'stored']);
    expect(app.live).to.equal(true);
    await app.stop();
  });
});

import { expect } from 'chai';
import pg from 'pg';
import { firstValueFrom, lastValueFrom } from 'rxjs';
import { launch, type Application, type Runnable } from 'rxjs-tasks';
import { JobError, UnrecoverableError, type Fleet, type Job, type Queue } from 'rxjs-tasks/fleet';
import { deleteOldDependents } from '../../lib/fleet/dependents-table.js';
import { describeDependencies } from './behaviour/dependencies.js';
import { Fleets, servicesOf, sharedUrl, withDirectory } from '../helpers/fleet.js';
import { statement } from '../helpers/postgres.js';
import { deferred } from '../helpers/tasks.js';
import { waitUntil } from '../helpers/wait.js';

const hour = 3_600_000;
const unknownJob = 'aaaaaaaa-aaaa-4aaa-aaaa-aaaaaaaaaaaa';
const errorOf = (result: Promise<unknown>) => result.catch((error: unknown) => error) as Promise<Error>;

/** The part of a queue that reads jobs. */
type Stored = Pick<Queue<unknown, unknown>, 'name' | 'job' | 'result'>;

/** Returns what a handler has got. */
const received = (input: unknown, _: unknown, { outputs, attempt }: Job) => ({ input, outputs, attempt });

describe('A job that waits for other jobs', () => {
  describeDependencies(new Fleets());
});

describe('A job that waits for other jobs, in a database', () => {
  const fleets = new Fleets();
  let fleet: Fleet;
  let queues = 0;
  const apps: Application[] = [];
  const newQueue = <In, Out = unknown>(options = {}) => fleet.queue<In, Out>(`flows-${++queues}`, options);
  const run = (...runnables: Runnable[]) => {
    const app = launch(runnables, { observer: () => undefined });
    apps.push(app);
    return { stop: () => app.stop() };
  };
  const query = async <Row extends object>(sql: string) => statement<Row>(await sharedUrl(), sql);
  const rowsOf = ({ name }: Stored) =>
    query<{ completed: boolean | null }>(`select completed from ${fleets.schema}.job_after where queue = '${name}'`);
  const stateOf = async (queue: Stored, id: string) => (await queue.job(id))?.state;
  const failureOf = async (queue: Stored, id: string) => {
    const error = await errorOf(lastValueFrom(queue.result(id)));
    expect(error).to.be.instanceOf(JobError);
    return (error as JobError).failure;
  };

  before(async () => {
    fleet = await fleets.connect({ name: 'one' });
  });
  afterEach(async () => {
    for (const app of apps.splice(0)) await app.stop();
  });
  after(() => fleets.close());

  it('gets undefined for an output that is undefined, and that of a job of another program as it is', async () => {
    const [first, last] = [newQueue<number>(), newQueue<number>()];
    const after = await first.enqueueMany([1, 2, 3]);
    const outputs = ['{}', 'null', '"plain"'];
    for (const [index, output] of outputs.entries())
      await query(
        `update ${fleets.schema}_jobs.job set state = 'completed', completed_on = now(), output = '${output}'
         where id = '${after[index] ?? ''}'`,
      );
    run(last.worker((_, __, job) => job.outputs.map((output) => output ?? 'none')));
    expect(await lastValueFrom(last.submit(1, { after }))).to.deep.equal(['none', 'none', 'plain']);
  });

  it('leaves no outputs behind when it is deleted, as after its retention', async () => {
    const [first, last] = [newQueue<number, number>(), newQueue<number>()];
    const [one = '', two = ''] = await first.enqueueMany([1, 2], { delay: hour });
    const [failed, waiting] = [
      await last.enqueue(1, { after: [one, two] }),
      await last.enqueue(2, { after: [one, await first.enqueue(3, { delay: hour })] }),
    ];
    run(first.worker((n) => n));
    await first.promote(one);
    await lastValueFrom(first.result(one));
    // The result may arrive before its output is stored for the jobs that wait.
    await waitUntil(async () => (await rowsOf(last)).filter(({ completed }) => completed).length === 2);
    await first.cancel(two);
    await failureOf(last, failed);
    const { database } = servicesOf(fleet);
    await deleteOldDependents(database);
    // One output for each, and a job that has not ended.
    expect(await rowsOf(last)).to.have.length(3);
    await last.remove(failed);
    await deleteOldDependents(database);
    expect(await rowsOf(last)).to.have.length(2);
    expect(await stateOf(last, waiting)).to.equal('blocked');
  });

  it('fails alone if its outputs are too large together', async () => {
    const [first, last] = [newQueue<number>(), newQueue<number>()];
    const [one = '', two = '', three = ''] = await first.enqueueMany([1, 2, 3], { delay: hour });
    const [large, small] = [await last.enqueue(1, { after: [one, two] }), await last.enqueue(2, { after: [three] })];
    await query(
      `update ${fleets.schema}_jobs.job set state = 'completed', completed_on = now(),
         output = jsonb_build_object('value', repeat('x', case when id = '${three}' then 1 else 135000000 end))
       where name = '${first.name}'`,
    );
    run(last.worker(received));
    expect(await failureOf(last, large)).to.deep.include({ name: 'RangeError' });
    expect(await lastValueFrom(last.result(small))).to.deep.include({ outputs: ['x'] });
    expect(await rowsOf(last)).to.deep.equal([]);
    expect(await last.retry(large)).to.equal(true);
    expect((await failureOf(last, large)).message).to.match(/^The database cannot store the outputs: /);
  });

  describe('in a transaction of the application', () => {
    let client: pg.Client;
    before(async () => {
      client = new pg.Client({ connectionString: await sharedUrl() });
      await client.connect();
    });
    after(() => client.end());

    it('waits for jobs of the same transaction, which may be rolled back', async () => {
      const [first, last] = [newQueue<number, number>(), newQueue<number>()];
      run(
        first.worker((n) => n),
        last.worker(received),
      );
      const enqueueBoth = async () => {
        await client.query('begin');
        const id = await first.enqueue(1, { db: client });
        return last.enqueue(2, { db: client, after: [id] });
      };
      await enqueueBoth();
      await client.query('rollback');
      const job = await enqueueBoth();
      await client.query('commit');
      expect(await lastValueFrom(last.result(job))).to.deep.include({ outputs: [1] });
      expect(await last.jobs()).to.have.length(1);
    });

    it('is refused without an abort of the transaction', async () => {
      const queue = newQueue<number>();
      await client.query('begin');
      expect(await errorOf(queue.enqueue(1, { db: client, after: [unknownJob] }))).to.be.instanceOf(RangeError);
      await queue.enqueue(2, { db: client });
      await client.query('commit');
      expect((await queue.jobs()).map(({ input }) => input)).to.deep.equal([2]);
    });

    it('sees the ends of jobs from before the transaction and from its time, and makes no job wait', async () => {
      const [first, last] = [newQueue<number, number>(), newQueue<number>()];
      const gate = deferred<undefined>();
      run(
        first.worker(
          async (n) => {
            if (n !== 1) await gate.promise;
            if (n === 3) throw new UnrecoverableError('no');
            return n;
          },
          { concurrency: 3 },
        ),
        last.worker(received),
      );
      const [one = '', two = '', three = ''] = await first.enqueueMany([1, 2, 3]);
      await lastValueFrom(first.result(one));
      await waitUntil(async () => (await first.jobs({ state: 'active' })).length === 2);
      await client.query('begin');
      const afters = [[one], [one, two], [two, three]];
      const ids = [];
      for (const after of afters) ids.push(await last.enqueue(1, { db: client, after }));
      gate.resolve(undefined);
      // Completes although the transaction has looked at it.
      expect(await lastValueFrom(first.result(two))).to.equal(2);
      await failureOf(first, three);
      await client.query('commit');
      const [early = '', late = '', failed = ''] = ids;
      expect(await lastValueFrom(last.result(early))).to.deep.include({ outputs: [1] });
      expect(await lastValueFrom(last.result(late))).to.deep.include({ outputs: [1, 2] });
      expect(await failureOf(last, failed)).to.deep.equal({ name: 'UnrecoverableError', message: 'no' });
    });
  });

  it('waits in an embedded database as well', () =>
    withDirectory(async (directory) => {
      const fleets2 = new Fleets();
      const embedded = await fleets2.connect({ url: undefined, directory });
      const app = launch(
        [
          embedded.queue<number>('first').worker((n) => {
            if (n === 0) throw new UnrecoverableError('zero');
            return n;
          }),
          embedded.queue<number>('last').worker(received),
        ],
        { observer: () => undefined },
      );
      try {
        const [first, last] = [embedded.queue<number>('first'), embedded.queue<number, { outputs: unknown }>('last')];
        const [zero, one] = [await first.enqueue(0), await first.enqueue(1)];
        const job = await last.enqueue(5, { after: [one] });
        expect((await firstValueFrom(last.result(job))).outputs).to.deep.equal([1]);
        const failing = await last.enqueue(5, { after: [one, zero] });
        expect(await failureOf(last, failing)).to.deep.equal({ name: 'UnrecoverableError', message: 'zero' });
      } finally {
        await app.stop();
        await fleets2.close();
      }
    }));

  it('is released with thousands of others', async () => {
    const [first, last] = [newQueue<number, number>(), newQueue<number, number>()];
    const id = await first.enqueue(7);
    const ids = await last.enqueueMany(
      Array.from({ length: 2500 }, (_, n) => n),
      { after: [id] },
    );
    run(first.worker((n) => n));
    await waitUntil(async () => (await last.jobs({ state: 'waiting', limit: 10_000 })).length === ids.length);
    expect(await rowsOf(last)).to.deep.equal([]);
  });
});

import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import pg from 'pg';
import { firstValueFrom, lastValueFrom, NEVER } from 'rxjs';
import { launch, type Application, type Runnable } from 'rxjs-tasks';
import { UnrecoverableError, type Fleet, type JobError } from 'rxjs-tasks/fleet';
import { BossJobs } from '../../lib/fleet/boss-jobs.js';
import { FunctionJobs } from '../../lib/fleet/function-jobs.js';
import { Fleets, servicesOf, sharedUrl } from '../helpers/fleet.js';
import { deferred } from '../helpers/tasks.js';

describe("With pg-boss's own functions, a worker", () => {
  const fleets = new Fleets();
  let fleet: Fleet;
  const apps: Application[] = [];
  const run = (...runnables: Runnable[]) => {
    const app = launch(runnables, { observer: () => undefined });
    apps.push(app);
    return { stop: () => app.stop() };
  };

  before(async () => {
    fleet = await fleets.connect();
    const services = servicesOf(fleet);
    const jobs = new BossJobs(services.database);
    Object.assign(services, { jobs });
    Object.assign(services.heartbeats, { jobs });
  });
  afterEach(async () => {
    for (const app of apps.splice(0)) await app.stop();
  });
  after(() => fleets.close());

  it('completes jobs, each with a result of its own', async () => {
    const queue = fleet.queue<number, number>('squares');
    run(queue.worker((n) => n * n, { concurrency: 10 }));
    const results = Array.from({ length: 50 }, (_, n) => lastValueFrom(queue.submit(n)));
    expect(await Promise.all(results)).to.deep.equal(Array.from({ length: 50 }, (_, n) => n * n));
  });

  it('retries a job that fails, and fails it in the end', async () => {
    const queue = fleet.queue<number>('failing', { retries: 1, backoff: { initial: 0 } });
    let attempts = 0;
    run(
      queue.worker(() => {
        attempts++;
        throw new Error('no');
      }),
    );
    const error = await lastValueFrom(queue.submit(1)).catch((reason: unknown) => reason as JobError);
    expect([(error as JobError).failure, attempts]).to.deep.equal([{ name: 'Error', message: 'no' }, 2]);
  });

  it('retries no job after an UnrecoverableError, but others of the same failure', async () => {
    const queue = fleet.queue<boolean>('unrecoverable', { retries: 1, backoff: { initial: 0 } });
    const attempts: string[] = [];
    run(
      queue.worker(
        (isFinal, _, { attempt }) => {
          attempts.push(`${isFinal} ${attempt}`);
          throw isFinal ? new UnrecoverableError('never') : Object.assign(new Error('never'), { name: 'Unlucky' });
        },
        { concurrency: 4 },
      ),
    );
    const isFinals = [true, false, true, false];
    const errors = await Promise.all(
      isFinals.map((isFinal) => lastValueFrom(queue.submit(isFinal)).catch((error: unknown) => error as JobError)),
    );
    expect(errors.map((error) => (error as JobError).failure.name)).to.deep.equal([
      ...['UnrecoverableError', 'Unlucky', 'UnrecoverableError', 'Unlucky'],
    ]);
    expect(attempts.toSorted()).to.deep.equal(['false 1', 'false 1', 'false 2', 'false 2', 'true 1', 'true 1']);
  });

  it('runs the jobs of a transaction of the application, which may be rolled back', async () => {
    const queue = fleet.queue<number, number>('transaction');
    const client = new pg.Client({ connectionString: await sharedUrl() });
    await client.connect();
    const ids: string[] = [];
    try {
      for (const end of ['rollback', 'commit']) {
        await client.query('begin');
        ids.push(...(await queue.enqueueMany([7, 8], { db: client })));
        expect(await queue.job(ids.at(-1) ?? '')).to.equal(undefined);
        await client.query(end);
      }
    } finally {
      await client.end();
    }
    run(queue.worker((n) => n));
    expect(await lastValueFrom(queue.result(ids.at(-1) ?? ''))).to.equal(8);
    expect((await queue.jobs()).map(({ id }) => id)).to.have.members(ids.slice(2));
  });

  it('gives back a job that its stop interrupts', async () => {
    const queue = fleet.queue<number, number>('interrupted', { retries: 1, backoff: { initial: 0 } });
    const job = await queue.enqueue(1);
    const started = deferred<undefined>();
    const first = run(
      queue.worker(() => {
        started.resolve(undefined);
        return NEVER;
      }),
    );
    await started.promise;
    await first.stop();
    run(queue.worker((_, __, { attempt }) => attempt));
    expect(await firstValueFrom(queue.result(job))).to.equal(2);
  });

  it('runs jobs with the options that they were submitted with', async () => {
    const queue = fleet.queue<number>('options');
    const options = { retries: 7, priority: 3, group: 'g', timeout: 5000, delay: 3_600_000 };
    const [job, other] = [await queue.enqueue(1, options), await queue.enqueue(2, { retries: 0 })];
    const { database, jobs } = servicesOf(fleet);
    const rows = await database.query(
      `select id, retry_limit as retries, priority, group_id as group, expire_seconds as timeout,
         start_after > created_on as delayed
       from ${fleets.schema}_jobs.job where name = 'options' order by created_on`,
    );
    expect(rows).to.deep.equal([
      { id: job, retries: 7, priority: 3, group: 'g', timeout: 65, delayed: true },
      { id: other, retries: 0, priority: 0, group: null, timeout: 86_400, delayed: false },
    ]);
    expect(await jobs.deleteEnded(1)).to.equal(0);
  });

  it('sends heartbeats for its current claim alone', async () => {
    const services = servicesOf(fleet);
    const queue = fleet.queue<number>('long');
    const job = await queue.enqueue(1);
    const started = deferred<undefined>();
    run(
      queue.worker(() => {
        started.resolve(undefined);
        return NEVER;
      }),
    );
    await started.promise;
    const touch = (retryCount: number) => services.jobs.touch([{ queue: 'long', claim: { id: job, retryCount } }]);
    expect([await touch(0), await touch(1)]).to.deep.equal([[job], []]);
  });

  it('starts no job of a paused queue', async () => {
    const queue = fleet.queue<number, number>('paused');
    await queue.pause();
    const job = await queue.enqueue(1);
    run(queue.worker((n) => n));
    const claims = await servicesOf(fleet).jobs.claim('paused', { maxCount: 1, heartbeatMs: 10_000 });
    expect(claims).to.deep.equal([]);
    await queue.resume();
    expect(await firstValueFrom(queue.result(job))).to.equal(1);
  });

  it('is refused with a limit, and a job with a key, when they are made', () => {
    const queue = fleet.queue<number>('limited');
    expect(() => queue.worker(() => 1, { groupConcurrency: 1 })).to.throw(TypeError, 'no option `groupConcurrency`');
    expect(() => queue.worker(() => 1, { rate: { jobs: 1, per: 1 } })).to.throw(TypeError, 'no option `rate`');
    expect(() => queue.submit(1, { key: 'k' })).to.throw(TypeError, 'no option `key`');
  });

  it('refuses jobs that wait for others, and releases those from before', async () => {
    const queue = fleet.queue<number>('after');
    const after = [await queue.enqueue(7)];
    expect(() => queue.submit(1, { after })).to.throw(TypeError, 'Expected no option `after`');
    const id = randomUUID();
    const { database } = servicesOf(fleet);
    await new FunctionJobs(database).insert(queue.name, [{ id, data: { input: 1 }, options: { after }, length: 0 }]);
    run(queue.worker((n, _, { outputs }) => [n, ...outputs]));
    expect(await lastValueFrom(queue.result(id))).to.deep.equal([1, [7]]);
  });
});

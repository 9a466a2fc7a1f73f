import { expect } from 'chai';
import { filter, firstValueFrom, lastValueFrom } from 'rxjs';
import { launch } from 'rxjs-tasks';
import { JobLostError, type Fleet } from 'rxjs-tasks/fleet';
import { PgBoss } from 'pg-boss';
import { settledBy } from '../../lib/fleet/connection.js';
import { Fleets, sharedUrl } from '../helpers/fleet.js';
import { statement } from '../helpers/postgres.js';
import { lines, Programs, until } from '../helpers/programs.js';
import { together } from '../helpers/together.js';

describe('a process that is killed in mid-job', () => {
  const fleets = new Fleets();
  const programs = new Programs();
  let fleet: Fleet;
  let url: string;
  const { schema } = fleets;

  before(async () => {
    url = await sharedUrl();
    fleet = await fleets.connect({ name: 'submitter' });
  });
  after(async () => {
    await programs.kill();
    await fleets.close();
  });

  together(60_000, {
    'has its job run again by another, within its heartbeat and a few seconds': async () => {
      const queue = fleet.queue<number, string>('killed', { retries: 100, backoff: { initial: 0 } });
      const one = programs.start('worker', { url, schema, queue: 'killed', name: 'one', most: 60_000 });
      const result = lastValueFrom(queue.submit(60_000));
      await one.says('start 60000 1');
      const two = programs.start('worker', { url, schema, queue: 'killed', name: 'two', most: 0 });
      await two.says('up');
      one.kill('SIGKILL');
      const killed = performance.now();
      expect(await result).to.equal('two 2');
      expect(performance.now() - killed).to.be.below(20_000);
      expect(lines(two, 'start')).to.deep.equal(['60000 2']);
    },

    'that is only stopped for longer than its heartbeat: told so when it goes on, and its result is dropped':
      async () => {
        const queue = fleet.queue<number, string>('stopped', { retries: 100, backoff: { initial: 0 } });
        const lost: string[] = [];
        queue.events$.subscribe(({ type, job }) => {
          if (type === 'lost') lost.push(job);
        });
        const one = programs.start('worker', {
          url,
          schema,
          queue: 'stopped',
          name: 'one',
          most: 60_000,
          concurrency: 2,
        });
        // One is over in the moment it goes on, the other is still under way.
        const ids = [await queue.enqueue(20_000), await queue.enqueue(4000)];
        await one.says('start 20000 1');
        await one.says('start 4000 1');
        one.kill('SIGSTOP');
        const two = programs.start('worker', {
          url,
          schema,
          queue: 'stopped',
          name: 'two',
          most: 3000,
          concurrency: 2,
        });
        await two.says('start 20000 2');
        await two.says('start 4000 2');
        // The other is at them now.
        one.kill('SIGCONT');
        await one.says('cancelled 20000 1 JobLostError');
        await one.says('end 20000 1');
        await until(() => lost.length > 1, 5000);
        expect(lost).to.have.members(ids);
        expect(lines(one, 'event').filter((line) => line.startsWith('completed'))).to.deep.equal([]);
        for (const id of ids) expect(await firstValueFrom(queue.result(id))).to.equal('two 2');
        expect(lines(two, 'end')).to.have.members(['20000 2', '4000 2']);
        // It goes on with others.
        two.kill('SIGKILL');
        expect(await lastValueFrom(queue.submit(1))).to.equal('one 1');
      },
  });

  it('has a job that it has acknowledged run by nobody else', async () => {
    const queue = fleet.queue<number, string>('work', { retries: 100, backoff: { initial: 0 } });
    const one = programs.start('worker', { url, schema, name: 'one', most: 0 });
    const id = await queue.enqueue(2);
    await one.says(`event completed ${id}`);
    one.kill('SIGKILL');
    const two = programs.start('worker', { url, schema, name: 'two', most: 0 });
    expect(await firstValueFrom(queue.result(id))).to.equal('one 1');
    expect(await lastValueFrom(queue.submit(3))).to.equal('two 1');
    expect(lines(two, 'start')).to.deep.equal(['3 1']);
  }).timeout(30_000);

  it('is refused the completion of an attempt that was given to another', async () => {
    // What a process would do that still thinks that it has the job.
    const boss = new PgBoss({ connectionString: url, schema: `${schema}_jobs`, schedule: false, supervise: false });
    await boss.start();
    try {
      const queue = fleet.queue<number, string>('fenced', { retries: 5, backoff: { initial: 0 } });
      const id = await queue.enqueue(4);
      const [first] = await boss.fetch('fenced', { includeMetadata: true });
      expect(first).to.include({ id, retryCount: 0 });
      // No sign of life for longer than its heartbeat.
      await statement(url, `update ${schema}_jobs.job set heartbeat_on = now() - interval '1 hour' where id = '${id}'`);
      const worker = queue.worker((n, _, { attempt }) => `${n} by attempt ${attempt}`);
      const app = launch([worker]);
      expect(await firstValueFrom(queue.result(id))).to.equal('4 by attempt 2');
      await app.stop();
      const claim = [{ id, retryCount: 0 }];
      expect(settledBy(await boss.complete('fenced', claim, { value: 'late' }))).to.deep.equal([]);
      expect(settledBy(await boss.fail('fenced', claim, { message: 'late' }))).to.deep.equal([]);
      expect(settledBy(await boss.touch('fenced', claim))).to.deep.equal([]);
      expect(await firstValueFrom(queue.result(id))).to.equal('4 by attempt 2');
    } finally {
      await boss.stop({ graceful: false });
    }
  }).timeout(30_000);

  it('that gets its own job again before it has seen that it was lost: the first run is cancelled', async () => {
    const queue = fleet.queue<number, number>('again', { retries: 5, backoff: { initial: 0 } });
    const causes: unknown[] = [];
    const worker = queue.worker(
      async (n, ctx, { attempt }) => {
        if (n === 1 && attempt === 1) causes.push(await firstValueFrom(ctx.cancelled$));
        return attempt;
      },
      { concurrency: 2 },
    );
    const app = launch([worker]);
    const started = firstValueFrom(queue.events$.pipe(filter(({ type }) => type === 'started')));
    const id = await queue.enqueue(1);
    await started;
    await statement(url, `update ${schema}_jobs.job set state = 'retry' where id = '${id}'`);
    expect(await lastValueFrom(queue.submit(2))).to.equal(1);
    expect(await firstValueFrom(queue.result(id))).to.equal(2);
    await until(() => causes.length > 0, 1000);
    expect(causes[0]).to.be.instanceOf(JobLostError);
    await app.stop();
  }).timeout(20_000);
});

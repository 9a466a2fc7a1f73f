import { expect } from 'chai';
import { PgBoss } from 'pg-boss';
import { firstValueFrom, lastValueFrom } from 'rxjs';
import { launch } from 'rxjs-tasks';
import { JobLostError, type Fleet } from 'rxjs-tasks/fleet';
import { affectedJobs } from '../../lib/fleet/fleet-database.js';
import { concurrentTests } from '../helpers/concurrent-tests.js';
import { Fleets, nextEvent, sharedUrl } from '../helpers/fleet.js';
import { FleetPrograms, lines } from '../helpers/fleet-programs.js';
import { statement } from '../helpers/postgres.js';
import { waitUntil } from '../helpers/wait.js';

const options = { retries: 100, backoff: { initial: 0 } };

describe('the job of a process that does not respond', () => {
  const fleets = new Fleets();
  const programs = new FleetPrograms();
  let fleet: Fleet;
  let url: string;
  const { schema } = fleets;
  const startWorker = (name: string, input: object) => programs.start('worker', { url, schema, name, ...input });

  before(async () => {
    url = await sharedUrl();
    fleet = await fleets.connect({ name: 'submitter' });
  });
  after(async () => {
    await programs.killAll();
    await fleets.close();
  });

  concurrentTests({
    'runs again in another process after the process was killed': async () => {
      const queue = fleet.queue<number, string>('killed', options);
      const first = startWorker('first', { queue: 'killed', maxJobMs: 60_000 });
      const result = lastValueFrom(queue.submit(60_000));
      await first.waitFor('start 60000 1');
      const second = startWorker('second', { queue: 'killed', maxJobMs: 0 });
      await second.waitFor('up');
      first.kill('SIGKILL');
      expect(await result).to.equal('second 2');
      expect(lines(second, 'start')).to.deep.equal(['60000 2']);
    },

    'is lost while the process is stopped: the resumed process cancels its context and drops its result': async () => {
      const queue = fleet.queue<number, string>('stopped', options);
      const lost: string[] = [];
      queue.events$.subscribe(({ type, job }) => {
        if (type === 'lost') lost.push(job);
      });
      const first = startWorker('first', { queue: 'stopped', maxJobMs: 60_000, concurrency: 2 });
      // The short job is due as soon as the process resumes. The long job still runs then.
      const [longMs, shortMs] = [40_000, 4000];
      const ids = [await queue.enqueue(longMs), await queue.enqueue(shortMs)];
      await first.waitFor(`start ${longMs} 1`);
      await first.waitFor(`start ${shortMs} 1`);
      first.kill('SIGSTOP');
      const second = startWorker('second', { queue: 'stopped', maxJobMs: 3000, concurrency: 2 });
      await second.waitFor(`start ${longMs} 2`);
      await second.waitFor(`start ${shortMs} 2`);
      // The second process runs the jobs now.
      first.kill('SIGCONT');
      await first.waitFor(`cancelled ${longMs} 1 JobLostError`);
      await first.waitFor(`end ${longMs} 1`);
      await waitUntil(() => lost.length > 1);
      expect(lost).to.have.members(ids);
      expect(lines(first, 'event').filter((line) => line.startsWith('completed'))).to.deep.equal([]);
      for (const id of ids) expect(await firstValueFrom(queue.result(id))).to.equal('second 2');
      expect(lines(second, 'end')).to.have.members([`${longMs} 2`, `${shortMs} 2`]);
      // The resumed process continues with other jobs.
      second.kill('SIGKILL');
      expect(await lastValueFrom(queue.submit(1))).to.equal('first 1');
    },
  });

  it('does not run again if the process acknowledged its completion before it was killed', async () => {
    const queue = fleet.queue<number, string>('acknowledged', options);
    const first = startWorker('first', { queue: 'acknowledged', maxJobMs: 0 });
    const id = await queue.enqueue(2);
    await first.waitFor(`event completed ${id}`);
    first.kill('SIGKILL');
    const second = startWorker('second', { queue: 'acknowledged', maxJobMs: 0 });
    expect(await firstValueFrom(queue.result(id))).to.equal('first 1');
    expect(await lastValueFrom(queue.submit(3))).to.equal('second 1');
    expect(lines(second, 'start')).to.deep.equal(['3 1']);
  });

  it('cannot be completed, failed or kept by an attempt that another attempt has replaced', async () => {
    // Sends the statements of a process that does not know of the other attempt.
    const boss = new PgBoss({ connectionString: url, schema: `${schema}_jobs`, schedule: false, supervise: false });
    await boss.start();
    try {
      const queue = fleet.queue<number, string>('fenced', options);
      const id = await queue.enqueue(4);
      const [first] = await boss.fetch('fenced', { includeMetadata: true });
      expect(first).to.include({ id, retryCount: 0 });
      // Without a heartbeat for longer than the timeout.
      await statement(url, `update ${schema}_jobs.job set heartbeat_on = now() - interval '1 hour' where id = '${id}'`);
      const app = launch([queue.worker((n, _, { attempt }) => `${n} by attempt ${attempt}`)]);
      expect(await firstValueFrom(queue.result(id))).to.equal('4 by attempt 2');
      await app.stop();
      const claim = [{ id, retryCount: 0 }];
      expect(affectedJobs(await boss.complete('fenced', claim, { value: 'late' }))).to.deep.equal([]);
      expect(affectedJobs(await boss.fail('fenced', claim, { message: 'late' }))).to.deep.equal([]);
      expect(affectedJobs(await boss.touch('fenced', claim))).to.deep.equal([]);
      expect(await firstValueFrom(queue.result(id))).to.equal('4 by attempt 2');
    } finally {
      await boss.stop({ graceful: false });
    }
  });

  it('cancels its first run if the process gets the lost job again before it notices the loss', async () => {
    const queue = fleet.queue<number, number>('again', options);
    const causes: unknown[] = [];
    const worker = queue.worker(
      async (n, ctx, { attempt }) => {
        if (n === 1 && attempt === 1) causes.push(await firstValueFrom(ctx.cancelled$));
        return attempt;
      },
      { concurrency: 2 },
    );
    const app = launch([worker]);
    const started = nextEvent(queue.events$, 'started');
    const id = await queue.enqueue(1);
    await started;
    await statement(url, `update ${schema}_jobs.job set state = 'retry' where id = '${id}'`);
    expect(await lastValueFrom(queue.submit(2))).to.equal(1);
    expect(await firstValueFrom(queue.result(id))).to.equal(2);
    await waitUntil(() => causes.length > 0);
    expect(causes[0]).to.be.instanceOf(JobLostError);
    await app.stop();
  });
});

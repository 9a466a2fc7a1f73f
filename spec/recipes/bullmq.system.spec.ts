import { createPostgresBackend, withBackend, type Worker } from 'bullmq';
import { expect } from 'chai';
import { expectTypeOf } from 'expect-type';
import { EventEmitter } from 'node:events';
import { firstValueFrom, map, take, toArray } from 'rxjs';
import { launch, taskRunner } from 'rxjs-tasks';
import { bullWorker, type WorkerLike } from '../../examples/recipes/bullmq.js';
import { newSchema, sharedUrl } from '../helpers/fleet.js';
import { deferred, settled, whenReady } from '../helpers/tasks.js';

/** Behaves as BullMQ documents its worker: `run` resolves when it is closed, and errors are events. */
class FakeWorker extends EventEmitter implements WorkerLike {
  readonly connected = deferred<undefined>();
  readonly finished = deferred<undefined>();
  private readonly closed = deferred<undefined>();

  waitUntilReady() {
    return this.connected.promise;
  }

  run() {
    return this.closed.promise;
  }

  async close() {
    await this.finished.promise;
    this.closed.resolve(undefined);
  }
}

describe('A BullMQ worker as a task', () => {
  let fake: FakeWorker;

  beforeEach(() => {
    fake = new FakeWorker();
  });

  it('accepts a worker of BullMQ unchanged', () => {
    expectTypeOf<Worker>().toExtend<WorkerLike>();
    expectTypeOf(bullWorker<string>).returns.toHaveProperty('finalize');
    expect(bullWorker('mails', () => fake).toString()).to.equal('mails');
  });

  it('is ready when the worker is', async () => {
    const runner = taskRunner(bullWorker('mails', () => fake));
    const app = launch([runner]);
    await settled();
    expect(runner.status).to.equal('initializing');
    fake.connected.resolve(undefined);
    await whenReady(app);
    fake.finished.resolve(undefined);
    expect((await app.stop()).clean).to.equal(true);
  });

  it('ends when the worker has finished its jobs, and leaves no listener behind', async () => {
    const app = launch([bullWorker('mails', () => fake)]);
    fake.connected.resolve(undefined);
    await whenReady(app);
    let ended = false;
    const stopped = app.stop().finally(() => (ended = true));
    await settled();
    expect(ended).to.equal(false);
    fake.finished.resolve(undefined);
    expect((await stopped).outcomes.map(({ status }) => status)).to.deep.equal(['cancelled']);
    expect(fake.eventNames()).to.deep.equal([]);
  });

  for (const phase of ['initialize', 'execute', 'finalize']) {
    it(`fails with the error that the worker emits in ${phase}, and closes the worker`, async () => {
      const app = launch([bullWorker('mails', () => fake)], { observer: {} });
      if (phase !== 'initialize') {
        fake.connected.resolve(undefined);
        await whenReady(app);
      }
      if (phase === 'finalize') void app.stop();
      else fake.finished.resolve(undefined);
      fake.emit('error', new Error('connection lost'));
      const { outcomes } = await app;
      expect(outcomes[0]?.error?.message).to.equal(`mails failed in ${phase}: connection lost`);
      expect(fake.eventNames()).to.deep.equal([]);
    });
  }

  it('completes when other code closes the worker', async () => {
    const app = launch([bullWorker('mails', () => fake)]);
    fake.connected.resolve(undefined);
    await whenReady(app);
    fake.finished.resolve(undefined);
    await fake.close();
    expect((await app).outcomes.map(({ status }) => status)).to.deep.equal(['completed']);
  });

  it('runs the jobs of a real queue, and completes the current one before it ends', async () => {
    const connection = { connectionString: await sharedUrl(), schema: newSchema(), migrate: true };
    const bull = withBackend(createPostgresBackend);
    const queue = new bull.Queue<string>('mails', { connection });
    const begun = deferred<undefined>();
    const sent = deferred<string>();
    const deliver = ({ data }: { data: string }) => {
      if (data !== 'slow') return Promise.resolve(`sent to ${data}`);
      begun.resolve(undefined);
      return sent.promise;
    };
    const worker = bullWorker<{ readonly returnvalue: string }>(
      'mails',
      () => new bull.Worker<string>('mails', deliver, { connection, autorun: false }),
    );
    const runner = taskRunner(worker);
    const results = firstValueFrom(
      runner.results$.pipe(
        map((job) => job.returnvalue),
        take(2),
        toArray(),
      ),
    );
    await queue.addBulk(['ann', 'bob', 'slow'].map((data) => ({ name: 'mail', data })));
    const app = launch([runner]);
    expect(await results).to.have.members(['sent to ann', 'sent to bob']);
    await begun.promise;
    const stopped = app.stop();
    sent.resolve('sent late');
    expect((await stopped).clean).to.equal(true);
    expect(await queue.getJobCounts('completed', 'active')).to.deep.equal({ completed: 3, active: 0 });
    await queue.close();
  });
});

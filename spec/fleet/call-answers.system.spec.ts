import { expect } from 'chai';
import { lastValueFrom, NEVER } from 'rxjs';
import { UnrecoverableError, type Fleet, type JobState, type Queue } from 'rxjs-tasks/fleet';
import { FaultProxy } from '../helpers/fault-proxy.js';
import { Fleets, sharedUrl } from '../helpers/fleet.js';
import { TestApplications } from '../helpers/test-applications.js';
import { waitUntil } from '../helpers/wait.js';

const hour = 3_600_000;

describe('A call that changes one job', () => {
  const fleets = new Fleets();
  const apps = new TestApplications(fleets);
  let proxy: FaultProxy;
  /** Behind the proxy. */
  let cutOff: Fleet;
  let fleet: Fleet;
  let queues = 0;

  before(async () => {
    proxy = await FaultProxy.start(await sharedUrl());
    fleet = await fleets.connect({ name: 'direct' });
    cutOff = await fleets.connect({ name: 'cut off', url: proxy.url });
    cutOff.events$.subscribe();
  });
  afterEach(() => apps.stop());
  after(async () => {
    await fleets.close();
    await proxy.close();
  });

  const newQueue = () => fleet.queue<number, number>(`calls-${++queues}`, { retries: 0 });
  /** Returns the same queue of the process behind the proxy. */
  const behind = (queue: Queue<number, number>) => cutOff.queue<number, number>(queue.name);
  const stateOf = async (queue: Queue<number, number>, id: string) => (await queue.job(id))?.state;
  const untilState = (queue: Queue<number, number>, id: string, state: JobState['state']) =>
    waitUntil(async () => (await stateOf(queue, id)) === state);

  /** Refuses the first try of a call, and returns its answer. */
  async function refuseFirst(statement: RegExp, call: () => Promise<boolean>): Promise<boolean> {
    const refusal = proxy.refuse(statement, '57014', 1);
    const done = await call();
    expect(refusal.left, 'refusals').to.equal(0);
    return done;
  }

  /** Lets a statement arrive, but not its answer, until `happened`. Returns the answer to the next try. */
  async function loseFirst(
    statement: RegExp,
    call: () => Promise<boolean>,
    happened: () => Promise<void>,
  ): Promise<boolean> {
    const sent = new Promise<void>((resolve) => {
      proxy.onStatement = (sql) => {
        if (!statement.test(sql)) return;
        proxy.onStatement = () => undefined;
        proxy.begin('half-open');
        resolve();
      };
    });
    const done = call();
    await sent;
    await happened();
    proxy.cut();
    proxy.begin('none');
    return done;
  }

  const removal = /delete from \S+\.job where/;
  const promotion = /job set start_after = now\(\)/;
  const retry = /\.retry_job_/;
  const cancel = /state = 'cancelled'/;

  describe('resolves to false if its first try was refused and it changed nothing', () => {
    it('because the job runs, and is not removed', async () => {
      const queue = newQueue();
      apps.run(queue.worker(() => NEVER));
      const id = await queue.enqueue(1);
      await untilState(queue, id, 'active');
      expect(await refuseFirst(removal, () => behind(queue).remove(id))).to.equal(false);
      expect(await stateOf(queue, id)).to.equal('active');
    });

    it('because the job is blocked, and is not promoted', async () => {
      const queue = newQueue();
      const id = await queue.enqueue(1, { after: [await queue.enqueue(2)] });
      expect(await refuseFirst(promotion, () => behind(queue).promote(id))).to.equal(false);
      expect(await stateOf(queue, id)).to.equal('blocked');
    });

    it('because the job has completed, and is not retried', async () => {
      const queue = newQueue();
      apps.run(queue.worker((n) => n));
      const id = await queue.enqueue(1);
      await lastValueFrom(queue.result(id));
      expect(await refuseFirst(/completed_on::text/, () => behind(queue).retry(id))).to.equal(false);
    });

    it('because the job has completed, and is not cancelled', async () => {
      const queue = newQueue();
      apps.run(queue.worker((n) => n));
      const id = await queue.enqueue(1);
      await lastValueFrom(queue.result(id));
      expect(await refuseFirst(cancel, () => behind(queue).cancel(id))).to.equal(false);
    });
  });

  describe('resolves to true if the answer to its first try was lost', () => {
    it('and has removed the job', async () => {
      const queue = newQueue();
      const id = await queue.enqueue(1);
      const isRemoved = () => waitUntil(async () => (await queue.job(id)) === undefined);
      expect(await loseFirst(removal, () => behind(queue).remove(id), isRemoved)).to.equal(true);
    });

    it('and has promoted the job', async () => {
      const queue = newQueue();
      const id = await queue.enqueue(1, { delay: hour });
      const isPromoted = () => untilState(queue, id, 'waiting');
      expect(await loseFirst(promotion, () => behind(queue).promote(id), isPromoted)).to.equal(true);
    });

    it('and has cancelled the job', async () => {
      const queue = newQueue();
      const id = await queue.enqueue(1);
      const isCancelled = () => untilState(queue, id, 'cancelled');
      expect(await loseFirst(cancel, () => behind(queue).cancel(id), isCancelled)).to.equal(true);
    });

    it('and has retried the job, which fails again and is retried once', async () => {
      const queue = newQueue();
      apps.run(
        queue.worker(() => {
          throw new UnrecoverableError('no');
        }),
      );
      const id = await queue.enqueue(1);
      await untilState(queue, id, 'failed');
      const hasFailedAgain = () =>
        waitUntil(async () => {
          const job = await queue.job(id);
          return job?.state === 'failed' && job.attempt === 2;
        });
      expect(await loseFirst(retry, () => behind(queue).retry(id), hasFailedAgain)).to.equal(true);
      expect(await queue.job(id)).to.include({ state: 'failed', attempt: 2 });
    });
  });
});

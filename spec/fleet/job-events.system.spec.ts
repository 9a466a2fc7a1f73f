import { expect } from 'chai';
import { Client } from 'pg';
import { lastValueFrom, take, toArray } from 'rxjs';
import { launch, type Application, type TaskRunner } from 'rxjs-tasks';
import type { Fleet, JobEvent, Queue } from 'rxjs-tasks/fleet';
import { Fleets, nextEvent, sharedUrl } from '../helpers/fleet.js';
import { statement } from '../helpers/postgres.js';
import { waitUntil } from '../helpers/wait.js';

const barrier = 'barrier';

describe('the events of jobs', () => {
  let fleets: Fleets;
  let workerFleet: Fleet;
  let submitterFleet: Fleet;
  let app: Application;
  let worker: TaskRunner<JobEvent>;
  let squares: Queue<number, number>;
  let listener: Client;
  let received: JobEvent[];

  beforeEach(async () => {
    fleets = new Fleets();
    workerFleet = await fleets.connect({ name: 'worker' });
    submitterFleet = await fleets.connect({ name: 'submitter' });
    squares = submitterFleet.queue<number, number>('squares');
    worker = workerFleet.queue<number, number>('squares').worker((n) => n * n);
    app = launch([worker]);
    listener = new Client({ connectionString: await sharedUrl() });
    await listener.connect();
    received = [];
    listener.on('notification', ({ payload = '' }) => {
      received.push(...(JSON.parse(`[${payload.slice(8)}]`) as JobEvent[]));
    });
    await listener.query(`listen ${fleets.schema}$events`);
  });
  afterEach(async () => {
    await app.stop();
    await listener.end();
    await fleets.close();
  });

  /** Returns the events that were sent until now, without those of its own. */
  async function sentEvents(...senders: readonly Fleet[]): Promise<string[]> {
    for (const fleet of senders) {
      // A cancel is always sent, and after the earlier events of its process.
      const job = await fleet.queue(barrier).enqueue(0);
      await fleet.queue(barrier).cancel(job);
      await waitUntil(() => received.some((event) => event.job === job && event.type === 'cancelled'));
    }
    return received.filter(({ queue }) => queue !== barrier).map(({ type, by }) => `${type} by ${by}`);
  }

  it('are not sent while no process follows', async () => {
    const completed = nextEvent(worker.results$, 'completed');
    await squares.enqueue(2);
    await completed;
    expect(await sentEvents(workerFleet, submitterFleet)).to.deep.equal([]);
  });

  it('are sent without a follower if they are the end of a job whose submitter waits', async () => {
    expect(await lastValueFrom(squares.submit(3))).to.equal(9);
    expect(await sentEvents(workerFleet, submitterFleet)).to.deep.equal(['completed by worker']);
  });

  it('are not sent without a follower if they are a failed attempt before the end', async () => {
    const options = { backoff: { initial: 0 } };
    const flaky = submitterFleet.queue<number, number>('flaky', options);
    const flakyApp = launch([
      workerFleet.queue<number, number>('flaky', options).worker((n, _, { attempt }) => {
        if (attempt === 1) throw new Error('once');
        return n;
      }),
    ]);
    expect(await lastValueFrom(flaky.submit(3))).to.equal(3);
    expect(await sentEvents(workerFleet, submitterFleet)).to.deep.equal(['completed by worker']);
    await flakyApp.stop();
  });

  it('are all sent from the first follower on, also by a process that connects later, until none follows', async () => {
    const events = lastValueFrom(squares.events$.pipe(take(3), toArray()));
    const id = await squares.enqueue(4);
    expect((await events).map(({ type, job, by }) => [type, job, by])).to.have.deep.members([
      ['submitted', id, 'submitter'],
      ['started', id, 'worker'],
      ['completed', id, 'worker'],
    ]);

    const late = await fleets.connect({ name: 'late' });
    await sentEvents(workerFleet, submitterFleet);
    received = [];
    const completed = nextEvent(worker.results$, 'completed');
    await late.queue('squares').enqueue(5);
    await completed;
    const sent = await sentEvents(workerFleet, late);
    // No order is defined between the events of two processes.
    expect(sent).to.have.members(['submitted by late', 'started by worker', 'completed by worker']);
    expect(sent.filter((event) => event.endsWith('worker'))).to.deep.equal([
      'started by worker',
      'completed by worker',
    ]);

    // It would end after 15 s. The processes see it at one of their next polls.
    await statement(await sharedUrl(), `update ${fleets.schema}.fleet set followed_until = now()`);
    await waitUntil(async () => {
      received = [];
      const nextCompleted = nextEvent(worker.results$, 'completed');
      await squares.enqueue(6);
      await nextCompleted;
      return (await sentEvents(workerFleet, submitterFleet)).length === 0;
    });
  });

  it('are received once, and as JSON, by the process that emits them', async () => {
    const queue = workerFleet.queue<Date, Date>('dates');
    const datesApp = launch([queue.worker((date) => new Date(date))]);
    const events: JobEvent[] = [];
    const subscription = queue.events$.subscribe((event) => events.push(event));
    expect(await lastValueFrom(queue.submit(new Date(0)))).to.equal('1970-01-01T00:00:00.000Z');
    await sentEvents(workerFleet);
    expect(events.map(({ type }) => type)).to.deep.equal(['submitted', 'started', 'completed']);
    subscription.unsubscribe();
    await datesApp.stop();
  });

  it('are sent while one of two followers remains', async () => {
    const [first, second] = [workerFleet.events$.subscribe(), workerFleet.events$.subscribe()];
    first.unsubscribe();
    const completed = nextEvent(worker.results$, 'completed');
    await squares.enqueue(7);
    await completed;
    expect(await sentEvents(workerFleet)).to.include('started by worker');
    second.unsubscribe();
  });
});

import { expect } from 'chai';
import { Client } from 'pg';
import { filter, firstValueFrom, lastValueFrom, take, toArray, type Observable } from 'rxjs';
import { launch, type Application, type TaskRunner } from 'rxjs-tasks';
import type { Fleet, JobEvent, Queue } from 'rxjs-tasks/fleet';
import { Fleets, sharedUrl } from '../helpers/fleet.js';
import { statement } from '../helpers/postgres.js';
import { pause } from '../helpers/programs.js';

describe('what happens to jobs', () => {
  let fleets: Fleets;
  let at: Fleet;
  let elsewhere: Fleet;
  let app: Application;
  let worker: TaskRunner<JobEvent>;
  let squares: Queue<number, number>;
  let wire: Client;
  let heard: JobEvent[];

  beforeEach(async () => {
    fleets = new Fleets();
    at = await fleets.connect({ name: 'at' });
    elsewhere = await fleets.connect({ name: 'elsewhere' });
    squares = elsewhere.queue<number, number>('squares');
    worker = at.queue<number, number>('squares').worker((n) => n * n);
    app = launch([worker]);
    wire = new Client({ connectionString: await sharedUrl() });
    await wire.connect();
    heard = [];
    wire.on('notification', ({ payload = '' }) => {
      heard.push(...(JSON.parse(`[${payload.slice(8)}]`) as JobEvent[]));
    });
    await wire.query(`listen ${fleets.schema}$events`);
  });
  afterEach(async () => {
    await app.stop();
    await wire.end();
    await fleets.close();
  });

  const until = (type: JobEvent['type'], events$: Observable<JobEvent> = worker.results$) =>
    firstValueFrom(events$.pipe(filter((event) => event.type === type)));

  /** What has gone over the wire till now. */
  async function told(): Promise<string[]> {
    await pause(50);
    await wire.query('select 1');
    return heard.map(({ type, by }) => `${type} by ${by}`);
  }

  it('is told to nobody while nobody follows', async () => {
    const completed = until('completed');
    await squares.enqueue(2);
    await completed;
    expect(await told()).to.deep.equal([]);
  });

  it('is told as far as it is the end of a job that someone waits for', async () => {
    expect(await lastValueFrom(squares.submit(3))).to.equal(9);
    expect(await told()).to.deep.equal(['completed by at']);
  });

  it('is told as far as it is an end, and no attempt before that', async () => {
    const flaky = elsewhere.queue<number, number>('flaky', { backoff: { initial: 0 } });
    const app = launch([
      at.queue<number, number>('flaky', { backoff: { initial: 0 } }).worker((n, _, { attempt }) => {
        if (attempt === 1) throw new Error('once');
        return n;
      }),
    ]);
    expect(await lastValueFrom(flaky.submit(3))).to.equal(3);
    expect(await told()).to.deep.equal(['completed by at']);
    await app.stop();
  });

  it('is told in whole from when someone follows, also to who comes later, until no one does', async () => {
    const all = lastValueFrom(squares.events$.pipe(take(3), toArray()));
    const job = await squares.enqueue(4);
    expect((await all).map(({ type, job: of, by }) => [type, of, by])).to.deep.equal([
      ['submitted', job, 'elsewhere'],
      ['started', job, 'at'],
      ['completed', job, 'at'],
    ]);

    const late = await fleets.connect({ name: 'late' });
    heard = [];
    await late.queue('squares').enqueue(5);
    await pause(200);
    expect(await told()).to.deep.equal(['submitted by late', 'started by at', 'completed by at']);

    // It would hold for 15 s.
    await statement(await sharedUrl(), `update ${fleets.schema}.fleet set followed_until = now()`);
    await pause(3000);
    heard = [];
    const completed = until('completed');
    await squares.enqueue(6);
    await completed;
    expect(await told()).to.deep.equal([]);
  });

  it('is told to the process that it happens in once, and as JSON has it', async () => {
    const queue = at.queue<Date, Date>('dates');
    const dates = launch([queue.worker((date) => new Date(date))]);
    const events: JobEvent[] = [];
    const following = at.events$.subscribe((event) => events.push(event as JobEvent));
    expect(await lastValueFrom(queue.submit(new Date(0)))).to.equal('1970-01-01T00:00:00.000Z');
    await told();
    expect(events.map(({ type }) => type)).to.deep.equal(['submitted', 'started', 'completed']);
    following.unsubscribe();
    await dates.stop();
  });

  it('is told while one of several follows', async () => {
    const [first, second] = [at.events$.subscribe(), at.events$.subscribe()];
    first.unsubscribe();
    const completed = until('completed');
    await squares.enqueue(7);
    await completed;
    expect(await told()).to.include('started by at');
    second.unsubscribe();
  });
});

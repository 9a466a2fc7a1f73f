import { expect } from 'chai';
import { firstValueFrom, lastValueFrom, NEVER } from 'rxjs';
import { launch, type Application } from 'rxjs-tasks';
import type { Fleet, JobEvent, Queue } from 'rxjs-tasks/fleet';
import { Fleets, sharedUrl } from '../helpers/fleet.js';
import { statement } from '../helpers/postgres.js';
import { deferred } from '../helpers/tasks.js';
import { pause, waitUntil } from '../helpers/wait.js';

interface Row {
  readonly state: string;
  readonly attempts: number;
  readonly retries: number;
  readonly count: number;
}

describe('A worker claims jobs ahead', () => {
  const fleets = new Fleets();
  let fleet: Fleet;
  const apps: Application[] = [];
  const short = Array.from({ length: 100 }, (_, n) => n);

  before(async () => {
    fleet = await fleets.connect();
  });
  afterEach(async () => {
    for (const app of apps.splice(0)) await app.stop();
  });
  after(() => fleets.close());

  /** Counts the jobs of a queue by their state, their attempts before the current one, and their retries. */
  async function jobsOf(queue: string): Promise<Row[]> {
    return statement<Row>(
      await sharedUrl(),
      `select state::text, retry_count as attempts, retry_limit as retries, count(*)::int
       from ${fleets.schema}_jobs.job where name = '${queue}' group by 1, 2, 3 order by 1, 2, 3`,
    );
  }

  const countOf = async (queue: string, state: string) =>
    (await jobsOf(queue)).filter((row) => row.state === state).reduce((sum, { count }) => sum + count, 0);

  const enqueue = (queue: Queue<number, unknown>, inputs: readonly number[]) =>
    Promise.all(inputs.map((input) => queue.enqueue(input)));

  /** Starts a worker whose jobs are short, up to the first input that is not below 100, which hangs. */
  function runUntilLong(queue: Queue<number, unknown>, started: number[] = []): Application {
    const app = launch([
      queue.worker((input) => {
        started.push(input);
        return input < 100 ? undefined : NEVER;
      }),
    ]);
    apps.push(app);
    return app;
  }

  it('while they are short, and gives them back when one turns out long', async () => {
    const queue = fleet.queue<number>('short');
    await enqueue(queue, short);
    await enqueue(queue, [100, 101, 102, 103]);
    const started: number[] = [];
    void runUntilLong(queue, started);
    const isReturned = async () => {
      const counts = new Map((await jobsOf('short')).map(({ state, count }) => [state, count]));
      return counts.get('active') === 1 && (counts.get('retry') ?? 0) + (counts.get('created') ?? 0) === 3;
    };
    await waitUntil(async () => started.includes(100) && (await isReturned()));
    expect(started).to.deep.equal([...short, 100]);
  });

  it('in the order of their priority', async () => {
    const queue = fleet.queue<number>('priorities');
    const inputs = Array.from({ length: 60 }, (_, n) => n);
    for (const input of inputs) await queue.enqueue(input, { priority: input % 7 });
    const started: number[] = [];
    void runUntilLong(queue, started);
    await waitUntil(() => started.length === inputs.length);
    expect(started).to.deep.equal([...inputs].sort((a, b) => (b % 7) - (a % 7) || a - b));
  });

  it('but not while they are long', async () => {
    const queue = fleet.queue<number>('long');
    await enqueue(queue, [1, 2, 3, 4, 5, 6, 7, 8]);
    let started = 0;
    apps.push(launch([queue.worker(() => (started++, pause(300)), { concurrency: 2 })]));
    let claimed = 0;
    while ((await countOf('long', 'completed')) < 8) {
      claimed = 8 - (await countOf('long', 'created'));
      // The answer to the claim of two free slots may not have arrived.
      expect(claimed - started).to.be.at.most(2);
    }
    expect(claimed).to.equal(8);
  });

  it('but not without retries', async () => {
    const queue = fleet.queue<number>('once', { retries: 0 });
    await enqueue(queue, short);
    await enqueue(queue, [100, 101, 102, 103]);
    const started: number[] = [];
    void runUntilLong(queue, started);
    await waitUntil(async () => started.includes(100) && (await countOf('once', 'completed')) === 100);
    expect(await jobsOf('once')).to.deep.equal([
      { state: 'active', attempts: 0, retries: 0, count: 1 },
      { state: 'completed', attempts: 0, retries: 0, count: 100 },
      { state: 'created', attempts: 0, retries: 0, count: 3 },
    ]);
  });

  it('and does not run one that was cancelled in the meantime', async () => {
    const queue = fleet.queue<number>('cancelled');
    await enqueue(queue, short);
    const gate = deferred<undefined>();
    const started: number[] = [];
    // One after the other, because jobs of concurrent statements have no order.
    await enqueue(queue, [100]);
    const [second] = await enqueue(queue, [101]);
    apps.push(
      launch([
        queue.worker((input) => {
          started.push(input);
          return input === 100 ? gate.promise : undefined;
        }),
      ]),
    );
    await waitUntil(() => started.includes(100));
    expect(await queue.cancel(second ?? '')).to.equal(true);
    const done = await queue.enqueue(102);
    gate.resolve(undefined);
    await lastValueFrom(queue.result(done));
    expect(started.slice(-2)).to.deep.equal([100, 102]);
  });

  it('and gives them back when it stops, without the use of an attempt', async () => {
    const queue = fleet.queue<number>('stopped', { retries: 1 });
    await enqueue(queue, short);
    const long = await queue.enqueue(100);
    await enqueue(queue, [1, 2, 3]);
    const started: number[] = [];
    const app = runUntilLong(queue, started);
    await waitUntil(() => started.includes(100));
    await app.stop();
    const attempts: JobEvent[] = [];
    const subscription = queue.events$.subscribe((event) => attempts.push(event));
    apps.push(launch([queue.worker((n) => n)]));
    await lastValueFrom(queue.result(long));
    await waitUntil(async () => (await countOf('stopped', 'completed')) === 104);
    subscription.unsubscribe();
    expect(attempts.filter(({ type }) => type === 'lost' || type === 'failed')).to.deep.equal([]);
  });

  describe('A job that a stop interrupts', () => {
    it('does not use an attempt, however often', async () => {
      const queue = fleet.queue<number, string>('deploys', { retries: 1 });
      const job = await queue.enqueue(1);
      const attempts: number[] = [];
      for (let deploy = 0; deploy < 4; deploy++) {
        const started = deferred<undefined>();
        const app = launch([
          queue.worker((_, __, { attempt }) => {
            attempts.push(attempt);
            started.resolve(undefined);
            return NEVER;
          }),
        ]);
        await started.promise;
        await app.stop();
      }
      apps.push(launch([queue.worker((_, __, { attempt }) => `done at ${attempt}`)]));
      expect(await firstValueFrom(queue.result(job))).to.equal('done at 5');
      expect(attempts).to.deep.equal([1, 2, 3, 4]);
      expect(await queue.deadLetters()).to.deep.equal([]);
    });
  });
});

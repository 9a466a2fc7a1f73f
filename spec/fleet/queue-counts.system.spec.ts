import { expect } from 'chai';
import { NEVER } from 'rxjs';
import { launch, type Application } from 'rxjs-tasks';
import type { Fleet, QueueState } from 'rxjs-tasks/fleet';
import { Fleets, sharedUrl } from '../helpers/fleet.js';
import { statement } from '../helpers/postgres.js';
import { waitUntil } from '../helpers/wait.js';

const hour = 3_600_000;
const quiet = { observer: () => undefined };
const failAlways = () => {
  throw new Error('no');
};

describe('The counts of a queue', () => {
  const fleets = new Fleets();
  const apps: Application[] = [];
  let fleet: Fleet;
  let queues = 0;
  const newQueue = () => fleet.queue<number, number>(`counts-${++queues}`, { retries: 0 });
  const query = async (sql: string) => statement(await sharedUrl(), sql.replaceAll('jobs.', `${fleets.schema}_jobs.`));
  const countsOf = async (name: string): Promise<QueueState> => {
    const state = (await fleet.state()).queues.find((queue) => queue.name === name);
    return state ?? expect.fail(`There is no ${name}`);
  };

  before(async () => {
    fleet = await fleets.connect({ name: 'one' });
  });
  afterEach(async () => {
    for (const app of apps.splice(0)) await app.stop();
  });
  after(() => fleets.close());

  it('have whole ms as the times of pauses and of the cancel', async () => {
    const queue = newQueue();
    await queue.enqueue(1);
    await queue.pause({ by: 'ann' });
    await fleet.pause('app/tick');
    await fleet.cancel('for its time');
    // A time has a fraction of 0 once in a thousand times.
    await query(`update "${fleets.schema}".queue set paused_at = '2026-01-01 00:00:00.0007Z'`);
    await query(`update "${fleets.schema}".cron_pause set begun_at = '2026-01-01 00:00:00.0007Z'`);
    await query(`update "${fleets.schema}".fleet set cancelled_at = '2026-01-01 00:00:00.0007Z'`);
    const at = Date.parse('2026-01-01T00:00:00Z');
    const { cancelled, paused } = await fleet.state();
    expect((await countsOf(queue.name)).paused).to.deep.equal({ by: 'ann', at });
    expect(paused.map((each) => each.at)).to.deep.equal([at]);
    expect(cancelled?.at).to.equal(at);
    await fleet.resume('app/tick');
    await fleet.resume();
  });

  it('tell the states of the jobs that have not ended apart', async () => {
    const queue = newQueue();
    await queue.enqueueMany([1, 2, 3, 4]);
    await queue.enqueue(5, { delay: hour });
    const blocked = await queue.enqueue(6);
    await query(`update jobs.job set blocked = true where id = '${blocked}'`);
    const { oldestMs, ...waiting } = await countsOf(queue.name);
    expect(oldestMs).to.be.greaterThan(-1);
    const nothing = {
      delayed: 0,
      blocked: 0,
      retrying: 0,
      running: 0,
      dead: 0,
      ended: { completed: 0, failed: 0, ms: 60_000 },
    };
    expect(waiting).to.deep.equal({ ...nothing, name: queue.name, waiting: 6, delayed: 1, blocked: 1 });
    const failing = fleet.queue<number>(`${queue.name}-failing`, { retries: 1, backoff: { initial: hour, max: hour } });
    await failing.enqueue(1);
    apps.push(launch([failing.worker(failAlways), queue.worker(() => NEVER, { concurrency: 2 })], quiet));
    await waitUntil(async () => (await countsOf(queue.name)).running === 2);
    expect(await countsOf(queue.name)).to.deep.include({ ...nothing, waiting: 4, delayed: 1, blocked: 1, running: 2 });
    await waitUntil(async () => (await countsOf(failing.name)).retrying === 1);
    expect(await countsOf(failing.name)).to.deep.equal({ ...nothing, name: failing.name, waiting: 1, retrying: 1 });
    // Dead letters are counted with their queue.
    const names = (await fleet.state()).queues.map(({ name }) => name);
    expect(names.filter((name) => name.startsWith(queue.name))).to.deep.equal([queue.name, failing.name]);
  });

  it('are of the jobs that have completed or failed in the last minute, too', async () => {
    const queue = newQueue();
    apps.push(launch([queue.worker((n) => (n > 3 ? failAlways() : n))], quiet));
    await queue.enqueueMany([1, 2, 3, 4, 5]);
    await waitUntil(async () => {
      const { completed, failed } = (await countsOf(queue.name)).ended;
      return completed + failed === 5;
    });
    expect(await countsOf(queue.name)).to.deep.include({ dead: 2, ended: { completed: 3, failed: 2, ms: 60_000 } });
    await query(`update jobs.job set completed_on = completed_on - interval '1 min' where name = '${queue.name}'`);
    expect((await countsOf(queue.name)).ended).to.deep.equal({ completed: 0, failed: 0, ms: 60_000 });
  });

  it('are of the last 1,000 ended jobs where there are more, and say over which time', async () => {
    const queue = newQueue();
    await queue.enqueue(1);
    // A job each ms.
    await query(
      `insert into jobs.job (name, state, completed_on)
       select '${queue.name}', 'completed', now() - n * interval '1 ms' from generate_series(1, 2000) n`,
    );
    const { completed, ms } = (await countsOf(queue.name)).ended;
    expect(completed).to.equal(1000);
    expect(ms).to.be.within(1000, 59_999);
  });

  it('are of its largest groups, on demand', async () => {
    const queue = newQueue();
    expect(await queue.groups()).to.deep.equal([]);
    for (const [group, count] of [
      ['acme', 3],
      ['b.example', 5],
      ['c', 1],
    ] as const)
      await queue.enqueueMany(Array<number>(count).fill(1), { group });
    await queue.enqueue(1);
    await queue.enqueue(1, { group: 'c', delay: hour });
    apps.push(launch([queue.worker(() => NEVER, { concurrency: 2 })], quiet));
    await waitUntil(async () => (await countsOf(queue.name)).running === 2);
    expect(await queue.groups()).to.deep.equal([
      { group: 'b.example', waiting: 5, running: 0 },
      { group: 'acme', waiting: 1, running: 2 },
      { group: 'c', waiting: 2, running: 0 },
    ]);
    expect(await queue.groups(1)).to.have.length(1);
    for (const limit of [0, 1001, NaN, '10'])
      expect(await queue.groups(limit as number).catch((error: unknown) => String(error))).to.match(/Expected `limit`/);
  });
});

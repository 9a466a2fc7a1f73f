import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { Client } from 'pg';
import { lastValueFrom } from 'rxjs';
import { launch } from 'rxjs-tasks';
import { JobDeletedError, type Fleet } from 'rxjs-tasks/fleet';
import { claimJobs, insertJobs } from '../../lib/fleet/job-statements.js';
import type { FleetServices } from '../../lib/fleet/fleet-services.js';
import { Fleets, servicesOf, sharedUrl } from '../helpers/fleet.js';
import { statement } from '../helpers/postgres.js';
import { waitUntil } from '../helpers/wait.js';

const released = { name: 'Released', message: 'given back' };

/** Returns whether the commit of a statement, which is rolled back, would wait for the disk. */
async function waitsForDisk(sql: string, values: readonly unknown[]): Promise<boolean> {
  const client = new Client({ connectionString: await sharedUrl() });
  await client.connect();
  try {
    await client.query('begin');
    await client.query(sql, [...values]);
    const { rows } = await client.query<{ setting: string }>(`select current_setting('synchronous_commit') as setting`);
    return rows[0]?.setting === 'on';
  } finally {
    await client.end();
  }
}

describe('A job of `submit`', () => {
  const fleets = new Fleets();
  const { schema } = fleets;
  let url: string;
  let fleet: Fleet;

  before(async () => {
    url = await sharedUrl();
    fleet = await fleets.connect();
  });
  after(() => fleets.close());

  /** Deletes the jobs of a queue, as a crash does that has undone their insertions. */
  const undo = (queue: string) =>
    statement(
      url,
      `with undone as (delete from ${schema}_jobs.job where name = '${queue}')
       update ${schema}.crash_mark set id = gen_random_uuid()`,
    );
  const idsOf = async (queue: string) => (await fleet.queue(queue).jobs()).map(({ id }) => id);

  it('does not wait for the disk as long as its submitter would notice a crash', async () => {
    await fleet.queue('inserted').enqueue(1);
    const jobs = JSON.stringify([{ id: randomUUID(), data: { input: 1 } }]);
    const [row] = await statement<{ id: string }>(url, `select id from ${schema}.crash_mark`);
    const waits = (mark: string | null) => waitsForDisk(insertJobs(schema), ['inserted', jobs, mark, null]);
    expect([await waits(row?.id ?? ''), await waits(randomUUID()), await waits(null)]).to.deep.equal([
      false,
      true,
      true,
    ]);
  });

  it('is inserted again with its id after a crash has undone its insertion', async () => {
    const queue = fleet.queue<number, number>('again');
    const result = lastValueFrom(queue.submit(6));
    await waitUntil(async () => (await idsOf('again')).length > 0);
    const before = await idsOf('again');
    await undo('again');
    await waitUntil(async () => (await idsOf('again')).length > 0);
    expect(await idsOf('again')).to.deep.equal(before);
    const app = launch([queue.worker((n) => n * 7)]);
    expect(await result).to.equal(42);
    await app.stop();
  });

  it('with a key, a delay or a dependency is not inserted again, because its insertion has waited', async () => {
    const first = await fleet.queue('first').enqueue(1);
    const options = { keyed: { key: 'a' }, delayed: { delay: 60_000 }, blocked: { after: [first] } };
    const errors = Object.entries(options).map(async ([name, each]) => {
      const error = lastValueFrom(fleet.queue<number>(name).submit(1, each)).catch((failure: unknown) => failure);
      await waitUntil(async () => (await idsOf(name)).length > 0);
      await undo(name);
      return error;
    });
    for (const error of await Promise.all(errors)) expect(error).to.be.instanceOf(JobDeletedError);
  });
});

describe('A claim', () => {
  const fleets = new Fleets();
  const { schema } = fleets;
  let url: string;
  let fleet: Fleet;
  let jobs: FleetServices['jobs'];

  before(async () => {
    url = await sharedUrl();
    fleet = await fleets.connect();
    ({ jobs } = servicesOf(fleet));
  });
  after(() => fleets.close());

  /** Returns whether a claim of a queue waits for the disk. */
  const claimWaits = (queue: string, limits: readonly (number | null)[] = [null, null, null]) =>
    waitsForDisk(claimJobs(schema), [queue, 10, 10, ...limits]);

  it('does not wait for the disk if the job may run again', async () => {
    await fleet.queue('retried', { retries: 1 }).enqueue(1);
    expect(await claimWaits('retried')).to.equal(false);
  });

  it('waits for the disk if one of its jobs must not run again', async () => {
    await fleet.queue('once', { retries: 0 }).enqueue(1);
    expect(await claimWaits('once')).to.equal(true);
    await fleet.queue('mixed', { retries: 1 }).enqueueMany([1, 2]);
    await fleet.queue('mixed').enqueue(3, { retries: 0 });
    expect(await claimWaits('mixed')).to.equal(true);
  });

  it('waits for the disk if it counts for a limit', async () => {
    await fleet.queue('limited', { retries: 1 }).enqueue(1, { group: 'a' });
    expect(await claimWaits('limited', [1, null, null])).to.equal(true);
    expect(await claimWaits('limited', [null, 1, 1000])).to.equal(true);
  });

  it('has no effect after a crash of the server has undone it, although a later claim has its number', async () => {
    const id = await fleet.queue('undone', { retries: 3, backoff: { initial: 0 } }).enqueue(1);
    const [first] = await jobs.claim('undone', { maxCount: 1, heartbeatMs: 10_000 });
    expect(first).to.include({ id, retryCount: 0 });
    // As the server finds the job after the crash.
    await statement(url, `update ${schema}_jobs.job set state = 'created', started_on = null where id = '${id}'`);
    const [second] = await jobs.claim('undone', { maxCount: 1, heartbeatMs: 10_000 });
    expect(second).to.include({ id, retryCount: 0 });
    if (!first || !second) throw new Error('Expected two claims');

    const effects = async (claim: typeof first) => [
      await jobs.touch([{ queue: 'undone', claim }]),
      await jobs.keep('undone', [claim], false),
    ];
    expect(await effects(first)).to.deep.equal([[], []]);
    expect(await jobs.complete('undone', [{ claim: first, output: {}, json: '{"value":"late"}' }])).to.deep.equal([]);
    expect(await jobs.release('undone', [first], released)).to.deep.equal([]);
    expect(await effects(second)).to.deep.equal([[id], [id]]);
    expect(await jobs.complete('undone', [{ claim: second, output: {}, json: '{"value":"in time"}' }])).to.have.length(
      1,
    );
    expect(await fleet.queue('undone').job(id)).to.include({ state: 'completed', output: 'in time' });
  });
});

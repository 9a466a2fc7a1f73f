import { expect } from 'chai';
import pg from 'pg';
import { filter, firstValueFrom, lastValueFrom, take, toArray } from 'rxjs';
import { launch, type Application } from 'rxjs-tasks';
import type { Fleet } from 'rxjs-tasks/fleet';
import type { Claim } from '../../lib/fleet/job-store.js';
import { Fleets, servicesOf, sharedUrl } from '../helpers/fleet.js';
import { waitUntil } from '../helpers/wait.js';

describe('The message of the completion of a job', () => {
  let fleets: Fleets;
  let submitter: Fleet;
  let other: Fleet;
  let listener: pg.Client;
  let messages: string[];
  let app: Application | undefined;

  beforeEach(async () => {
    fleets = new Fleets();
    submitter = await fleets.connect({ name: 'submitter' });
    other = await fleets.connect({ name: 'other' });
    listener = new pg.Client({ connectionString: await sharedUrl() });
    await listener.connect();
    messages = [];
    listener.on('notification', ({ payload = '' }) => messages.push(payload));
    await listener.query(`listen "${fleets.schema}$events"`);
  });
  afterEach(async () => {
    await app?.stop();
    app = undefined;
    await listener.end();
    await fleets.close();
  });

  /** Waits for all messages that were sent before. */
  async function received(): Promise<string[]> {
    await listener.query(`notify "${fleets.schema}$events", 'last'`);
    await waitUntil(() => messages.includes('last'));
    return messages.filter((message) => message !== 'last');
  }

  it('is sent once, if the submitter waits for the result', async () => {
    app = launch([other.queue<number, number>('squares').worker((n) => n * n)]);
    const queue = submitter.queue<number, number>('squares');
    expect(await lastValueFrom(queue.submit(7))).to.equal(49);
    const [message = '', ...more] = await received();
    expect(JSON.parse(message.slice(8))).to.include({ type: 'completed', queue: 'squares', attempt: 1, by: 'other' });
    expect(more).to.deep.equal([]);
  });

  it('is not sent, if no process waits or follows', async () => {
    app = launch([other.queue<number, number>('squares').worker((n) => n * n)]);
    const queue = submitter.queue<number, number>('squares');
    const id = await queue.enqueue(7);
    await waitUntil(async () => (await queue.job(id))?.state === 'completed');
    expect(await received()).to.deep.equal([]);
  });

  it('is sent by the statement that completes the jobs, and not if one of the claims has been replaced', async () => {
    const { jobs } = servicesOf(other);
    const ids = await submitter.queue('q').enqueueMany([1, 2, 3]);
    const claims = await jobs.claim('q', { maxCount: 3, heartbeatMs: 10_000 });
    expect(claims).to.have.length(3);
    const [first, second, third] = claims as unknown as [Claim, Claim, Claim];
    const complete = (...held: Claim[]) =>
      jobs.complete(
        'q',
        held.map((claim) => ({ claim, output: {}, json: JSON.stringify({ value: claim.id }) })),
        'the payload',
      );
    expect(await complete(first)).to.deep.equal([{ id: first.id, hasDependents: false, notified: true }]);
    expect(await received()).to.deep.equal(['the payload']);
    const replaced = { ...third, retryCount: 5 };
    expect(await complete(second, replaced)).to.deep.equal([{ id: second.id, hasDependents: false, notified: false }]);
    expect(await complete(replaced)).to.deep.equal([]);
    expect(await received()).to.deep.equal(['the payload']);
    const states = await Promise.all(ids.map((id) => submitter.queue('q').job(id)));
    expect(states.map((job) => job?.output ?? job?.state).sort()).to.deep.equal([first.id, second.id, 'active'].sort());
  });

  it('comes after the other messages about the job, while a process follows', async () => {
    const follower = await fleets.connect({ name: 'follower' });
    const events = firstValueFrom(follower.queue('squares').events$.pipe(take(6), toArray()));
    await firstValueFrom(servicesOf(other).poller.status$.pipe(filter(({ followed }) => followed)));
    app = launch([other.queue<number, number>('squares').worker((n) => n * n)]);
    const queue = submitter.queue<number, number>('squares');
    for (const n of [1, 2]) expect(await lastValueFrom(queue.submit(n))).to.equal(n * n);
    const types = (await events).map(({ type }) => type).filter((type) => type !== 'submitted');
    expect(types).to.deep.equal(['started', 'completed', 'started', 'completed']);
  });

  it('leads to the results of more jobs than fit into one payload', async () => {
    app = launch([other.queue<number, number>('squares').worker((n) => n * n, { concurrency: 200 })]);
    const queue = submitter.queue<number, number>('squares');
    const inputs = Array.from({ length: 200 }, (_, n) => n);
    const results = await Promise.all(inputs.map((n) => lastValueFrom(queue.submit(n))));
    expect(results).to.deep.equal(inputs.map((n) => n * n));
    const ends = (await received()).flatMap((payload) => JSON.parse(`[${payload.slice(8)}]`) as { type: string }[]);
    expect(ends.map(({ type }) => type)).to.deep.equal(inputs.map(() => 'completed'));
  });
});

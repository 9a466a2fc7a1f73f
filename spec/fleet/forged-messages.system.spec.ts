import { expect } from 'chai';
import { Client } from 'pg';
import { lastValueFrom } from 'rxjs';
import { launch, type Application } from 'rxjs-tasks';
import { JobCancelledError, type Fleet, type JobEvent } from 'rxjs-tasks/fleet';
import { Fleets, sharedUrl } from '../helpers/fleet.js';
import { statement } from '../helpers/postgres.js';
import { deferred } from '../helpers/tasks.js';
import { waitUntil } from '../helpers/wait.js';

describe('A role that may only connect', () => {
  const fleets = new Fleets();
  const { schema } = fleets;
  const role = `${schema}_outsider`;
  const heard: string[] = [];
  const apps: Application[] = [];
  let submitters: Fleet;
  let workers: Fleet;
  let outsider: Client;
  let queues = 0;
  const newName = () => `q${++queues}`;

  before(async () => {
    submitters = await fleets.connect({ name: 'submitter' });
    workers = await fleets.connect({ name: 'worker' });
    await statement(await sharedUrl(), `create role ${role} login password 'o'`);
    const url = new URL(await sharedUrl());
    [url.username, url.password] = [role, 'o'];
    outsider = new Client({ connectionString: url.href });
    await outsider.connect();
    outsider.on('notification', ({ payload = '' }) => heard.push(payload));
    await outsider.query(`listen "${schema}"; listen "${schema}$events"`);
  });
  afterEach(async () => {
    for (const app of apps.splice(0)) await app.stop();
  });
  after(async () => {
    await outsider.end();
    await statement(await sharedUrl(), `drop role ${role}`);
    await fleets.close();
  });

  const forge = (channel: string, ...messages: object[]) =>
    outsider.query('select pg_notify($1, $2)', [channel, `somebody${JSON.stringify(messages).slice(1, -1)}`]);

  /** Starts a worker whose jobs wait until they are told to end, or are cancelled. */
  async function runHeld(count: number) {
    const name = newName();
    const started = new Map<number, string>();
    const cancelled: number[] = [];
    const gate = deferred<undefined>();
    const worker = workers.queue<number, string>(name, { retries: 0 }).worker(
      async (n, ctx, { id }) => {
        ctx.cancelled$.subscribe((cause) => cause instanceof JobCancelledError && cancelled.push(n));
        started.set(n, id);
        await gate.promise;
        return `true result ${n}`;
      },
      { concurrency: count },
    );
    apps.push(launch([worker]));
    const queue = submitters.queue<number, string>(name, { retries: 0 });
    const outcomes: unknown[] = [];
    const results = Array.from({ length: count }, (_, n) =>
      lastValueFrom(queue.submit(n)).catch((error: unknown) => error),
    );
    results.forEach((result, n) => void result.then((outcome) => (outcomes[n] = outcome)));
    await waitUntil(() => started.size === count);
    const idOf = (n: number) => started.get(n) ?? '';
    return { name, queue, gate, cancelled, results, outcomes, idOf };
  }

  it('reads no output, failure, progress or input from the messages', async () => {
    const name = newName();
    const events: JobEvent[] = [];
    const following = submitters.queue(name).events$.subscribe((event) => events.push(event));
    const worker = workers.queue<string, string>(name, { retries: 0 }).worker((input, _, job) => {
      job.progress({ card: 'secret progress' });
      if (input === 'secret failing input') throw new Error('secret failure');
      return 'secret output';
    });
    apps.push(launch([worker], { observer: () => undefined }));
    const queue = submitters.queue<string, string>(name, { retries: 0 });
    expect(await lastValueFrom(queue.submit('secret input'))).to.equal('secret output');
    const error: unknown = await lastValueFrom(queue.submit('secret failing input')).catch((reason: unknown) => reason);
    expect(String(error)).to.include('secret failure');
    await waitUntil(() => ['completed', 'failed'].every((end) => events.some(({ type }) => type === end)));
    following.unsubscribe();
    // The followers have the contents, from the tables.
    const texts = JSON.stringify(events);
    for (const secret of ['secret progress', 'secret output', 'secret failure']) expect(texts).to.include(secret);
    await waitUntil(() => heard.filter((payload) => payload.includes('"failed"')).length > 0);
    expect(heard.join()).to.include('"completed"').and.include('"progress"');
    expect(heard.join()).not.to.include('secret');
  });

  it('ends no job for its submitter by a forged message', async () => {
    const { name, queue, gate, results, outcomes, idOf } = await runHeld(3);
    const base = { queue: name, attempt: 1, at: 1, by: 'x' };
    await forge(
      `${schema}$events`,
      { ...base, type: 'completed', job: idOf(0), output: { value: 'forged' } },
      { ...base, type: 'failed', job: idOf(1), failure: { name: { toString: 1, valueOf: 1 }, message: 'forged' } },
      { ...base, type: 'cancelled', job: idOf(1) },
    );
    // The message of a true end comes after the forged ones, and is checked after them.
    await workers.queue(name).cancel(idOf(2));
    await waitUntil(() => outcomes[2] !== undefined);
    expect(Object.keys(outcomes)).to.deep.equal(['2']);
    gate.resolve(undefined);
    expect(await results[0]).to.equal('true result 0');
    expect(await results[1]).to.equal('true result 1');
    expect(await results[2]).to.be.instanceOf(JobCancelledError);
    expect(await queue.cancel(idOf(0))).to.equal(false);
  });

  it('cancels no running job by a forged message', async () => {
    const { name, queue, gate, cancelled, results, idOf } = await runHeld(2);
    await forge(schema, { type: 'cancel', queue: name, job: idOf(0) });
    await queue.cancel(idOf(1));
    await waitUntil(() => cancelled.length > 0);
    expect(cancelled).to.deep.equal([1]);
    gate.resolve(undefined);
    expect(await results[0]).to.equal('true result 0');
  });

  it('makes no event by a forged message', async () => {
    const { name, gate, results, idOf } = await runHeld(1);
    const events: JobEvent[] = [];
    const following = submitters.queue(name).events$.subscribe((event) => events.push(event));
    const base = { queue: name, job: idOf(0), attempt: 1, at: 1, by: 'forger' };
    const forgedTypes = ['progress', 'retrying', 'completed', 'failed', 'cancelled'];
    await forge(`${schema}$events`, ...forgedTypes.map((type) => ({ ...base, type })), {
      ...base,
      type: 'started',
      attempt: 2,
    });
    // This message is checked after the forged ones.
    await waitUntil(async () => {
      await workers.queue(name).enqueue(1);
      return events.some(({ type }) => type === 'submitted');
    });
    gate.resolve(undefined);
    await results[0];
    await waitUntil(() => events.some(({ type }) => type === 'completed'));
    following.unsubscribe();
    expect(events.filter(({ by }) => by === 'forger')).to.deep.equal([]);
  });

  it('neither pauses nor cancels anything by a flood of messages', async () => {
    const { name, gate, results, outcomes, idOf } = await runHeld(1);
    const messages = [
      { type: 'fleet' },
      { type: 'follow' },
      { type: 'work', queue: name },
      { type: 'cancel', queue: name, job: idOf(0) },
    ];
    for (let n = 0; n < 200; n++) await forge(schema, ...messages, ...messages, ...messages);
    const other = submitters.queue<number, string>(newName());
    apps.push(launch([workers.queue<number, string>(other.name).worker((n) => `${n}`)]));
    expect(await lastValueFrom(other.submit(1))).to.equal('1');
    expect([workers.context.cancelled, outcomes]).to.deep.equal([false, []]);
    gate.resolve(undefined);
    expect(await results[0]).to.equal('true result 0');
  });
});

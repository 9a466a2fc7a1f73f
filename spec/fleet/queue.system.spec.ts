import { expect } from 'chai';
import { inspect } from 'node:util';
import { NEVER } from 'rxjs';
import type { Fleet } from 'rxjs-tasks/fleet';
import { Fleets, servicesOf, sharedUrl } from '../helpers/fleet.js';
import { statement } from '../helpers/postgres.js';
import { TestApplications } from '../helpers/test-applications.js';
import { waitUntil } from '../helpers/wait.js';
import { describeQueue } from './behaviour/queue.js';

describe('a queue', () => {
  const fleets = new Fleets();
  let fleet: Fleet;
  let queues = 0;
  const newName = () => `sql-${++queues}`;
  const apps = new TestApplications(fleets);
  const run = apps.run;

  before(async () => {
    fleet = await fleets.connect({ name: 'sql' });
  });
  after(() => fleets.close());
  afterEach(() => apps.stop());

  it('sends heartbeats for its current claims alone, of several queues', async () => {
    const queues = [fleet.queue<number>(newName()), fleet.queue<number>(newName())];
    const { jobs } = servicesOf(fleet);
    const claims = [];
    for (const { name: queue } of queues) {
      await fleet.queue<number>(queue).enqueue(1);
      for (const claim of await jobs.claim(queue, { maxCount: 1, heartbeatMs: 10_000 })) claims.push({ queue, claim });
    }
    const ids = claims.map(({ claim }) => claim.id);
    expect(ids).to.have.length(2);
    expect(await jobs.touch(claims)).to.have.members(ids);
    const [first] = claims;
    const earlier = claims.map(({ queue, claim }) => ({ queue, claim: { ...claim, retryCount: 7 } }));
    expect(await jobs.touch([...(first ? [first] : []), ...earlier.slice(1)])).to.deep.equal(ids.slice(0, 1));
  });

  it('refuses a queue of another program that has a policy of its own', async () => {
    const name = newName();
    const { boss } = servicesOf(fleet).database;
    await boss.createQueue(name, { policy: 'singleton' });
    const error = await fleet
      .queue(name)
      .enqueue(1)
      .catch((reason: unknown) => reason as Error);
    expect(error).to.be.instanceOf(TypeError);
    expect((error as Error).message).to.equal(
      "Expected `queue` to be a queue of the policy `standard`, got `'singleton'` (string)",
    );
  });

  it('refuses a job when another program has deleted the queue', async () => {
    const name = newName();
    const queue = fleet.queue<number>(name);
    await queue.enqueue(1);
    const { boss } = servicesOf(fleet).database;
    await boss.deleteQueue(name);
    const error = await queue.enqueue(2).catch((reason: unknown) => reason as Error);
    expect((error as Error).message).to.equal(`Queue ${name} does not exist`);
  });

  it("gives the jobs that a worker claims the time without a heartbeat of the worker's process", async () => {
    const patient = await fleets.connect({ heartbeat: 25_000 });
    const queue = patient.queue<number>(newName());
    await fleet.queue<number>(queue.name).enqueue(1);
    run(queue.worker(() => NEVER));
    const claimed = `select heartbeat_seconds as seconds from ${fleets.schema}_jobs.job
      where name = '${queue.name}' and state = 'active'`;
    await waitUntil(async () => (await statement(await sharedUrl(), claimed)).length === 1);
    expect(await statement(await sharedUrl(), claimed)).to.deep.equal([{ seconds: 25 }]);
  });

  it('is printed with its name', () => {
    expect(inspect(fleet.queue('printed'))).to.equal('Queue(printed)');
  });

  it("leaves no trace in pg-boss's tables that pg-boss takes for damage", async () => {
    await fleet.queue(newName()).enqueue(1);
    const { boss } = servicesOf(fleet).database;
    const { ok, extraIndexes } = await boss.detectSchemaDrift();
    expect({ ok, extraIndexes }).to.deep.equal({ ok: true, extraIndexes: [] });
  });

  it('does not submit a job whose subscriber unsubscribes before the job is in the database', async () => {
    const name = newName();
    const queue = fleet.queue<number>(name);
    const types: string[] = [];
    const subscription = queue.events$.subscribe(({ type }) => types.push(type));
    queue.submit(1).subscribe().unsubscribe();
    await queue.enqueue(2);
    const rows = await statement<{ input: unknown }>(
      await sharedUrl(),
      `select data->'input' as input from ${fleets.schema}_jobs.job where name = '${name}'`,
    );
    expect([rows, types]).to.deep.equal([[{ input: 2 }], ['submitted']]);
    subscription.unsubscribe();
  });

  it('deletes ended jobs after the minimum of pg-boss when retention is 0', async () => {
    const queue = fleet.queue(newName(), { retention: 0 });
    await queue.enqueue(1);
    const rows = await statement<{ seconds: number }>(
      await sharedUrl(),
      `select deletion_seconds as seconds from ${fleets.schema}_jobs.queue where name = '${queue.name}'`,
    );
    // With 0 pg-boss would never delete them.
    expect(rows).to.deep.equal([{ seconds: 1 }]);
  });

  describeQueue(fleets);
});

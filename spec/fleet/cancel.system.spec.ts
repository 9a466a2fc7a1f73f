import { expect } from 'chai';
import { filter, firstValueFrom, lastValueFrom } from 'rxjs';
import { launch } from 'rxjs-tasks';
import { JobCancelledError, type Fleet, type FleetEvent } from 'rxjs-tasks/fleet';
import sinon from 'sinon';
import { seededRandom } from '../../lib/testing/seeded-random.js';
import { Fleets, nextEvent, servicesOf, sharedUrl } from '../helpers/fleet.js';
import { FleetPrograms, lines } from '../helpers/fleet-programs.js';
import { statement } from '../helpers/postgres.js';
import type { Program } from '../helpers/program.js';
import { pause, waitUntil } from '../helpers/wait.js';

describe('the cancel of a fleet', () => {
  const fleets = new Fleets();
  const programs = new FleetPrograms();
  const { schema } = fleets;
  let fleet: Fleet;
  let url: string;
  const start = (name: string) => programs.start('member', { url, schema, name });
  const startFive = async () => {
    const members = ['a', 'b', 'c', 'd', 'e'].map(start);
    for (const member of members) await member.waitFor('up');
    return members;
  };
  const waitForCancel = (members: readonly Program[]) =>
    Promise.all(members.map((member) => member.waitFor('cancelled')));

  before(async () => {
    url = await sharedUrl();
    fleet = await fleets.connect({ name: 'operator' });
  });
  after(() => fleets.close());
  afterEach(async () => {
    await programs.killAll();
    await fleet.resume();
  });

  it('works, and can be undone, although another program has deleted the row, or its time', async () => {
    await statement(url, `delete from "${schema}".fleet`);
    await fleet.cancel('without a row');
    expect(String(fleet.context.cause)).to.equal(
      'FleetCancelledError: The fleet was cancelled by operator: without a row',
    );
    await statement(url, `update "${schema}".fleet set cancelled_at = null`);
    await fleet.resume();
    expect(fleet.context.cancelled).to.equal(false);
  });

  it('reaches 5 running processes and one that starts later, but none that starts after a resume', async () => {
    const members = await startFive();
    await fleet.cancel('a bad deploy');
    await waitForCancel(members);
    for (const member of members) {
      const { code, stderr, stdout } = await member.ended;
      expect([code, stderr]).to.deep.equal([0, '']);
      expect(stdout).to.include('The fleet was cancelled by operator: a bad deploy');
    }
    const late = await start('late').ended;
    expect([late.code, late.stderr]).to.deep.equal([0, '']);
    expect(late.stdout).not.to.include('up\n');
    await fleet.resume();
    await start('later').waitFor('up');
  });

  it('reaches 5 running processes without a message', async () => {
    const members = await startFive();
    await statement(url, `update ${schema}.fleet set reason = 'by hand', cancelled_by = 'psql', cancelled_at = now()`);
    await waitForCancel(members);
    for (const member of members) {
      expect((await member.ended).code).to.equal(0);
      expect(lines(member, 'cancelled')).to.deep.equal(['The fleet was cancelled by psql: by hand']);
    }
  });
});

describe('the cancel of a job', () => {
  const fleets = new Fleets();
  let url: string;
  before(async () => (url = await sharedUrl()));
  afterEach(() => fleets.close());

  it('keeps a waiting job from running in any process', async () => {
    const fleet = await fleets.connect();
    const queue = fleet.queue<number>('waiting');
    const ids = await Promise.all(Array.from({ length: 100 }, (_, n) => queue.enqueue(n)));
    const cancelled = ids.filter((_, n) => n % 2 === 1);
    for (const id of cancelled) expect(await queue.cancel(id)).to.equal(true);
    // Jobs run in their order: when the last one does, all others have had their turn.
    await queue.enqueue(100);
    const inputs: number[] = [];
    const other = await fleets.connect();
    const handler = (n: number) => void inputs.push(n);
    const apps = [fleet, other].map((member) => launch([member.queue<number>('waiting').worker(handler)]));
    await waitUntil(() => inputs.includes(100));
    for (const app of apps) await app.stop();
    expect(inputs).to.have.length(51);
    expect(inputs.filter((n) => n % 2 === 1)).to.deep.equal([]);
    for (const id of cancelled) {
      const error = await lastValueFrom(queue.result(id)).catch((reason: unknown) => reason);
      expect(error).to.be.instanceOf(JobCancelledError);
    }
  });

  it('is not requested by a subscriber that needs no more than the result', async () => {
    const fleet = await fleets.connect();
    const queue = fleet.queue<number, number>('first');
    const cancel = sinon.spy(servicesOf(fleet).database.boss, 'cancel');
    const app = launch([queue.worker((n) => n + 1)]);
    for (const options of [{}, { key: 'k' }]) expect(await firstValueFrom(queue.submit(1, options))).to.equal(2);
    await app.stop();
    await fleet.close();
    expect(cancel.callCount).to.equal(0);
  });

  it('takes effect if the subscriber unsubscribes just before the fleet is closed', async () => {
    const fleet = await fleets.connect();
    const queue = fleet.queue<number>('closing');
    const submitted = nextEvent(queue.events$, 'submitted');
    const subscription = queue.submit(1).subscribe();
    const { job } = await submitted;
    subscription.unsubscribe();
    await fleet.close();
    const [row] = await statement<{ state: string }>(
      url,
      `select state from ${fleets.schema}_jobs.job where id = '${job}'`,
    );
    expect(row?.state).to.equal('cancelled');
  });

  it('gives a job that completes at the same time one outcome, which is the same for all observers', async () => {
    const [fleet, other] = [await fleets.connect(), await fleets.connect()];
    const queue = fleet.queue<number, string>('racing');
    const ends = new Map<string, string[]>();
    const jobEvents$ = other.events$.pipe(filter((event): event is FleetEvent & { job: string } => 'job' in event));
    const subscription = jobEvents$.subscribe(({ type, job }) => {
      if (type === 'completed' || type === 'cancelled' || type === 'failed')
        ends.set(job, [...(ends.get(job) ?? []), type]);
    });
    const worker = other.queue<number, string>('racing').worker(
      async (ms) => {
        await pause(ms);
        return 'done';
      },
      { concurrency: 20 },
    );
    const app = launch([worker]);
    await firstValueFrom(worker.ready$);
    const random = seededRandom(43);
    let maxCancelMs = 30;
    const race = async (_: unknown, n: number) => {
      await pause(n * 8);
      const id = await queue.enqueue(Math.floor(random() * 15));
      const result = lastValueFrom(queue.result(id)).catch((error: unknown) => (error as Error).name);
      await pause(random() * maxCancelMs);
      const cancelled = await queue.cancel(id);
      return { id, cancelled, result: await result };
    };
    const races: Awaited<ReturnType<typeof race>>[] = [];
    const cancels = () => races.filter(({ cancelled }) => cancelled).length;
    // Until both outcomes are frequent: on a slow machine the cancel comes too early, and must wait longer.
    while (races.length < 500 || cancels() < 20 || races.length - cancels() < 20) {
      races.push(...(await Promise.all(Array.from({ length: 100 }, race))));
      maxCancelMs *= cancels() > races.length / 2 ? 1.5 : 0.9;
    }
    await app.stop();
    await waitUntil(() => ends.size === races.length);
    subscription.unsubscribe();
    const rows = await statement<{ id: string; state: string }>(
      url,
      `select id, state from ${fleets.schema}_jobs.job where name = 'racing'`,
    );
    const states = new Map(rows.map(({ id, state }) => [id, state]));
    for (const { id, cancelled, result } of races) {
      const state = cancelled ? 'cancelled' : 'completed';
      expect([states.get(id), result, ends.get(id)]).to.deep.equal([
        state,
        cancelled ? 'JobCancelledError' : 'done',
        [state],
      ]);
    }
    console.log(`      ${races.length} races, ${cancels()} cancelled`);
  });
});

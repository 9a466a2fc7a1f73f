import { expect } from 'chai';
import { firstValueFrom, lastValueFrom, filter } from 'rxjs';
import { launch } from 'rxjs-tasks';
import { JobCancelledError, type Fleet, type FleetEvent } from 'rxjs-tasks/fleet';
import { Fleets, sharedUrl } from '../helpers/fleet.js';
import { statement } from '../helpers/postgres.js';
import type { Program } from '../helpers/program.js';
import { lines, pause, Programs, until } from '../helpers/programs.js';
import { randomFrom } from '../../lib/testing/random.js';

describe('the cancel of a fleet', () => {
  const fleets = new Fleets();
  const programs = new Programs();
  const { schema } = fleets;
  let fleet: Fleet;
  let url: string;
  const start = (name: string) => programs.start('member', { url, schema, name });
  const five = async () => {
    const members = ['a', 'b', 'c', 'd', 'e'].map(start);
    for (const member of members) await member.says('up');
    return members;
  };
  /** When each was told, in ms from a time. */
  const told = async (members: readonly Program[], from: number) => {
    await Promise.all(members.map((member) => member.says('cancelled')));
    return members.map((member) => Number(lines(member, 'cancelled')[0]?.split(' ')[0]) - from);
  };

  before(async () => {
    url = await sharedUrl();
    fleet = await fleets.connect({ name: 'operator' });
  });
  after(() => fleets.close());
  afterEach(async () => {
    await programs.kill();
    await fleet.resume();
  });

  it('reaches 5 processes within 2 s, those that start later, and nobody after a resume', async () => {
    const members = await five();
    const from = Date.now();
    await fleet.cancel('a bad deploy');
    for (const ms of await told(members, from)) expect(ms).to.be.within(0, 2000);
    for (const member of members) {
      const { code, stderr, stdout } = await member.ended;
      expect([code, stderr]).to.deep.equal([0, '']);
      expect(stdout).to.include('The fleet was cancelled by operator: a bad deploy');
    }
    const late = await start('late').ended;
    expect([late.code, late.stderr]).to.deep.equal([0, '']);
    expect(late.stdout).not.to.include('up\n');
    await fleet.resume();
    await start('later').says('up');
  }).timeout(60_000);

  it('reaches them within 2 s when no message does', async () => {
    const members = await five();
    const from = Date.now();
    await statement(url, `update ${schema}.fleet set reason = 'by hand', cancelled_by = 'psql', cancelled_at = now()`);
    for (const ms of await told(members, from)) expect(ms).to.be.within(0, 2000);
    for (const member of members) expect((await member.ended).code).to.equal(0);
  }).timeout(60_000);
});

describe('the cancel of a job', () => {
  const fleets = new Fleets();
  let url: string;
  before(async () => (url = await sharedUrl()));
  afterEach(() => fleets.close());

  it('that waits: it never runs, in none of the processes', async () => {
    const fleet = await fleets.connect();
    const queue = fleet.queue<number>('waiting');
    const ids = await Promise.all(Array.from({ length: 100 }, (_, n) => queue.enqueue(n)));
    const odd = ids.filter((_, n) => n % 2 === 1);
    for (const id of odd) expect(await queue.cancel(id)).to.equal(true);
    const ran: number[] = [];
    const other = await fleets.connect();
    const handler = (n: number) => void ran.push(n);
    const apps = [fleet, other].map((one) => launch([one.queue<number>('waiting').worker(handler)]));
    await until(() => ran.length === 50, 10_000);
    await pause(300);
    for (const app of apps) await app.stop();
    expect(ran.filter((n) => n % 2 === 1)).to.deep.equal([]);
    for (const id of odd) {
      const error = await lastValueFrom(queue.result(id)).catch((reason: unknown) => reason);
      expect(error).to.be.instanceOf(JobCancelledError);
    }
  }).timeout(30_000);

  it('by unsubscribing just before the fleet is closed: it is cancelled all the same', async () => {
    const fleet = await fleets.connect();
    const queue = fleet.queue<number>('closing');
    const submitted = firstValueFrom(queue.events$.pipe(filter(({ type }) => type === 'submitted')));
    const waiting = queue.submit(1).subscribe();
    const { job } = await submitted;
    waiting.unsubscribe();
    await fleet.close();
    const [row] = await statement<{ state: string }>(
      url,
      `select state from ${fleets.schema}_jobs.job where id = '${job}'`,
    );
    expect(row?.state).to.equal('cancelled');
  });

  it('races its completion: it has one end, and all are told the same', async () => {
    const [fleet, other] = [await fleets.connect(), await fleets.connect()];
    const queue = fleet.queue<number, string>('racing');
    const ends = new Map<string, string[]>();
    const told$ = other.events$.pipe(filter((event): event is FleetEvent & { job: string } => 'job' in event));
    const telling = told$.subscribe(({ type, job }) => {
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
    const random = randomFrom(43);
    const races = await Promise.all(
      Array.from({ length: 500 }, async (_, n) => {
        await pause(n * 8);
        const id = await queue.enqueue(Math.floor(random() * 15));
        const result = lastValueFrom(queue.result(id)).catch((error: unknown) => (error as Error).name);
        await pause(random() * 30);
        const cancelled = await queue.cancel(id);
        return { id, cancelled, result: await result };
      }),
    );
    await app.stop();
    await until(() => ends.size === races.length, 5000);
    telling.unsubscribe();
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
    const cancels = races.filter(({ cancelled }) => cancelled).length;
    console.log(`      ${races.length} races, ${cancels} of them won by the cancel`);
    expect(cancels).to.be.within(20, 480);
  }).timeout(60_000);
});

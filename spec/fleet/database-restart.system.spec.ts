import { expect } from 'chai';
import { firstValueFrom, lastValueFrom, Subject } from 'rxjs';
import { launch } from 'rxjs-tasks';
import { connectFleet, FleetConnectionError, type Fleet, type FleetEvent } from 'rxjs-tasks/fleet';
import { FaultProxy } from '../helpers/fault-proxy.js';
import { nextEvent } from '../helpers/fleet.js';
import { FleetPrograms, lines } from '../helpers/fleet-programs.js';
import { startPostgres, statement, type Postgres } from '../helpers/postgres.js';
import { pause, waitUntil } from '../helpers/wait.js';

const options = { retries: 100, backoff: { initial: 0 } };
const schema = 'rxjs_tasks';

describe('after the database was lost', () => {
  const programs = new FleetPrograms();
  let server: Postgres;
  let fleet: Fleet;
  let events: FleetEvent[];
  /** Functions that release what a test has acquired, called in reverse order. */
  const cleanups: (() => unknown)[] = [];
  const connectionEvents = () => events.map(({ type }) => type).filter((type) => type.endsWith('connected'));

  before(async () => (server = await startPostgres()));
  after(() => server.remove());
  beforeEach(async () => {
    fleet = await connectFleet({ url: server.url, name: 'submitter' });
    events = [];
    fleet.events$.subscribe((event) => events.push(event));
  });
  afterEach(async () => {
    for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
    await programs.killAll();
    await fleet.close();
  });

  it('and restarted, running jobs, jobs submitted in between, and their results are not lost', async () => {
    const { url } = server;
    const queue = fleet.queue<number, string>('work', options);
    const worker = programs.start('worker', { url, schema, name: 'worker', maxJobMs: 60_000, concurrency: 50 });
    await worker.waitFor('up');
    const before = lastValueFrom(queue.submit(4000));
    await worker.waitFor('start 4000 1');
    const restarting = server.restart();
    const during: Promise<string>[] = [];
    for (let n = 0; n < 20; n++) {
      during.push(lastValueFrom(queue.submit(n)));
      await pause(50);
    }
    await restarting;
    expect(await before).to.equal('worker 1');
    expect(new Set(await Promise.all(during))).to.deep.equal(new Set(['worker 1']));
    await waitUntil(() => connectionEvents().at(-1) === 'reconnected' && lines(worker, 'fleet').length > 1);

    // Messages arrive again: only a message can cause these two effects.
    const ended = await queue.enqueue(3);
    await lastValueFrom(queue.result(ended));
    const send = (channel: string, message: object) =>
      statement(url, `notify "${channel}", 'outsider${JSON.stringify(message)}'`);
    const base = { queue: 'work', at: 0, by: 'outsider' };
    await waitUntil(async () => {
      await send(`${schema}$events`, { ...base, type: 'submitted', job: ended });
      return events.some((event) => 'by' in event && event.by === 'outsider');
    });
    const started = nextEvent(queue.events$, 'started');
    const id = await queue.enqueue(50_000);
    expect((await started).job).to.equal(id);
    await statement(
      url,
      `begin;
       update ${schema}_jobs.job set state = 'cancelled' where id = '${id}';
       notify "${schema}", 'outsider${JSON.stringify({ type: 'cancel', queue: 'work', job: id })}';
       commit`,
    );
    await waitUntil(() => worker.stdout.includes('cancelled 50000 1 JobCancelledError'));

    expect(await lastValueFrom(queue.submit(1))).to.equal('worker 1');
    expectOutagesThatEnded(connectionEvents());
    expectOutagesThatEnded(lines(worker, 'fleet').map((line) => line.split(' ')[0] ?? ''));
    expect(lines(worker, 'cancelled').filter((line) => line.includes('JobLostError'))).to.deep.equal([]);
    expect(JSON.stringify(events) + worker.stdout + worker.stderr).not.to.include('secret');
    expect(worker.stderr).to.equal('');
    worker.kill('SIGTERM');
    expect((await worker.ended).code).to.equal(0);
  });

  it('a cancel of the fleet that was requested in between takes effect', async () => {
    const member = programs.start('member', { url: server.url, schema, name: 'member' });
    await member.waitFor('up');
    await server.stop();
    const cancelled = fleet.cancel('during the outage');
    await pause(500);
    await server.start();
    await cancelled;
    const { code, stdout, stderr } = await member.ended;
    expect(stdout).to.include('The fleet was cancelled by submitter: during the outage');
    expect([code, stderr.includes('secret')]).to.deep.equal([0, false]);
    await fleet.resume();
  });

  it('a pause of a cron still holds, and a resume and a pause that were requested in between take effect', async () => {
    const member = programs.start('cron', { url: server.url, schema, name: 'member', schedule: 100 });
    await member.waitFor('run');
    await fleet.pause('app/tick', { by: 'ann' });
    await member.waitFor('paused by ann');
    await server.stop();
    const resumed = fleet.resume('app/tick', { by: 'bob' });
    await pause(500);
    expect(lines(member, 'resumed')).to.deep.equal([]);
    await server.start();
    await resumed;
    await member.waitFor('resumed by bob');
    const ran = lines(member, 'run').length;
    await waitUntil(() => lines(member, 'run').length > ran);
    await server.stop();
    const paused = fleet.pause('app/tick', { by: 'eve' });
    await server.start();
    await paused;
    await member.waitFor('paused by eve');
    await server.restart();
    await fleet.resume('app/tick', { by: 'sue' });
    await member.waitFor('resumed by sue');
    expect([lines(member, 'paused'), lines(member, 'resumed')]).to.deep.equal([
      ['by ann', 'by eve'],
      ['by bob', 'by sue'],
    ]);
    member.kill('SIGTERM');
    expect((await member.ended).code).to.equal(0);
  });

  it('stderr reports the loss once and without credentials in a process without a listener', async () => {
    const member = programs.start('member', { url: server.url, schema, name: 'member' });
    await member.waitFor('up');
    await server.restart();
    await waitUntil(
      () => connectionEvents().at(-1) === 'reconnected' && member.stderr.includes('FleetConnectionError'),
    );
    // The member receives it when it is connected again.
    await fleet.cancel('enough');
    const { code, stderr } = await member.ended;
    await fleet.resume();
    expect(code).to.equal(0);
    expect(stderr.match(/FleetConnectionError: /g)).to.have.length(1);
    expect(stderr).not.to.include('secret');
  });

  it('fleets can be closed, and connecting fails', async () => {
    const waiting = lastValueFrom(fleet.queue('work').submit(1)).catch((error: unknown) => error as Error);
    await waitUntil(() => events.some(({ type }) => type === 'submitted'));
    const other = await connectFleet({ url: server.url });
    other.events$.subscribe((event) => events.push(event));
    const answers = new Subject<boolean>();
    const granted = firstValueFrom(answers);
    const lease = other.coordinator.lease('tick', 1000).subscribe(answers);
    expect(await granted).to.equal(true);
    await server.stop();
    try {
      await waitUntil(() => connectionEvents().length > 0);
      await Promise.all([fleet.close(), other.close()]);
      lease.unsubscribe();
      expect(((await waiting) as Error).name).to.equal('CancelledError');
      const refused = await connectFleet({ url: server.url, connectTimeout: 100 }).catch((error: unknown) => error);
      expect(refused).to.be.instanceOf(FleetConnectionError);
    } finally {
      await server.start();
    }
  });

  it('without an error, a process abandons its jobs and leases before another process can have them', async () => {
    const proxy = await FaultProxy.start(server.url);
    cleanups.push(() => proxy.close());
    const cutFleet = await connectFleet({ url: proxy.url, name: 'cut off' });
    cleanups.push(() => cutFleet.close());
    cutFleet.events$.subscribe((event) => events.push(event));
    const causes: unknown[] = [];
    const answers: boolean[] = [];
    const worker = cutFleet.queue<number, string>('cut', options).worker(async (_, ctx) => {
      causes.push(await firstValueFrom(ctx.cancelled$));
      return 'late';
    });
    const app = launch([worker]);
    cleanups.push(() => app.stop());
    const lease = cutFleet.coordinator.lease('cut', 1000).subscribe((granted) => answers.push(granted));
    const queue = fleet.queue<number, string>('cut', options);
    const started = nextEvent(queue.events$, 'started');
    const id = await queue.enqueue(1);
    await started;
    await waitUntil(() => answers.length > 0);
    // Opens all connections, because opening one more would fail with an error.
    await Promise.all(Array.from({ length: 20 }, () => cutFleet.lastSlot('cut')));
    cleanups.push(() => proxy.begin('none'));
    proxy.begin('hole');
    await waitUntil(() => firstValueFrom(fleet.coordinator.lease('cut', 2000)));
    expect(answers).to.deep.equal([true, false]);
    await waitUntil(() => causes.length > 0);
    expect((causes[0] as Error).name).to.equal('JobLostError');
    const otherApp = launch([queue.worker(() => 'in time')]);
    cleanups.push(() => otherApp.stop());
    expect(await firstValueFrom(queue.result(id))).to.equal('in time');
    lease.unsubscribe();
  });
});

/** Asserts one or more outages. A server that restarts may accept connections and drop them again. */
function expectOutagesThatEnded(types: readonly string[]): void {
  expect(types).not.to.deep.equal([]);
  expect(types).to.deep.equal(types.map((_, index) => (index % 2 === 0 ? 'disconnected' : 'reconnected')));
  expect(types.at(-1)).to.equal('reconnected');
}

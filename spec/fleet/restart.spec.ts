import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { expect } from 'chai';
import { filter, firstValueFrom, lastValueFrom } from 'rxjs';
import { launch } from 'rxjs-tasks';
import { connectFleet, FleetConnectionError, type Fleet, type FleetEvent } from 'rxjs-tasks/fleet';
import { startPostgres, type Postgres } from '../helpers/postgres.js';
import { lines, pause, Programs, until } from '../helpers/programs.js';

const options = { retries: 100, backoff: { initial: 0 } };

describe('a database that goes away and comes back', () => {
  const programs = new Programs();
  let server: Postgres;
  let fleet: Fleet;
  let events: FleetEvent[];
  /** What the end of a test undoes, the last first. */
  const undo: (() => unknown)[] = [];
  /** How often the connection was lost, and came back. */
  const changes = () => events.map(({ type }) => type).filter((type) => type.endsWith('connected'));

  before(async () => (server = await startPostgres()));
  after(() => server.remove());
  beforeEach(async () => {
    fleet = await connectFleet({ url: server.url, name: 'submitter' });
    events = [];
    fleet.events$.subscribe((event) => events.push(event));
  });
  afterEach(async () => {
    for (const one of undo.splice(0).reverse()) await one();
    await programs.kill();
    await fleet.close();
  });

  it('costs no job under way, none submitted meanwhile, and no result', async () => {
    const { url } = server;
    const queue = fleet.queue<number, string>('work', options);
    const one = programs.start('worker', { url, schema: 'rxjs_tasks', name: 'one', most: 60_000, concurrency: 50 });
    await one.says('up');
    const before = lastValueFrom(queue.submit(4000));
    await one.says('start 4000 1');
    const restarting = server.restart();
    const during: Promise<string>[] = [];
    for (let n = 0; n < 20; n++) {
      during.push(lastValueFrom(queue.submit(n)));
      await pause(50);
    }
    await restarting;
    expect(await before).to.equal('one 1');
    expect(new Set(await Promise.all(during))).to.deep.equal(new Set(['one 1']));
    await until(() => changes().length === 2 && lines(one, 'fleet').length > 1, 10_000);
    // All is as before: what is told comes at once, without a look.
    await pause(2500);
    const asked = performance.now();
    expect(await lastValueFrom(queue.submit(1))).to.equal('one 1');
    expect(performance.now() - asked).to.be.below(1000);
    expect(changes()).to.deep.equal(['disconnected', 'reconnected']);
    expect(lines(one, 'fleet').map((line) => line.split(' ')[0])).to.deep.equal(['disconnected', 'reconnected']);
    expect(lines(one, 'cancelled').filter((line) => line.includes('JobLostError'))).to.deep.equal([]);
    expect(JSON.stringify(events) + one.stdout + one.stderr).not.to.include('secret');
    expect(one.stderr).to.equal('');
    one.kill('SIGTERM');
    expect((await one.ended).code).to.equal(0);
  }).timeout(60_000);

  it('is no end of the cancel of the fleet', async () => {
    const member = programs.start('member', { url: server.url, schema: 'rxjs_tasks', name: 'member' });
    await member.says('up');
    await server.stop();
    const cancelled = fleet.cancel('while it was away');
    await pause(500);
    await server.start();
    await cancelled;
    const { code, stdout, stderr } = await member.ended;
    expect(stdout).to.include('The fleet was cancelled by submitter: while it was away');
    expect([code, stderr.includes('secret')]).to.deep.equal([0, false]);
    await fleet.resume();
  }).timeout(60_000);

  it('has its loss told on stderr, once and without credentials, when nobody listens', async () => {
    const member = programs.start('member', { url: server.url, schema: 'rxjs_tasks', name: 'member' });
    await member.says('up');
    await server.restart();
    await until(() => changes().length === 2, 10_000);
    await pause(1500);
    member.kill('SIGTERM');
    const { code, stderr } = await member.ended;
    expect(code).to.equal(0);
    expect(stderr.match(/FleetConnectionError: /g)).to.have.length(1);
    expect(stderr).not.to.include('secret');
  }).timeout(60_000);

  it('keeps nobody from closing meanwhile, and does not hold a process', async () => {
    const waiting = lastValueFrom(fleet.queue('work').submit(1)).catch((error: unknown) => error as Error);
    await until(() => events.some(({ type }) => type === 'submitted'), 5000);
    const other = await connectFleet({ url: server.url });
    other.events$.subscribe((event) => events.push(event));
    const lease = other.coordinator.lease('tick', 1000).subscribe();
    await pause(300);
    await server.stop();
    try {
      await until(() => changes().length > 0, 5000);
      const began = performance.now();
      await Promise.all([fleet.close(), other.close()]);
      lease.unsubscribe();
      expect(performance.now() - began).to.be.below(15_000);
      expect(((await waiting) as Error).name).to.equal('CancelledError');
      const refused = await connectFleet({ url: server.url, connectTimeout: 100 }).catch((error: unknown) => error);
      expect(refused).to.be.instanceOf(FleetConnectionError);
    } finally {
      await server.start();
    }
  }).timeout(60_000);

  it('that does not answer at all: what others may have soon is taken back', async () => {
    const way = await proxy(Number(new URL(server.url).port));
    undo.push(() => way.close());
    const url = new URL(server.url);
    url.port = String(way.port);
    const cut = await connectFleet({ url: url.href, name: 'cut off' });
    undo.push(() => cut.close());
    cut.events$.subscribe((event) => events.push(event));
    const causes: unknown[] = [];
    const leases: boolean[] = [];
    let takenBack = 0;
    const worker = cut.queue<number, string>('cut', options).worker(async (_, ctx) => {
      causes.push(await firstValueFrom(ctx.cancelled$));
      return 'late';
    });
    const app = launch([worker]);
    undo.push(() => app.stop());
    const lease = cut.coordinator.lease('cut', 1000).subscribe((granted) => {
      leases.push(granted);
      takenBack = performance.now();
    });
    const queue = fleet.queue<number, string>('cut', options);
    const started = firstValueFrom(queue.events$.pipe(filter(({ type }) => type === 'started')));
    const id = await queue.enqueue(1);
    await started;
    // All its connections are open, so that nothing fails for want of a new one.
    await Promise.all(Array.from({ length: 20 }, () => cut.lastSlot('cut')));
    undo.push(() => way.letGo());
    way.hold();
    const held = performance.now();
    await until(() => causes.length > 0 && leases.length > 1, 16_000);
    expect((causes[0] as Error).name).to.equal('JobLostError');
    expect(leases).to.deep.equal([true, false]);
    // Before another can have it.
    expect(takenBack - held).to.be.below(10_000);
    const other = launch([queue.worker(() => 'in time')]);
    undo.push(() => other.stop());
    expect(await firstValueFrom(queue.result(id))).to.equal('in time');
    lease.unsubscribe();
  }).timeout(60_000);
});

/** A way to a port of this machine, on which what is sent can be held up. */
async function proxy(target: number) {
  const sockets = new Set<Socket>();
  let held = false;
  const set = (socket: Socket) => (held ? socket.pause() : socket.resume());
  const server = createServer((from) => {
    const to = connect(target, 'localhost');
    for (const [one, other] of [
      [from, to],
      [to, from],
    ] as const) {
      sockets.add(one);
      one.on('data', (data) => void other.write(data));
      one.on('error', () => undefined);
      one.on('close', () => (sockets.delete(one), other.destroy()));
      set(one);
    }
  });
  await new Promise<void>((resolve) => server.listen(0, resolve));
  return {
    port: (server.address() as AddressInfo).port,
    hold: () => {
      held = true;
      sockets.forEach(set);
    },
    letGo: () => {
      held = false;
      sockets.forEach(set);
    },
    close: () => new Promise<unknown>((resolve) => server.close(resolve)),
  };
}

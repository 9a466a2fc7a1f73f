import { expect } from 'chai';
import { filter, firstValueFrom, map } from 'rxjs';
import { cron, launch, ordered, task, type CronRunner, type TaskEvent } from 'rxjs-tasks';
import { connectFleet, every, type Fleet } from 'rxjs-tasks/fleet';
import { Fleets, newSchema, sharedUrl, withDirectory } from '../helpers/fleet.js';
import { FleetPrograms, lines } from '../helpers/fleet-programs.js';
import { statement } from '../helpers/postgres.js';
import type { Program } from '../helpers/program.js';
import { pause, waitUntil } from '../helpers/wait.js';

/** A pause of a cron, in ms since 1970. */
interface StoredPause {
  readonly begun: number;
  readonly ended: number;
}

/** Reads all pauses of a fleet's crons. */
function storedPauses(url: string, schema: string): Promise<StoredPause[]> {
  const ms = (column: string) => `(extract(epoch from ${column}) * 1000)::float8`;
  return statement(
    url,
    `select ${ms('begun_at')} as begun, ${ms('ended_at')} as ended from ${schema}.cron_pause order by begun_at`,
  );
}

describe('the pause of a cron of a fleet, in several processes', () => {
  const programs = new FleetPrograms();
  const fleets = new Fleets();
  const { schema } = fleets;
  const period = 200;
  let url: string;
  let fleet: Fleet;
  const start = (name: string) => programs.start('cron', { url, schema, name, schedule: period });
  const slotsOf = (all: readonly Program[]) => all.flatMap((program) => lines(program, 'run')).map(Number);
  const startFive = async () => {
    const five = ['a', 'b', 'c', 'd', 'e'].map(start);
    for (const program of five) await program.waitFor('up');
    await waitUntil(() => slotsOf(five).length > 3);
    return five;
  };
  const waitForAll = (all: readonly Program[], text: string) =>
    Promise.all(all.map((program) => program.waitFor(text)));

  before(async () => {
    url = await sharedUrl();
    fleet = await fleets.connect({ name: 'operator' });
  });
  after(() => fleets.close());
  afterEach(async () => {
    await programs.killAll();
    await fleet.resume('app/tick');
  });

  it('holds for 5 running processes and one that starts later, and no slot of it is ever run', async () => {
    const five = await startFive();
    await fleet.pause('app/tick', { by: 'ann' });
    await waitForAll(five, 'paused by ann\n');
    const late = start('late');
    const all = [...five, late];
    await late.waitFor('paused by ann\n');
    await late.waitFor('up');
    await pause(5 * period);
    expect((await fleet.state()).paused.map(({ task, by }) => [task, by])).to.deep.equal([['app/tick', 'ann']]);
    await fleet.resume('app/tick');
    await waitForAll(all, 'resumed by operator\n');
    const [stored, ...others] = await storedPauses(url, schema);
    const { begun = NaN, ended = NaN } = stored ?? {};
    await waitUntil(() => slotsOf(all).some((slot) => slot > ended + 3 * period));
    expect(others).to.deep.equal([]);
    const slots = slotsOf(all);
    expect(slots).to.deep.equal([...new Set(slots)]);
    expect(slots.filter((slot) => slot >= begun && slot < ended)).to.deep.equal([]);
    for (const program of all) {
      const missed = lines(program, 'missed').filter((line) => line.endsWith(' paused'));
      expect(missed).to.have.length(1);
      expect(Number(missed[0]?.split(' ')[1])).to.be.at.least(4);
    }
    for (const program of all) program.kill('SIGTERM');
    for (const program of all) expect(await program.ended).to.include({ code: 0, stderr: '' });
  });

  it('reaches 5 running processes without a message', async () => {
    const five = await startFive();
    await statement(url, `insert into ${schema}.cron_pause values ('app/tick', now(), 'psql')`);
    await waitForAll(five, 'paused by psql\n');
    await statement(
      url,
      `update ${schema}.cron_pause set ended_at = now(), ended_by = 'sql' where ended_at = 'infinity'`,
    );
    await waitForAll(five, 'resumed by sql\n');
  });
});

describe('the pause of a cron of a fleet', () => {
  const fleets = new Fleets();
  const { schema } = fleets;
  let url: string;
  before(async () => (url = await sharedUrl()));
  afterEach(async () => {
    const fleet = await fleets.connect();
    for (const { task } of (await fleet.state()).paused) await fleet.resume(task);
    await fleets.close();
  });

  const isGranted = (fleet: Fleet, slot: number, task = 'tick') => firstValueFrom(fleet.coordinator.lease(task, slot));
  /** Creates a cron of a fleet, and collects its events. */
  const tickOf = (fleet: Fleet): { runner: CronRunner; events: TaskEvent[] } => {
    const runner = cron(
      task('tick', ({ slot }) => slot),
      every(50),
      { coordinator: fleet.coordinator },
    );
    const events: TaskEvent[] = [];
    runner.events$.subscribe((event) => events.push(event));
    return { runner, events };
  };
  const typesOf = (events: readonly TaskEvent[]) =>
    events.map(({ type }) => type).filter((type) => type === 'paused' || type === 'resumed');

  it('is applied in its own process when the promise resolves, and in the others soon after', async () => {
    const [fleet, other] = [await fleets.connect({ name: 'web-1' }), await fleets.connect({ name: 'web-2' })];
    const [own, foreign] = [tickOf(fleet), tickOf(other)];
    const apps = [launch([own.runner]), launch([foreign.runner])];
    await fleet.pause('tick');
    expect(own.runner.paused).to.equal(true);
    await waitUntil(() => foreign.runner.paused);
    await other.resume('tick');
    expect(foreign.runner.paused).to.equal(false);
    await waitUntil(() => !own.runner.paused);
    for (const { events } of [own, foreign])
      expect(events.flatMap((event) => ('by' in event ? [[event.type, event.by]] : []))).to.deep.equal([
        ['paused', 'web-1'],
        ['resumed', 'web-2'],
      ]);
    for (const app of apps) await app.stop();
  });

  it('is idempotent, and keeps the time and the name of the first request', async () => {
    const [fleet, other] = [await fleets.connect(), await fleets.connect()];
    const { runner, events } = tickOf(fleet);
    const app = launch([runner]);
    await Promise.all([fleet.pause('tick', { by: 'ann' }), fleet.pause('tick', { by: 'ann' })]);
    const { paused } = await fleet.state();
    expect(paused).to.have.length(1);
    await other.pause('tick', { by: 'bob' });
    expect((await other.state()).paused).to.deep.equal(paused);
    await Promise.all([fleet.resume('tick'), other.resume('tick')]);
    await fleet.resume('tick');
    expect((await fleet.state()).paused).to.deep.equal([]);
    expect(typesOf(events)).to.deep.equal(['paused', 'resumed']);
    await app.stop();
  });

  it('is independent of the pause of a runner', async () => {
    const fleet = await fleets.connect();
    const { runner, events } = tickOf(fleet);
    const app = launch([runner]);
    runner.pause();
    await fleet.pause('tick');
    runner.resume();
    expect(runner.paused).to.equal(true);
    await fleet.resume('tick');
    expect([runner.paused, typesOf(events)]).to.deep.equal([false, ['paused', 'resumed']]);
    await app.stop();
  });

  it('holds for a path that no process has yet, and for no other cron', async () => {
    const fleet = await fleets.connect();
    await fleet.pause('app/tick');
    await fleet.resume('app/never-paused');
    const [later, other] = [tickOf(fleet), tickOf(fleet)];
    const apps = [launch([ordered('app', later.runner)]), launch([other.runner])];
    expect([later.runner.paused, other.runner.paused]).to.deep.equal([true, false]);
    await waitUntil(() => other.runner.history.runs > 2);
    expect(later.events.map(({ task, type }) => `${task} ${type}`)).to.have.members([
      'app/tick ready',
      'app/tick paused',
    ]);
    for (const app of apps) await app.stop();
  });

  it('refuses the leases of the slots that are due in it, and grants those of slots before it', async () => {
    const [fleet, other] = [await fleets.connect(), await fleets.connect()];
    await fleet.pause('lease');
    const begun = (await fleet.state()).paused[0]?.at ?? NaN;
    expect(await isGranted(other, begun - 1, 'lease')).to.equal(true);
    expect(await isGranted(other, begun + 1, 'lease')).to.equal(false);
    expect(await isGranted(other, begun + 1, 'other')).to.equal(true);
  });

  it('keeps its slots from being run by a process that starts later and catches up', async () => {
    const fleet = await fleets.connect();
    const lastRun = Date.now();
    for (let n = 0; n < 2; n++) {
      await pause(200);
      await fleet.pause('late');
      await pause(200);
      await fleet.resume('late');
    }
    const pauses = (await storedPauses(url, schema)).slice(-2);
    const end = pauses[1]?.ended ?? NaN;
    const slots: number[] = [];
    const runner = cron(
      task('late', ({ slot = NaN }) => void slots.push(slot)),
      every(20),
      { coordinator: fleet.coordinator, missed: 'runAll', lastRun },
    );
    // Without a listener, the slots that are skipped in favour of missed ones are written to the console.
    runner.events$.subscribe();
    const app = launch([runner]);
    await waitUntil(() => slots.some((slot) => slot > end));
    await app.stop();
    const slotsIn = (from: number, to: number) => slots.filter((slot) => slot >= from && slot < to);
    for (const { begun, ended } of pauses) expect(slotsIn(begun, ended)).to.deep.equal([]);
    expect(slotsIn(lastRun, pauses[0]?.begun ?? NaN)).not.to.deep.equal([]);
    expect(slotsIn(pauses[0]?.ended ?? NaN, pauses[1]?.begun ?? NaN)).not.to.deep.equal([]);
  });

  it('is deleted long after its end, once a later slot was granted', async () => {
    const fleet = await fleets.connect();
    const rows = () =>
      statement<{ begun_by: string }>(url, `select begun_by from ${schema}.cron_pause where task = 'old' order by 1`);
    const hour = 3_600_000;
    const now = Date.now();
    for (const [by, hours] of [
      ['long ago', 5],
      ['not followed by a slot', 2],
    ] as const)
      await statement(
        url,
        `insert into ${schema}.cron_pause values ('old', now() - interval '${hours} h', '${by}',
         now() - interval '${hours} h' + interval '1 min', 'ann')`,
      );
    expect(await isGranted(fleet, now - 3 * hour, 'old')).to.equal(true);
    await fleet.pause('old', { by: 'now' });
    expect((await rows()).map(({ begun_by }) => begun_by)).to.deep.equal(['not followed by a slot', 'now']);
  });

  it('does not end with the resume of the fleet, nor end the cancel of the fleet', async () => {
    const fleet = await fleets.connect();
    await fleet.pause('tick');
    await fleet.cancel('maintenance');
    await fleet.resume('tick');
    const { cancelled, paused } = await fleet.state();
    expect([cancelled?.reason, paused]).to.deep.equal(['maintenance', []]);
    await fleet.pause('tick');
    await fleet.resume();
    const after = await fleet.state();
    expect([after.cancelled, after.paused.map(({ task }) => task)]).to.deep.equal([undefined, ['tick']]);
  });

  it('is refused with bad input, which changes nothing', async () => {
    const fleet = await fleets.connect();
    await fleet.cancel('maintenance');
    for (const method of ['pause', 'resume'] as const) {
      const call = (...args: unknown[]) => (fleet[method] as (...args: unknown[]) => Promise<void>)(...args);
      expect(() => call(undefined)).to.throw(TypeError, 'Expected `path` to be a string, got undefined');
      expect(() => call(1)).to.throw(TypeError, 'Expected `path` to be a string, got `1` (number)');
      expect(() => call('')).to.throw(RangeError, 'Expected `path` to be the path of a task');
      expect(() => call('tick', { by: 1 })).to.throw(TypeError, 'Expected `by` to be a string, got `1` (number)');
      expect(() => call('tick', { by: 'x'.repeat(201) })).to.throw(
        RangeError,
        'Expected `by` to be a name of 1 to 200 characters',
      );
      expect(() => call('tick', { who: 'ann' })).to.throw(
        TypeError,
        `Expected an option of \`${method}\`, got \`who\``,
      );
      expect(() => call('tick', null)).to.throw(TypeError, `\`options\` of \`${method}\` to be an object, got null`);
    }
    const nul = await fleet.pause('a\0b').catch((error: unknown) => error);
    expect(String(nul)).to.match(/invalid byte sequence/);
    const { cancelled, paused } = await fleet.state();
    expect([cancelled?.reason, paused]).to.deep.equal(['maintenance', []]);
    await fleet.resume();
  });

  it('works in a schema that an earlier version has created', async () => {
    const old = newSchema();
    await (await connectFleet({ url, schema: old })).close();
    await statement(url, `drop table ${old}.cron_pause`);
    const fleet = await connectFleet({ url, schema: old });
    await fleet.pause('tick', { by: 'ann' });
    expect((await fleet.state()).paused.map(({ task, by }) => [task, by])).to.deep.equal([['tick', 'ann']]);
    await fleet.close();
  });

  it('is rejected by a fleet that is closed', async () => {
    const fleet = await connectFleet({ url, schema });
    await fleet.close();
    for (const call of [fleet.pause('tick'), fleet.resume('tick')])
      expect(await call.catch((error: unknown) => error)).to.be.instanceOf(Error);
  });

  it('is kept by an embedded database', () =>
    withDirectory(async (directory) => {
      const earlier = await connectFleet({ directory, name: 'tool' });
      const first = tickOf(earlier);
      const app = launch([first.runner]);
      await waitUntil(() => first.runner.history.runs > 0);
      await earlier.pause('tick', { by: 'ann' });
      expect(first.runner.paused).to.equal(true);
      await app.stop();
      await earlier.close();
      const later = await connectFleet({ directory, name: 'tool' });
      const second = tickOf(later);
      const again = launch([second.runner]);
      expect(second.runner.paused).to.equal(true);
      await pause(200);
      const missed = firstValueFrom(
        second.runner.events$.pipe(
          filter((event) => event.type === 'missed'),
          map(({ count, reason }) => ({ count, reason })),
        ),
      );
      await later.resume('tick');
      const { count, reason } = await missed;
      expect(reason).to.equal('paused');
      expect(count).to.be.at.least(3);
      await waitUntil(() => second.runner.history.runs > 0);
      await again.stop();
      await later.close();
    }));
});

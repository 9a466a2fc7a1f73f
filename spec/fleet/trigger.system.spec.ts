import { expect } from 'chai';
import { NEVER } from 'rxjs';
import {
  CancelledError,
  cron,
  launch,
  NotRunningError,
  ordered,
  task,
  type Application,
  type CronOptions,
  type CronRunner,
  type Schedule,
  type TaskEvent,
} from 'rxjs-tasks';
import { every, type Fleet } from 'rxjs-tasks/fleet';
import { concurrentTests } from '../helpers/concurrent-tests.js';
import { Fleets, sharedUrl, withDirectory } from '../helpers/fleet.js';
import { FleetPrograms, lines } from '../helpers/fleet-programs.js';
import { statement } from '../helpers/postgres.js';
import { rejectionOf } from '../helpers/rejection.js';
import { deferred } from '../helpers/tasks.js';
import { waitUntil } from '../helpers/wait.js';

/** A schedule that is due on a leap day, at midnight. */
const hardlyEver = '0 0 29 2 *';

describe('The trigger of a cron of a fleet', () => {
  const fleets = new Fleets();
  const programs = new FleetPrograms();
  const { schema } = fleets;
  const apps: Application[] = [];
  const members: Fleet[] = [];
  let operator: Fleet;
  let url: string;
  const sql = <Row extends object>(text: string) => statement<Row>(url, text);

  /** Starts a cron in a process of the fleet, in a group `app`. */
  const start = (
    fleet: Fleet | undefined,
    name: string,
    run: () => unknown,
    options: CronOptions = {},
    schedule: string | Schedule = hardlyEver,
  ): { runner: CronRunner; events: TaskEvent[]; app: Application } => {
    if (!fleet) throw new Error('The fleet has no such process');
    const runner = cron(task(name, run), schedule, { coordinator: fleet.coordinator, ...options });
    const events: TaskEvent[] = [];
    const app = launch([ordered('app', runner)], { observer: (event) => 'task' in event && events.push(event) });
    apps.push(app);
    return { runner, events, app };
  };
  const startIn = (name: string, run: () => unknown, options?: CronOptions) =>
    members.map((fleet) => start(fleet, name, run, options));

  before(async () => {
    url = await sharedUrl();
    operator = await fleets.connect({ name: 'operator' });
    for (const name of ['a', 'b', 'c']) members.push(await fleets.connect({ name }));
  });
  after(async () => {
    for (const app of apps) await app.stop();
    await programs.killAll();
    await fleets.close();
  });

  it('runs it in one of the processes that have it, with the events and the history of a local one', async () => {
    const name = 'report';
    const crons = startIn(name, () => 1);
    const { holder, status, startedAt, endedAt, ...rest } = await operator.trigger(`app/${name}`, { by: 'ann' });
    expect([status, rest]).to.deep.equal(['completed', {}]);
    expect(endedAt).to.be.at.least(startedAt ?? NaN);
    const index = members.findIndex((fleet) => fleet.name === holder);
    expect(crons.map(({ runner }) => runner.history.runs)).to.deep.equal([0, 1, 2].map((n) => (n === index ? 1 : 0)));
    const triggered = crons.flatMap(({ events }) => events.filter(({ type }) => type === 'triggered'));
    expect(triggered).to.have.length(1);
    expect(triggered[0]).to.include({ task: `app/${name}`, by: 'ann' });
    expect(crons[index]?.runner.history.last).to.include({ trigger: 'manual', status: 'completed' });
  });

  it('is made by the name of its process, and may be made in a process that has the cron', async () => {
    const [first] = members;
    const { events } = start(first, 'own', () => 1);
    expect(await first?.trigger('app/own')).to.include({ holder: 'a', status: 'completed' });
    expect(events.find(({ type }) => type === 'triggered')).to.include({ by: 'a' });
  });

  it('has the text of a failure, and the reason of a skip', async () => {
    startIn('failing', () => {
      throw new RangeError('no paper\0');
    });
    const failed = await operator.trigger('app/failing');
    expect([failed.status, failed.failure]).to.deep.equal([
      'failed',
      { name: 'RangeError', message: 'no paper\ufffd' },
    ]);
    const { app } = start(members[0], 'ending', () => NEVER, { overlap: 'bufferOne' });
    const outcomes = [operator.trigger('app/ending'), operator.trigger('app/ending')];
    await waitUntil(async () => (await sql(`select from ${schema}.cron_trigger where lease is not null`)).length === 2);
    await app.stop();
    expect((await Promise.all(outcomes)).map(({ status, reason }) => `${status} ${reason}`)).to.have.members([
      'cancelled undefined',
      'skipped ended',
    ]);
  });

  it('runs each of many calls once', async () => {
    let runs = 0;
    startIn('often', () => ++runs, { overlap: 'allowAll' });
    const callers = [operator, ...members];
    const calls = callers.flatMap((fleet) => Array.from({ length: 8 }, () => fleet.trigger('app/often')));
    const outcomes = await Promise.all(calls);
    expect(outcomes.map(({ status }) => status)).to.deep.equal(outcomes.map(() => 'completed'));
    expect(runs).to.equal(outcomes.length);
    await waitUntil(
      async () => (await sql(`select from ${schema}.cron_trigger where task = 'app/often'`)).length === 0,
    );
  });

  it('is taken by the process that runs the cron at the moment, by its schedule or by a call', async () => {
    const ended = deferred<undefined>();
    const crons = startIn('long', () => ended.promise);
    const first = operator.trigger('app/long');
    await waitUntil(() => crons.some(({ runner }) => runner.running > 0));
    const again = await Promise.all([operator, ...members].map((fleet) => fleet.trigger('app/long')));
    ended.resolve(undefined);
    const { holder, status } = await first;
    expect(status).to.equal('completed');
    expect(again).to.have.length(4);
    for (const outcome of again) expect(outcome).to.deep.include({ holder, status: 'skipped', reason: 'overlap' });

    const slotEnded = deferred<undefined>();
    const slots = members.map((fleet) => start(fleet, 'slots', () => slotEnded.promise, {}, every(1000)));
    await waitUntil(() =>
      slots.some(({ runner, events }) => runner.running > 0 && events.some(({ type }) => type === 'slot-started')),
    );
    const running = slots.findIndex(({ events }) => events.some(({ type }) => type === 'slot-started'));
    expect(await operator.trigger('app/slots')).to.include({
      holder: members[running]?.name,
      status: 'skipped',
      reason: 'overlap',
    });
    slotEnded.resolve(undefined);
  });

  it('is found without a message, and works while the cron is paused', async () => {
    const crons = startIn('silent', () => 1);
    await operator.pause('app/silent');
    await sql(
      `insert into ${schema}.cron_trigger (id, task, asked_by, asked_at)
       values (gen_random_uuid(), 'app/silent', 'psql', now())`,
    );
    await waitUntil(() => crons.some(({ runner }) => runner.history.runs === 1));
    expect(crons.flatMap(({ events }) => events).find(({ type }) => type === 'triggered')).to.include({ by: 'psql' });
    await operator.resume('app/silent');
  });

  concurrentTests({
    'rejects if no process has the cron, and leaves no row': async () => {
      const error = await rejectionOf(operator.trigger('app/nowhere'));
      expect(error).to.be.an.instanceOf(NotRunningError).with.property('task', 'app/nowhere');
      await waitUntil(
        async () => (await sql(`select from ${schema}.cron_trigger where task = 'app/nowhere'`)).length === 0,
      );
    },

    'rejects for a cron that has ended': async () => {
      const { app } = start(members[0], 'ended', () => 1);
      await operator.trigger('app/ended');
      await app.stop();
      expect(await rejectionOf(operator.trigger('app/ended'))).to.be.an.instanceOf(NotRunningError);
    },

    'is lost with its process, and not repeated': async () => {
      const names = ['first', 'second', 'third'];
      const all = names.map((name) =>
        programs.start('cron', { url, schema, name, schedule: hardlyEver, runMs: 600_000 }),
      );
      for (const program of all) await program.waitFor('up');
      const outcome = operator.trigger('app/tick');
      const running = () => all.filter((program) => lines(program, 'run').length > 0);
      await waitUntil(() => running().length > 0);
      const [killed] = running();
      killed?.kill('SIGKILL');
      expect(await outcome).to.deep.equal({ status: 'lost', holder: names[all.findIndex((each) => each === killed)] });
      expect(running()).to.deep.equal([killed]);
    },

    'is lost when its row is deleted by hand': async () => {
      startIn('deleted', () => NEVER);
      const outcome = operator.trigger('app/deleted');
      await waitUntil(
        async () =>
          (await sql(`delete from ${schema}.cron_trigger where task = 'app/deleted' and lease is not null returning 1`))
            .length > 0,
      );
      expect(await outcome).to.deep.equal({ status: 'lost', holder: 'unknown' });
    },
  });

  it('rejects when the fleet of the caller closes', async () => {
    startIn('endless', () => NEVER);
    const caller = await fleets.connect();
    const error = rejectionOf(caller.trigger('app/endless'));
    await waitUntil(
      async () =>
        (await sql(`select from ${schema}.cron_trigger where task = 'app/endless' and lease is not null`)).length > 0,
    );
    await caller.close();
    expect(await error).to.be.an.instanceOf(CancelledError);
  });

  it('refuses what is no path, and a name that is too long', () => {
    expect(() => operator.trigger('')).to.throw(RangeError, 'Expected `path` to be the path of a task');
    expect(() => operator.trigger(undefined as never)).to.throw(TypeError, 'Expected `path` to be a string');
    expect(() => operator.trigger('x', { by: 'x'.repeat(201) })).to.throw(RangeError, '`by`');
    expect(() => operator.trigger('x', { who: 'ann' } as never)).to.throw(TypeError, 'who');
  });
});

describe('The trigger of a cron of another fleet', () => {
  const fleets = new Fleets();
  after(() => fleets.close());

  it('rejects while the fleet is cancelled, as if no process had the cron', async () => {
    const fleet = await fleets.connect();
    const app = launch([
      cron(
        task('tick', () => 1),
        hardlyEver,
        { coordinator: fleet.coordinator },
      ),
    ]);
    await fleet.cancel('a bad deploy');
    expect(await rejectionOf(fleet.trigger('tick'))).to.be.an.instanceOf(NotRunningError);
    await fleet.resume();
    expect(await fleet.trigger('tick')).to.include({ status: 'completed' });
    await app.stop();
  });

  it('works on an embedded database', () =>
    withDirectory(async (directory) => {
      const fleet = await fleets.connect({ url: undefined, directory });
      const app = launch([
        cron(
          task('embedded', () => 1),
          hardlyEver,
          { coordinator: fleet.coordinator },
        ),
      ]);
      expect(await fleet.trigger('embedded')).to.include({ status: 'completed', holder: fleet.name });
      await app.stop();
      await fleet.close();
    }));
});

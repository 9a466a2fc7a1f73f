import { ok } from 'node:assert';
import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'chai';
import { defer, NEVER, of, repeat, Subject, timer } from 'rxjs';
import {
  AlreadyRunningError,
  cron,
  future,
  ordered,
  parallel,
  supervise,
  task,
  taskRunner,
  withTimeout,
} from '../../lib/index.js';
import { scenario, ScenarioError, script, type ScenarioResult, type Scenario } from '../../lib/testing/index.js';

/** Why a scenario is rejected. */
async function rejection(scene: unknown): Promise<Error> {
  try {
    await scenario(scene as Scenario);
  } catch (error) {
    if (error instanceof Error) return error;
  }
  throw new Error('It is not rejected');
}

/** The rows of a scenario, by their names. */
function rows({ marbles }: ScenarioResult): Record<string, string> {
  return Object.fromEntries(
    marbles.split('\n').map((line) => line.split(/\s{2,}(.*)/).slice(0, 2) as [string, string]),
  );
}

const nobody = (): [] => [];

describe('scenario', () => {
  it('runs an application from its start to its end, and tells how that went', async () => {
    const played = await scenario({
      run: () => [ordered('shop', script('db', '[-->---(!])-|'), script('http', '[->--(!])--|'))],
      signals: '         ----------T',
      drainDelay: 5,
    });
    expect(played.marbles.split('\n')).to.deep.equal([
      'signals      ----------T',
      'shop         [---->---------!   ---   -|',
      'shop/db      [-->------------   --(!])-|',
      'shop/http    ---[->---------(!])--|',
      'readiness    ----->----<',
      'application  ----------~----!   ---   -|',
    ]);
    expect([played.report?.clean, played.exitCode]).to.deep.equal([true, 0]);
    expect(played.events.at(-1)).to.include({ type: 'shutdown', report: played.report });
    expect(played.recording).to.include({ version: 1, from: 0, dropped: 0 });
  });

  it('passes when the rows that are named are as expected, and names none that are not', async () => {
    await scenario({ run: () => [script('a', '-|'), script('b', '--|')], expect: 'b  >-|' });
    const error = await rejection({ run: () => [script('a', '-|'), script('b', '--|')], expect: 'a  >-|\nb  >-|' });
    expect(error).to.be.instanceOf(ScenarioError);
    expect(error.message.split('\n').slice(2)).to.deep.equal([
      'expected  a  >-|',
      'actual    a  >|',
      '              ^',
      '          b  >-|',
      '',
      '> ready   | ended',
    ]);
  });

  it('makes its tasks anew each time it is run', async () => {
    let made = 0;
    const scene: Scenario = { run: () => [task(`number ${++made}`, () => 1)] };
    await scenario(scene);
    expect(rows(await scenario(scene))).to.include({ 'number 2': '(>1|)' });
  });

  describe('virtual time', () => {
    it('takes promises, RxJS, timers and dates alike, and no time at all', async () => {
      const before = process.hrtime.bigint();
      const told: [string, number][] = [];
      const note = (name: string) => told.push([name, Date.now()]);
      await scenario({
        at: 5,
        run: () => [
          task('promise', () => delay(3_600_000).then(() => note('promise'))),
          task('rxjs', () => timer(7_200_000)),
          task('timeout', () => new Promise<void>((resolve) => setTimeout(() => (note('timeout'), resolve()), 1000))),
          task('iterator', async function* () {
            yield await delay(1, 'a');
            await delay(1);
            note('iterator');
          }),
          task('future', (ctx) =>
            future(() => timer(50), ctx)
              .await()
              .then(() => note('future')),
          ),
          task(
            'deadline',
            (ctx) =>
              new Promise<void>((resolve) =>
                withTimeout(60, ctx)[0].cancelled$.subscribe(() => (note('deadline'), resolve())),
              ),
          ),
        ],
        expect: `
          iterator  >a|
          rxjs      > 2h (0|)
        `.replace('> 2h', '> 1h 59m 59.999s'),
      });
      expect(told).to.deep.equal([
        ['iterator', 7],
        ['future', 55],
        ['deadline', 65],
        ['timeout', 1005],
        ['promise', 3_600_005],
      ]);
      expect(Number(process.hrtime.bigint() - before) / 1e6).to.be.below(10_000);
    });

    it('begins at the epoch that it was given', async () => {
      const night = await scenario({
        at: '2026-03-29T00:59:59Z',
        run: () => [cron(script('backup', '|'), '30 2 * * *', { timezone: 'Europe/Berlin', maxRuns: 2 })],
        expect: 'backup  > 999ms + 23h 29m 59.999s (+|)',
      });
      expect(night.recording.from).to.equal(Date.UTC(2026, 2, 29, 0, 59, 59));
    });

    it('lets promises settle between any two things that happen', async () => {
      const order: string[] = [];
      await scenario({
        run: () => [
          task('x', async () => {
            setTimeout(() => order.push('second timer'), 1);
            await delay(1);
            order.push('after the first');
            for (let turns = 0; turns < 20; turns++) await Promise.resolve();
            order.push('long after');
          }),
          task('y', () => timer(1)),
        ],
      });
      expect(order).to.deep.equal(['second timer', 'after the first', 'long after']);
    });

    it('draws by the time that passes, whatever the clock is set to', async () => {
      for (const ms of [-5000, 5000]) {
        const played = await scenario({
          run: () => [script('x', '[-->--]--|')],
          during: async ({ clock }) => {
            await delay(4);
            clock.adjust(ms);
          },
          expect: `
            x            [-->--]--|
            readiness    --->-----<
            application  ---------|
          `,
        });
        expect(new Set(played.recording.events.map(({ at }) => at))).to.deep.equal(new Set([0, 3, 6, 9]));
      }
    });

    it('is one scenario at a time', async () => {
      const first = scenario({ run: () => [script('x', '-----|')] });
      const second = await rejection({ run: nobody });
      expect(second.message).to.include('Expected one scenario at a time');
      expect((await first).report?.clean).to.equal(true);
      const inside = await rejection({ run: nobody, during: () => scenario({ run: nobody }) });
      expect(inside.message).to.include('Expected one scenario at a time');
    });

    it('leaves the time of the check to the real world', async () => {
      const { setTimeout: real } = globalThis;
      let within: unknown;
      await scenario({
        run: nobody,
        at: 0,
        check: () => (within = [globalThis.setTimeout === real, Date.now() > 1e12]),
      });
      expect(within).to.deep.equal([true, true]);
    });
  });

  describe('what else happens', () => {
    it('has the world and the application, once all is started', async () => {
      const told: unknown[] = [];
      await scenario({
        at: 9,
        run: (world) => {
          told.push(world.clock.now());
          return [script('x', '')];
        },
        during: async ({ app, clock, signals }) => {
          told.push([app.ready, app.live, clock.now(), signals.listeners('SIGTERM')]);
          await delay(5);
          const report = await app.stop('enough');
          told.push([report.cause, clock.now(), app.live]);
        },
        expect: 'x  >----(!|)',
      });
      expect(told).to.deep.equal([9, [true, true, 9, 0], ['enough', 14, false]]);
    });

    it('is rejected with what is thrown there, synchronously or later, and stops the application', async () => {
      const boom = new Error('boom');
      for (const during of [
        () => {
          throw boom;
        },
        async () => {
          await delay(3);
          throw boom;
        },
      ]) {
        let finalized = 0;
        const run = () => [task('x', { execute: () => NEVER, finalize: () => delay(5).then(() => finalized++) })];
        expect(await rejection({ run, during })).to.equal(boom);
        expect(finalized).to.equal(1);
      }
    });

    it('is not waited for when nothing more is due, nor beyond `for`', async () => {
      const never = () => new Promise(() => undefined);
      expect((await rejection({ run: nobody, during: never })).message).to.equal(
        '`during` still waits, and nothing more is due',
      );
      expect((await rejection({ run: nobody, during: () => delay(100), for: 10 })).message).to.equal(
        '`during` still waits after the 10 ms of `for`',
      );
    });

    it('goes on after the application has ended', async () => {
      let late = 0;
      await scenario({ run: () => [script('x', '-|')], during: () => delay(50).then(() => late++) });
      expect(late).to.equal(1);
    });
  });

  describe('how long it is watched', () => {
    it('is until the application ends', async () => {
      await scenario({
        run: () => [script('x', '--|'), task('y', () => void setTimeout(() => expect.fail('It goes on'), 5))],
        expect: 'application  --|',
      });
    });

    it('is until nothing more is due, and then it is stopped, which nobody sees', async () => {
      let finalized = false;
      const hung = task('hung', { execute: () => NEVER, finalize: () => void (finalized = true) });
      const played = await scenario({ run: () => [hung] });
      expect([played.report, played.exitCode, finalized]).to.deep.equal([undefined, undefined, true]);
      expect(rows(played)).to.include({ hung: '[>)'.replace('[>)', '([>)') });
    });

    it('is as long as it says', async () => {
      const run = () => [cron(script('tick', '|'), 10)];
      const played = await scenario({ run, duration: 25, expect: 'tick  (>+)---------+---------+' });
      expect([played.report, played.exitCode]).to.deep.equal([undefined, undefined]);
      expect((await scenario({ run, duration: 0 })).marbles).to.include('tick       (>+)');
      const ended = await scenario({ run: () => [script('x', '--|')], duration: 100 });
      expect(ended.report?.clean).to.equal(true);
    });

    it('is 100,000 steps at most without a `for`, and with one as many for each instant', async function () {
      this.timeout(120_000);
      const endless = () => [task('x', () => defer(() => of(1)).pipe(repeat({ delay: () => timer(0) })))];
      for (const scene of [{ run: endless }, { run: endless, for: 10 }]) {
        const error = await rejection(scene);
        expect(error).to.be.instanceOf(RangeError);
        expect(error.message).to.include('it goes on after 100000 steps, at 0 ms');
      }
    });
  });

  describe('values', () => {
    it('are drawn by the letters that they were given, by themselves, or as `_`', async () => {
      const order = { id: 1 };
      const run = () => [task('x', () => of(order, { id: 1 }, { id: 2 }, 'q', 7, 'long', 42, undefined, ['z'], true))];
      const played = await scenario({ run, values: { a: order, t: true } });
      expect(rows(played)['x']).to.equal('(>aa_q7____t|)');
    });

    it('may be anything, what has no text of its own included', async () => {
      const run = () => [task('x', () => of(Object.create(null), Symbol('s'), { toString: () => 'y' }, null))];
      expect(rows(await scenario({ run }))['x']).to.equal('(>____|)');
    });

    it('are those of members and slots, by their paths, and of no group', async () => {
      const run = () => [
        parallel('g', ordered('h', script('a', 'a|'), script('b', 'b|')), supervise(parallel('s', script('c', 'c|')))),
        cron(script('d', 'd|'), 2, { maxRuns: 2 }),
        supervise(script('e', 'e|')),
      ];
      await scenario({
        run,
        expect: `
          g/h    ([>)|
          g/h/a  (>a)|
          g/h/b  (>b)|
          g/s    ([>)|
          g/s/c  (>c)|
          d      (>+d)-(+d)|
          e      (>e)|
        `,
      });
    });
  });

  it('refuses a row of what is no task of it, though nothing is expected of it', async () => {
    for (const expected of ['db  ---', 'shop/dbs  -'])
      expect((await rejection({ run: () => [ordered('shop', script('db', '|'))], expect: expected })).message).to.match(
        /^Expected `expect` to be rows of `signals`, `readiness`, `application`, `shop`, `shop\/db`, got `'/,
      );
  });

  describe('bad input', () => {
    it('is refused before anything is run', async () => {
      let run = 0;
      const wrong: Record<string, object> = {
        'Expected `scenario` to be made of `run`, `at`': { wait: 1 },
        'Expected `run` to be a function, got undefined': { run: undefined },
        'Expected `for` to be a number of ms from 0 and up, got `-1` (number)': { for: -1 },
        "Expected `exitCode` to be 'zero' or 'signal', got `'one'` (string)": { exitCode: 'one' },
        'Expected `at` to be a time': { at: 'never' },
        'Expected `signals` to be a string, got `5` (number)': { signals: 5 },
        'Expected `expect` to be a string, got `5` (number)': { expect: 5 },
        'Expected `during` to be a function, got `5` (number)': { during: 5 },
        'Expected `check` to be a function, got `5` (number)': { check: 5 },
        'Expected `values` to be by letters and digits': { values: { ab: 1 } },
        'Expected one row for each name, got two for `a`': { expect: 'a  -\na  -' },
        'of the marbles `-€`': { expect: 'a  -€' },
        'of the marbles `€`': { signals: '€' },
        'Expected the letters of signals to be of `I` (SIGINT), `T` (SIGTERM), `H` (SIGHUP), `Q` (SIGQUIT), `1` (SIGUSR1), `2` (SIGUSR2), got `x`':
          { signals: '-x' },
      };
      for (const [message, scene] of Object.entries(wrong))
        expect((await rejection({ run: () => (run++, []), ...scene })).message).to.include(message);
      for (const scene of [undefined, null, 5])
        expect((await rejection(scene)).message).to.include('Expected `scenario` to be an object');
      expect(run).to.equal(0);
    });

    it('is refused of the application as `orchestrate` refuses it, starting nothing', async () => {
      const started = task('x', () => expect.fail('It starts'));
      const runner = taskRunner(started);
      expect((await rejection({ run: () => [started], timeout: -1 })).message).to.include('Expected `timeout`');
      expect((await rejection({ run: () => [started], drainDelay: NaN })).message).to.include('Expected `drainDelay`');
      expect((await rejection({ run: () => [started], onFailure: 'x' })).message).to.include('Expected `onFailure`');
      expect((await rejection({ run: () => [started, 5] })).message).to.include('Expected `task`');
      expect((await rejection({ run: () => [runner, runner] })).message).to.include('Expected `runnables`');
      expect((await rejection({ run: () => started })).message).to.include('Expected `runnables` to be an array');
      expect((await rejection({ run: () => [started], parent: 1 })).message).to.include('got `parent` (unknown)');
    });

    it('is refused of names that would share a row', async () => {
      const message = 'Expected `run` to be tasks of different names, none of them a row';
      for (const run of [
        () => [script('a', '|'), script('a', '|')],
        () => [parallel('g', script('a', '|')), parallel('g', script('b', '|'))],
        () => [parallel('g', script('a', '|')), script('g', '|')],
        () => [script('signals', '|')],
        () => [script('readiness', '|')],
        () => [parallel('application', script('a', '|'))],
      ])
        expect((await rejection({ run })).message).to.include(message);
      await scenario({
        run: () => [parallel('g', script('g', '|')), supervise(parallel('h', script('application', '|')))],
      });
    });
  });

  it('is rejected when a runner is under way already', async () => {
    const busy = taskRunner(task('busy', () => NEVER));
    const running = busy.start().subscribe();
    expect(await rejection({ run: () => [busy] })).to.be.instanceOf(AlreadyRunningError);
    running.unsubscribe();
  });

  it('takes what is thrown where nobody catches it for a failure of the process', async () => {
    const boom = new Error('boom');
    for (const crash of [
      () => void setTimeout(() => expect.fail('boom'), 2),
      () => void timer(2).subscribe(() => expect.fail('boom')),
    ]) {
      const { report, exitCode } = await scenario({
        run: () => [script('x', '>-!---|'), task('crash', crash)],
        expect: 'x  >-!---|\napplication  --!---#',
      });
      expect([report?.clean, exitCode]).to.deep.equal([false, 1]);
      expect(report?.failures.map(String)).to.deep.equal(['AssertionError: boom']);
      expect(report?.cause).to.equal(report?.failures[0]);
    }
    const subject = new Subject<never>();
    const { report } = await scenario({
      run: () => [script('x', '')],
      during: () => {
        setTimeout(() => subject.error(boom), 1);
        subject.subscribe();
      },
    });
    expect(report?.failures).to.deep.equal([boom]);
  });

  it('exits at once with 1 at the second thing that is thrown where nobody catches it', async () => {
    const throwAt = (ms: number) => setTimeout(() => expect.fail(`at ${ms}`), ms);
    const { report, exitCode, marbles } = await scenario({
      run: () => [script('x', '>-! 1s |')],
      during: () => [2, 5].map(throwAt),
    });
    expect([report, exitCode]).to.deep.equal([undefined, 1]);
    expect(marbles).to.match(/^x +>-!$/m);
  });

  it('hands what happened to the check, which is awaited', async () => {
    const boom = new Error('boom');
    let seen: ScenarioResult | undefined;
    const played = await scenario({ run: nobody, check: (one) => delay(1).then(() => void (seen = one)) });
    expect(seen).to.equal(played);
    expect(await rejection({ run: nobody, check: () => Promise.reject(boom) })).to.equal(boom);
    // The rows come first.
    const both = { run: nobody, expect: 'application  -|', check: () => ok(false) };
    expect((await rejection(both)).message).to.include('Something else has happened');
  });
});

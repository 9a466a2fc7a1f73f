import { ok } from 'node:assert';
import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'chai';
import {
  catchError,
  defer,
  EMPTY,
  from,
  interval,
  merge,
  mergeMap,
  NEVER,
  of,
  repeat,
  Subject,
  timer,
  zip,
} from 'rxjs';
import {
  AlreadyRunningError,
  cron,
  DeadlineError,
  dynamic,
  future,
  ordered,
  parallel,
  supervise,
  task,
  TaskError,
  taskRunner,
  withTimeout,
  type RunContext,
} from '../../lib/index.js';
import {
  scenario,
  ScenarioError,
  script,
  type Scenario,
  type ScenarioContext,
  type ScenarioResult,
} from '../../lib/testing/index.js';
import { rejectionOf } from '../helpers/rejection.js';

/** Returns the error that a scenario is rejected with. */
function rejection(definition: unknown): Promise<Error> {
  return rejectionOf(scenario(definition as Scenario));
}

/** Returns the rows of a scenario by name. */
function rows({ marbles }: ScenarioResult): Record<string, string> {
  return Object.fromEntries(
    marbles.split('\n').map((line) => line.split(/\s{2,}(.*)/).slice(0, 2) as [string, string]),
  );
}

const noTasks = (): [] => [];

describe('scenario', () => {
  it('runs an application from its start to its end and returns the result', async () => {
    const result = await scenario({
      run: () => [ordered('shop', script('db', '[-->---(!])-|'), script('http', '[->--(!])--|'))],
      signals: '         ----------T',
      drainDelay: 5,
    });
    expect(result.marbles.split('\n')).to.deep.equal([
      'signals      ----------T',
      'shop         [---->---------!   ---   -|',
      'shop/db      [-->------------   --(!])-|',
      'shop/http    ---[->---------(!])--|',
      'readiness    ----->----<',
      'application  ----------~----!   ---   -|',
    ]);
    expect([result.report?.clean, result.exitCode]).to.deep.equal([true, 0]);
    expect(result.events[0]).to.include({ type: 'initializing', task: 'shop' });
    expect(result.events.at(-1)).to.include({ type: 'shutdown', report: result.report });
    expect(result.recording).to.include({ version: 1, from: 0, dropped: 0 });
  });

  it('passes when the expected rows match, and shows the rows that differ', async () => {
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

  it('creates its tasks again for each run', async () => {
    let created = 0;
    const definition: Scenario = { run: () => [task(`number ${++created}`, () => 1)] };
    await scenario(definition);
    expect(rows(await scenario(definition))).to.include({ 'number 2': '(>1|)' });
  });

  describe('virtual time', () => {
    it('applies to promises, RxJS, timers and dates', async () => {
      const events: [string, number][] = [];
      const note = (name: string) => events.push([name, Date.now()]);
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
      expect(events).to.deep.equal([
        ['iterator', 7],
        ['future', 55],
        ['deadline', 65],
        ['timeout', 1005],
        ['promise', 3_600_005],
      ]);
    });

    it('begins at `at`', async () => {
      const night = await scenario({
        at: '2026-03-29T00:59:59Z',
        run: () => [cron(script('backup', '|'), '30 2 * * *', { timezone: 'Europe/Berlin', maxRuns: 2 })],
        expect: 'backup  > 999ms + 23h 29m 59.999s (+|)',
      });
      expect(night.recording.from).to.equal(Date.UTC(2026, 2, 29, 0, 59, 59));
    });

    it('lets promises settle between any two timers', async () => {
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
          task('z', () => delay(2)),
        ],
        during: ({ app }) => setTimeout(() => order.push(`z is ${app.runner('z')?.status ?? ''}`), 2),
      });
      expect(order).to.deep.equal(['second timer', 'after the first', 'long after', 'z is done']);
    });

    it('draws marbles by the time that has passed, even if the clock is adjusted', async () => {
      for (const ms of [-5000, 5000]) {
        const result = await scenario({
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
        expect(new Set(result.recording.events.map(({ at }) => at))).to.deep.equal(new Set([0, 3, 6, 9]));
      }
    });

    it('belongs to one scenario at a time', async () => {
      const first = scenario({ run: () => [script('x', '-----|')] });
      const second = await rejection({ run: noTasks });
      expect(second.message).to.equal(
        'Expected one scenario at a time, because it replaces the timers of the whole process. ' +
          'Await the one before. One whose test has timed out goes on; a `duration` or a signal ends it',
      );
      expect((await first).report?.clean).to.equal(true);
      const inside = await rejection({ run: noTasks, during: () => scenario({ run: noTasks }) });
      expect(inside.message).to.include('Expected one scenario at a time');
    });

    it('does not apply to `check`', async () => {
      const { setTimeout: real } = globalThis;
      let realTime: unknown;
      await scenario({
        run: noTasks,
        at: 0,
        check: () => (realTime = [globalThis.setTimeout === real, Date.now() > 1e12]),
      });
      expect(realTime).to.deep.equal([true, true]);
    });
  });

  describe('during', () => {
    it('is called with the context and the application once all tasks have been started', async () => {
      const states: unknown[] = [];
      await scenario({
        at: 9,
        run: ({ clock }) => {
          states.push(clock.now());
          return [script('x', '')];
        },
        during: async ({ app, clock, signals }) => {
          states.push([app.ready, app.live, clock.now(), signals.listeners('SIGTERM')]);
          await delay(5);
          const report = await app.stop('enough');
          states.push([report.cause, clock.now(), app.live]);
        },
        expect: 'x  >----(!|)',
      });
      expect(states).to.deep.equal([9, [true, true, 9, 0], ['enough', 14, false]]);
    });

    it('rejects the scenario with a synchronous or later error, and stops the application', async () => {
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
        const finalized: number[] = [];
        const finalize = () => delay(5).then(() => finalized.push(Date.now()));
        const run = () => [task('x', { execute: () => timer(100), finalize })];
        expect(await rejection({ run, during })).to.equal(boom);
        expect(finalized.map((ms) => ms < 10)).to.deep.equal([true]);
      }
    });

    it('fails when it waits while no timer is pending, or longer than `duration`', async () => {
      const never = () => new Promise(() => undefined);
      expect((await rejection({ run: noTasks, during: never })).message).to.equal(
        '`during` is still waiting, but no timer is pending',
      );
      expect((await rejection({ run: noTasks, during: never, duration: Infinity })).message).to.equal(
        '`during` is still waiting, but no timer is pending',
      );
      const waiting = task('waiting', { initialize: never, execute: () => 1 });
      expect((await rejection({ run: () => [waiting], duration: Infinity })).message).to.include(
        'Still waiting: waiting (initialize)',
      );
      expect((await rejection({ run: noTasks, during: () => delay(100), duration: 10 })).message).to.equal(
        '`during` is still waiting, but the `duration` of 10 ms is over',
      );
    });

    it('continues after the application has ended', async () => {
      let continued = 0;
      await scenario({ run: () => [script('x', '-|')], during: () => delay(50).then(() => continued++) });
      expect(continued).to.equal(1);
    });
  });

  describe('duration', () => {
    it('lasts until the application ends', async () => {
      let continued = false;
      await scenario({
        run: () => [script('x', '--|'), task('y', () => void setTimeout(() => (continued = true), 5))],
        expect: 'application  --|',
      });
      expect(continued).to.equal(false);
    });

    it('lasts until no timer is pending, and then the application is stopped unobserved', async () => {
      let [context, finalized]: [RunContext | undefined, boolean] = [undefined, false];
      const hanging = task('hanging', {
        execute: (ctx) => {
          context = ctx;
          return NEVER;
        },
        finalize: () => void (finalized = true),
      });
      const result = await scenario({ run: () => [hanging] });
      expect([result.report, result.exitCode, finalized]).to.deep.equal([undefined, undefined, true]);
      expect(String((context as RunContext | undefined)?.cause)).to.equal('CancelledError: The scenario has ended');
      expect(rows(result)).to.include({ hanging: '[>)'.replace('[>)', '([>)') });
    });

    it('lasts as long as `duration`', async () => {
      const stopped: number[] = [];
      const server = task('server', { execute: () => NEVER, finalize: () => void stopped.push(Date.now()) });
      const run = () => [cron(script('tick', '|'), 10), server];
      const result = await scenario({ run, duration: 25, expect: 'tick  (>+)---------+---------+' });
      expect([result.report, result.exitCode, stopped]).to.deep.equal([undefined, undefined, [25]]);
      expect((await scenario({ run, duration: 0 })).marbles).to.include('tick       (>+)');
      expect((await scenario({ run, duration: 5, signals: '-----T' })).marbles).to.match(/^signals .*T$/m);
      const ended = await scenario({ run: () => [script('x', '--|')], duration: 100 });
      expect(ended.report?.clean).to.equal(true);
    });

    it('is limited to 100,000 steps, or to as many in each instant if `duration` is given', async () => {
      const endless = () => [task('x', () => defer(() => of(1)).pipe(repeat({ delay: () => timer(0) })))];
      const during = () => delay(1);
      for (const definition of [
        { run: endless, signals: '-T' },
        { run: endless, during },
        { run: endless, duration: 10 },
      ]) {
        const error = await rejection(definition);
        expect(error).to.be.instanceOf(RangeError);
        expect(error.message).to.include('it continues after 100000 steps, at 0 ms');
      }
    });

    it('is limited to 5,000 steps if nothing can end it, and the error says what can', async () => {
      const poll = cron(
        task('poll', () => delay(500)),
        1000,
      );
      const busy = task('busy', () => timer(0).pipe(repeat()));
      const onSignal = ({ signals }: ScenarioContext) => void signals.on('SIGUSR1', () => undefined);
      for (const definition of [
        { run: () => [poll], during: () => delay(1) },
        { run: (context: ScenarioContext) => (onSignal(context), [busy]), signals: '1' },
      ]) {
        const error = await rejection(definition);
        expect(String(error).replace(/\d+ ms/, '… ms')).to.equal(
          'RangeError: Expected the scenario to end, but it continues after 5000 steps, at … ms. ' +
            'Send it a signal, or limit how long it lasts with `duration`',
        );
      }
    });
  });

  describe('values', () => {
    it('are drawn as their letters, as themselves, or as `_`', async () => {
      const order = { id: 1 };
      const run = () => [task('x', () => of(order, { id: 1 }, { id: 2 }, 'q', 7, 'long', 42, undefined, ['z'], true))];
      const result = await scenario({ run, values: { a: order, t: true } });
      expect(rows(result)['x']).to.equal('(>aa_q7____t|)');
    });

    it('are drawn as `_` if they cannot be converted to text', async () => {
      const run = () => [task('x', () => of(Object.create(null), Symbol('s'), { toString: () => 'y' }, null))];
      expect(rows(await scenario({ run }))['x']).to.equal('(>____|)');
    });

    it('are drawn for members and slots, but not for groups', async () => {
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

    it('are drawn once for members of a dynamic group, from its start or added later', async () => {
      await scenario({
        run: ({ clock }) => {
          const tenants = dynamic('tenants');
          tenants.add('a', script('a', '--a'));
          tenants.add('b', supervise(ordered('b', script('x', '--b'))));
          clock.schedule(() => tenants.add('c', script('c', '-c')), 4);
          clock.schedule(() => void tenants.replace('a', supervise(script('a', '-d'))), 5);
          return [tenants];
        },
        duration: 9,
        expect: `
          tenants      ([>{{)---{(;{)
          tenants/a    >-a--(!|>)d
          tenants/b/x  >-b
          tenants/c    ---->c
        `,
      });
    });
  });

  describe('runs that a task starts', () => {
    /** A task that starts a run for each row, 3 ms after each other. */
    const consumer = (...rows: string[]) =>
      task('consumer', {
        execute: (ctx) =>
          zip(from(rows), interval(3)).pipe(
            mergeMap(([row]) =>
              taskRunner(script('job', row))
                .start(ctx)
                .pipe(catchError(() => EMPTY)),
            ),
          ),
        finalize: () => timer(1),
      });

    it('have one row for each path, with their values, and end before their task finalizes', async () => {
      await scenario({
        run: () => [consumer('->a-(!])--|', '-#', '->b|')],
        signals: '     ---------------T',
        expect: `
          consumer      ([>)---a-----b----!--]|
          consumer/job  --->a->#->b|---(!])--|
          application   ---------------!---|
        `,
      });
    });

    it('may be supervised or groups, and have values in every run', async () => {
      const run = () => [
        task('x', (ctx) =>
          merge(
            supervise(script('s', ['a#', '-b|']), { backoff: { initial: 2, jitter: 0 } }).start(ctx),
            parallel('g', script('m', '--c|')).start(ctx),
          ),
        ),
      ];
      const { report } = await scenario({
        run,
        expect: `
          x/s    (>a)(#<)->b|
          x/g    ([>)--|
          x/g/m  >-c|
        `,
      });
      expect(report?.outcomes[0]?.children).to.deep.equal({ started: 2, failed: 0 });
    });

    it('may be expected even if none has started, and the difference is shown', async () => {
      const error = await rejection({ run: () => [script('x', '-|')], expect: 'x/job  -a' });
      expect(error).to.be.instanceOf(ScenarioError);
      expect(error.message).to.include('expected  x/job  -a').and.include('actual    x/job  -');
    });
  });

  it('fails a task whose initialize exceeds the `startTimeout`, and stops at that moment', async () => {
    const { report, exitCode } = await scenario({
      run: () => [script('slow', '[---------->-]--|'), script('ok', '')],
      startTimeout: 5,
      expect: `
        slow         [----(#])--|
        ok           >----(!|)
        application  -----!   --#
      `,
    });
    expect(report?.cause).to.be.instanceOf(TaskError).with.property('cause').that.is.instanceOf(DeadlineError);
    expect(exitCode).to.equal(1);
  });

  it('stops the other tasks at the moment of a failure, while `finalize` goes on', async () => {
    await scenario({
      run: () => [parallel('g', script('a', '--(#])-----|'), script('b', '>-(!])--|'))],
      expect: `
        g            ([>)-------#
        g/a          >-(#])-----|
        g/b          >-(!])--|
        readiness    >-<
        application  --!-----#
      `,
    });
  });

  it('rejects a row of an unknown task, even if the row is empty', async () => {
    for (const expected of ['db  ---', 'shop/dbs  -'])
      expect((await rejection({ run: () => [ordered('shop', script('db', '|'))], expect: expected })).message).to.match(
        /^Expected `expect` to be rows of `signals`, `readiness`, `application`, `shop`, `shop\/db`, got `'/,
      );
  });

  describe('invalid input', () => {
    it('is rejected before any task runs', async () => {
      let run = 0;
      const wrong: Record<string, object> = {
        'Expected a member of `scenario`, got `wait`. Known members: `run`, `at`': { wait: 1 },
        'got `observer`; pass the `events` of the result to it. Known': { observer: () => undefined },
        'Expected `run` to be a function, got undefined': { run: undefined },
        'Expected `duration` to be a number of ms from 0 and up, got `-1` (number)': { duration: -1 },
        "Expected `exitCode` to be 'zero' or 'signal', got `'one'` (string)": { exitCode: 'one' },
        'Expected `at` to be a time': { at: 'never' },
        'Expected `signals` to be a string, got `5` (number)': { signals: 5 },
        'Expected `expect` to be a string, got `5` (number)': { expect: 5 },
        'Expected `during` to be a function, got `5` (number)': { during: 5 },
        'Expected `check` to be a function, got `5` (number)': { check: 5 },
        'Expected `values` to be an object whose keys are letters or digits': { values: { ab: 1 } },
        'Expected `values` to be an object whose keys are letters or digits, got null': { values: null },
        'Expected `values` to be an object whose keys are letters or digits, got `5` (number)': { values: 5 },
        'Expected one row for each name, got two for `a`': { expect: 'a  -\na  -' },
        'of the marbles `-€`': { expect: 'a  -€' },
        'of the marbles `€`': { signals: '€' },
        'Expected `signals` to be within the `duration` of 120 ms, got one at 121 ms': {
          signals: '121ms T',
          duration: 120,
        },
        'Expected the letters of signals to be among `I` (SIGINT), `T` (SIGTERM), `H` (SIGHUP), ': { signals: '-x' },
        '`Q` (SIGQUIT), `1` (SIGUSR1), `2` (SIGUSR2), got `x`': { signals: '-x' },
      };
      for (const [message, options] of Object.entries(wrong))
        expect((await rejection({ run: () => (run++, []), ...options })).message).to.include(message);
      for (const definition of [undefined, null, 5])
        expect((await rejection(definition)).message).to.include('Expected `scenario` to be an object');
      expect(run).to.equal(0);
    });

    it('of `orchestrate` is rejected before any task starts', async () => {
      const started = task('x', () => expect.fail('The task starts'));
      const runner = taskRunner(started);
      expect((await rejection({ run: () => [started], timeout: -1 })).message).to.include('Expected `timeout`');
      expect((await rejection({ run: () => [started], drainDelay: NaN })).message).to.include('Expected `drainDelay`');
      expect((await rejection({ run: () => [started], onFailure: 'x' })).message).to.include('Expected `onFailure`');
      expect((await rejection({ run: () => [started, 5] })).message).to.include('Expected `task`');
      expect((await rejection({ run: () => [runner, runner] })).message).to.include('Expected `runnables`');
      expect((await rejection({ run: () => started })).message).to.include('Expected `runnables` to be an array');
      expect((await rejection({ run: () => script('db') })).message).to.equal(
        'Expected `runnables` to be an array, got the task `db`. Give the tasks as an array: [a, b]',
      );
      expect((await rejection({ run: () => [started], instrumentation: {} })).message).to.include(
        'Expected `instrumentation` to be an array',
      );
      expect((await rejection({ run: () => [started], parent: 1 })).message).to.include('got `parent`');
    });

    it('with names that would share a row is rejected', async () => {
      const message =
        'Expected `run` to be tasks with distinct names other than those of rows: signals, readiness, application, got';
      for (const run of [
        () => [script('a', '|'), script('a', '|')],
        () => [parallel('g', script('a', '|')), parallel('g', script('b', '|'))],
        () => [parallel('g', script('a', '|')), script('g', '|')],
        () => [script('signals', '|')],
        () => [script('readiness', '|')],
        () => [parallel('application', script('a', '|'))],
      ])
        expect((await rejection({ run })).message).to.include(message);
      const twice = (await rejection({ run: () => [script('a', '|'), script('a', '|')] })).message;
      expect(twice).to.match(/got `'a'` \(string\) twice\. Launch a second application in `during`$/);
      expect((await rejection({ run: () => [script('signals', '|')] })).message).to.match(
        /got `'signals'` \(string\)$/,
      );
      await scenario({
        run: () => [parallel('g', script('g', '|')), supervise(parallel('h', script('application', '|')))],
      });
    });
  });

  it('is rejected when a runner is already running', async () => {
    const busy = taskRunner(task('busy', () => NEVER));
    const subscription = busy.start().subscribe();
    expect(await rejection({ run: () => [busy] })).to.be.instanceOf(AlreadyRunningError);
    subscription.unsubscribe();
  });

  it('treats an uncaught error as a failure of the process', async () => {
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

  it('is rejected with an error that nothing catches at the end of its application, or after it', async () => {
    const boom = new Error('boom');
    const throwing = () => {
      throw boom;
    };
    const atEnd = () => {
      const runner = taskRunner(script('x', '--|'));
      runner.done$.subscribe(throwing);
      return [runner];
    };
    expect(await rejection({ run: atEnd })).to.equal(boom);
    const run = () => [script('x', '--|')];
    const during = async ({ app }: Parameters<NonNullable<Scenario['during']>>[0]) => {
      await app;
      setTimeout(throwing, 5);
      await delay(10);
    };
    expect(await rejection({ run, during })).to.equal(boom);
  });

  it('stops once at the first of several uncaught errors, and has all of them in the report', async () => {
    const throwAt = (ms: number) => setTimeout(() => expect.fail(`at ${ms}`), ms);
    const { report, exitCode, marbles } = await scenario({
      run: () => [script('x', '>-! 1s |')],
      during: () => [2, 5].map(throwAt),
    });
    expect([report?.failures.map(String), exitCode]).to.deep.equal([
      ['AssertionError: at 2', 'AssertionError: at 5'],
      1,
    ]);
    expect(marbles).to.match(/^x +>-! 1s \|$/m);
  });

  it('passes the result to `check` and awaits it', async () => {
    const boom = new Error('boom');
    let checked: ScenarioResult | undefined;
    const result = await scenario({ run: noTasks, check: (each) => delay(1).then(() => void (checked = each)) });
    expect(checked).to.equal(result);
    expect(await rejection({ run: noTasks, check: () => Promise.reject(boom) })).to.equal(boom);
    // The rows are compared first.
    const both = { run: noTasks, expect: 'application  -|', check: () => ok(false) };
    expect((await rejection(both)).message).to.include('The marbles differ');
  });
});

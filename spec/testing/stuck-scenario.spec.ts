import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { connect, createServer, type AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'chai';
import { defer, from, interval, NEVER, repeat, timer } from 'rxjs';
import {
  cron,
  dynamic,
  optional,
  ordered,
  parallel,
  supervise,
  task,
  taskRunner,
  withCancel,
  type RunContext,
  type Runnable,
} from '../../lib/index.js';
import {
  explore,
  scenario,
  ScenarioError,
  script,
  type Scenario,
  type ScenarioContext,
} from '../../lib/testing/index.js';
import { explainWait } from '../../lib/testing/explain-wait.js';
import { spyOnConsoleError } from '../helpers/console-spy.js';
import { rejectionOf } from '../helpers/rejection.js';

/** The real function, which a module may have stored before a scenario replaces it. */
const { setTimeout: realTimeout } = globalThis;

/** A promise that code outside the scenario settles. */
const outside = new Promise<never>(() => undefined);

const read = () => readFile(new URL(import.meta.url), 'utf8');
const realTimer = () => new Promise<void>((resolve) => void realTimeout(resolve, 60_000).unref());

/** Returns the error of a scenario with these tasks. */
const errorOf = (runnables: () => readonly Runnable[], options: Partial<Scenario> = {}) =>
  rejectionOf(scenario({ run: runnables, ...options }));

const advice =
  ' A scenario does not wait for I/O, for real timers, or for a promise that only code outside it settles. ' +
  'Replace the task by a `script`, or pass it a fake of what it waits for';

describe('A scenario that can go no further', () => {
  const stuck: Record<string, [run: () => readonly Runnable[], waiting: string]> = {
    'a file in execute': [() => [task('import', read)], 'import (execute)'],
    'a file in initialize': [() => [task('import', { initialize: read, execute: () => 1 })], 'import (initialize)'],
    'a real timer': [() => [task('poller', realTimer)], 'poller (execute)'],
    'a promise from outside': [() => [task('poller', () => outside)], 'poller (execute)'],
    'a promise from outside in an Observable': [
      () => [task('db', { initialize: () => defer(() => outside), execute: () => 1 })],
      'db (initialize)',
    ],
    'an Observable of a file': [
      () => [task('db', { initialize: () => from(read()), execute: () => 1 })],
      'db (initialize)',
    ],
    'an async iterable': [
      () => [
        task('lines', async function* () {
          yield 1;
          await delay(5);
          yield await outside;
        }),
      ],
      'lines (execute)',
    ],
    'members of groups': [
      () => [
        ordered(
          'shop',
          task('db', { initialize: () => outside, execute: () => NEVER }),
          task('http', () => NEVER),
        ),
        parallel('jobs', task('import', read), script('mail', '')),
      ],
      'shop/db (initialize), jobs/import (execute)',
    ],
    'a supervised task': [() => [supervise(task('poller', () => outside))], 'poller (execute)'],
    'an optional task': [
      () => [optional(task('cache', { initialize: () => outside, execute: () => 1 }))],
      'cache (initialize)',
    ],
    'a slot of a cron': [
      () => [
        cron(
          task('report', () => outside),
          1000,
          { maxRuns: 1 },
        ),
      ],
      'report (execute)',
    ],
    'a child': [
      () => [task('consumer', (ctx) => taskRunner(task('job', () => outside)).start(ctx))],
      'consumer/job (execute)',
    ],
    'a member of a dynamic group': [
      () => {
        const tenants = dynamic('tenants');
        tenants.add('ann', task('tenant', { initialize: () => outside, execute: () => 1 }));
        return [tenants];
      },
      'tenants/ann (initialize)',
    ],
  };
  for (const [what, [run, waiting]] of Object.entries(stuck))
    it(`names the task and the hook that wait for ${what}`, async () => {
      const error = await errorOf(run);
      expect(error).to.be.instanceOf(ScenarioError);
      expect(error.message)
        .to.include(`The scenario can go no further, because no timer is pending. Still waiting: ${waiting}.`)
        .and.include(advice)
        .and.include('`duration` ends a scenario that is meant to wait')
        .and.match(/\n\n.+ +[[>(]/);
    });

  describe('because a task uses a socket', () => {
    const server = createServer();

    before(() => new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve)));
    after(() => server.close());

    it('names it even if the task ends at a cancel', async () => {
      const poller = task('poller', async ({ signal }) => {
        const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
        try {
          await once(socket, 'data', { signal });
        } finally {
          socket.destroy();
        }
      });
      const { message } = await errorOf(() => [poller, script('db', '')]);
      expect(message)
        .to.match(/Still waiting: poller \(execute\)\. Active in this process: \w+/)
        .and.include(advice);
    });
  });

  it('names all kinds of resources that are active', () => {
    expect(explainWait([{ task: 'poller', hook: 'execute' }], ['TCPSocketWrap', 'FSReqPromise'])).to.equal(
      `Still waiting: poller (execute). Active in this process: TCPSocketWrap, FSReqPromise.${advice}`,
    );
  });

  it('lists the waiting hooks when `during` still waits, too', async () => {
    const db = task('db', { initialize: () => outside, execute: () => 1 });
    expect((await errorOf(() => [db], { during: () => outside })).message).to.equal(
      `\`during\` is still waiting, but no timer is pending. Still waiting: db (initialize).${advice}`,
    );
  });

  it('lists them when other tasks go on for ever', async () => {
    const db = task('db', { initialize: () => outside, execute: () => 1 });
    const busy = task('busy', () => timer(0).pipe(repeat()));
    const error = await errorOf(() => [db, busy], { duration: 10 });
    expect(error).to.be.instanceOf(RangeError);
    expect(error.message).to.include('Its time does not pass. Still waiting: db (initialize).');
  });

  it('stops the application, so that its tasks release what they hold', async () => {
    const calls: string[] = [];
    const server = task('server', { execute: () => NEVER, finalize: () => void calls.push('closed') });
    const poller = task('poller', () => interval(1));
    const error = await errorOf(() => [server, poller]);
    expect(error).to.be.instanceOf(RangeError);
    expect([error.message.slice(0, 52), calls]).to.deep.equal([
      'Expected the scenario to end, but it continues after',
      ['closed'],
    ]);
  });

  it('is rejected with its own error if its application cannot be stopped either', async () => {
    const busy = task('busy', { execute: () => NEVER, finalize: () => timer(0).pipe(repeat()) });
    const error = await errorOf(() => [busy, task('poller', () => interval(1))]);
    expect(error.message).to.include('Send it a signal, or limit how long it lasts');
  });

  it('lists the hooks that had timed out when the marbles differ', async () => {
    const db = task('db', { execute: () => NEVER, finalize: () => outside });
    const options = { signals: '-T', timeout: 5, expect: 'db  >(!])|' };
    const lines = (await errorOf(() => [db], options)).message.split('\n');
    expect(lines.slice(-2)).to.deep.equal(['', `Still waiting: db (finalize).${advice}`]);
  });

  it('lists hooks in `execute` then only if the application no longer waits for them', async () => {
    const listener = task('listener', () => outside);
    const last = async (options: Partial<Scenario>) =>
      (await errorOf(() => [listener], { expect: 'listener  >|', ...options })).message.split('\n').at(-1);
    expect(await last({ signals: '-T', timeout: 5 })).to.match(/^Still waiting: listener \(execute\)\. /);
    expect(await last({ duration: 5 })).to.equal('> ready   | ended');
    const db = task('db', { initialize: () => outside, execute: () => 1 });
    expect(await last({ run: () => [listener, db], duration: 5 })).to.match(/^Still waiting: db \(initialize\)\. /);
  });

  it('is found in the order in which it occurs, by `explore`', async () => {
    const run = () => {
      let listener: (() => void) | undefined;
      return [
        task('waiter', async () => {
          await delay(5);
          await new Promise<void>((resolve) => (listener = resolve));
        }),
        task('waker', async () => {
          await delay(5);
          listener?.();
        }),
      ];
    };
    await scenario({ run });
    const error = await rejectionOf(explore({ run }));
    expect(error.message)
      .to.match(/^In an order that departs from the usual once: The scenario can go no further/)
      .and.include('Still waiting: waiter (execute)');
  });

  it('is found in the order in which it never ends, too', async () => {
    const run = () => {
      let isReady = false;
      return [
        task('starter', async () => {
          await delay(5);
          isReady = true;
        }),
        task('poller', async () => {
          await delay(5);
          for (const polls = !isReady; polls;) await delay(1);
        }),
      ];
    };
    await scenario({ run });
    const error = await rejectionOf(explore({ run }));
    expect(error.message)
      .to.match(/^In an order that departs from the usual once: Expected the scenario to end/)
      .and.match(/^poller +>/m);
    expect(error.cause).to.be.instanceOf(RangeError);
  });

  it('ends without an error while all that waits is meant to last', async () => {
    const { report, marbles } = await scenario({
      run: () => [
        script('starting', '[?'),
        script('manual'),
        task('server', () => NEVER),
        task('listener', (ctx) => new Promise<void>((resolve) => ctx.cancelled$.subscribe(() => resolve()))),
        ordered(
          'app',
          script('db', '[>'),
          task('http', () => NEVER),
        ),
      ],
    });
    expect(report).to.equal(undefined);
    expect(marbles).to.match(/^server +>$/m);
  });

  it('ends without an error although the test runner has timers of its own', async () => {
    let timers: [NodeJS.Timeout, NodeJS.Immediate] | undefined;
    const listener = (ctx: RunContext) => new Promise<void>((resolve) => ctx.cancelled$.subscribe(() => resolve()));
    const run = () => {
      const timeout = realTimeout(() => undefined, 60_000);
      const onTurn = () => (timers = [timeout, setImmediate(onTurn)]);
      onTurn();
      return [task('listener', listener)];
    };
    try {
      expect((await scenario({ run })).report).to.equal(undefined);
    } finally {
      clearTimeout(timers?.[0]);
      clearImmediate(timers?.[1]);
    }
  });

  it('ends without an error while a run that is no part of the application waits', async () => {
    const during = ({ clock }: ScenarioContext) => {
      const [ctx] = withCancel(undefined, { scheduler: clock });
      taskRunner(task('own', () => outside))
        .start(ctx)
        .subscribe();
    };
    expect((await scenario({ run: () => [script('x', '--|')], during })).report?.clean).to.equal(true);
  });

  it('ends without an error at its `duration`, or by a signal', async () => {
    const run = () => [task('db', { initialize: () => outside, execute: () => 1 })];
    expect((await scenario({ run, duration: 5 })).report).to.equal(undefined);
    const { report } = await scenario({ run, signals: '-T', timeout: 5 });
    expect(report?.outcomes[0]).to.include({ status: 'timed-out', phase: 'initialize' });
  });

  it("calls `then` of a hook's result once", async () => {
    let calls = 0;
    const query = { then: (resolve: (rows: string) => void) => (calls++, resolve('rows')) };
    const { report } = await scenario({ run: () => [task('query', () => query as unknown as Promise<string>)] });
    expect([report?.clean, calls]).to.deep.equal([true, 1]);
  });
});

describe('A long scenario', () => {
  const consoleErrors = spyOnConsoleError();

  it('says once that it is long, and how to shorten it', async () => {
    const definition: Scenario = { run: () => [task('poller', () => interval(5000))], duration: 30 * 3_600_000 };
    await scenario(definition);
    await scenario(definition);
    expect(consoleErrors.all()).to.deep.equal([
      'This scenario is long: 20,000 timers have fired within 100,000 s of virtual time, and it goes on. ' +
        'To make it faster, shorten its `duration`, or give its tasks longer intervals. ' +
        'A cron that waits has a timer each 30 s',
    ]);
  });

  it('goes on if a signal or `during` is to end it', async () => {
    const run = () => [task('poll', () => interval(1000))];
    const signalled = await scenario({ run, signals: '25000s T' });
    const stopped = await scenario({ run, during: ({ app }) => delay(25_000_000).then(() => void app.stop()) });
    expect([signalled.exitCode, stopped.exitCode]).to.deep.equal([0, 0]);
    expect(consoleErrors.all().filter((text) => String(text).startsWith('This scenario is long'))).to.have.length(2);
  });

  it('says nothing if its time does not pass, because it fails', async () => {
    const busy = task('busy', () => timer(0).pipe(repeat()));
    expect(await errorOf(() => [busy])).to.be.instanceOf(RangeError);
    expect(consoleErrors.all()).to.deep.equal([]);
  });

  it('says nothing if fewer timers fire', async () => {
    await scenario({ run: () => [task('poller', () => interval(5000))], duration: 3_600_000 });
    expect(consoleErrors.all()).to.deep.equal([]);
  });
});

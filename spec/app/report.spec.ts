import { expect } from 'chai';
import fc from 'fast-check';
import { NEVER, throwError, timer } from 'rxjs';
import { inspect } from 'node:util';
import {
  CancelledError,
  launch,
  ordered,
  orchestrate,
  parallel,
  RestartLimitError,
  ShutdownReport,
  SignalError,
  optional,
  supervise,
  task,
  TaskError,
  taskRunner,
  withCancel,
  type Outcome,
  type Runnable,
  type TaskRunner,
} from '../../lib/index.js';
import { virtualClock } from '../../lib/testing/index.js';
import { cpuTime } from '../helpers/linear-time.js';
import { throwing } from '../helpers/tasks.js';
import { anyText, unprintableIn } from '../helpers/unprintable.js';
import { virtually } from '../helpers/virtual-time.js';

describe('ShutdownReport', () => {
  it('is printed as a table', () => {
    const runner = taskRunner(task('db', () => 1));
    const error = new TaskError('db', 'execute', new Error('query failed', { cause: new Error('ECONNRESET') }));
    error.suppressed.push(new TaskError('db', 'finalize', 'not closed'));
    const report = new ShutdownReport({
      cause: new SignalError('SIGTERM'),
      outcomes: [
        { task: 'db', runner, status: 'failed', error, startedAt: 0, endedAt: 61_400 },
        { task: 'server', runner, status: 'completed', startedAt: 0, endedAt: 7_440_000 },
        { task: 'worker', runner, status: 'cancelled', startedAt: 5, endedAt: 17 },
        { task: 'metrics', runner, status: 'timed-out' },
      ],
      clean: false,
      durationMs: 2500,
    });
    expect(String(report).split('\n')).to.deep.equal([
      'Stopped by SignalError: Received SIGTERM. Not clean, in 2.5 s.',
      '  task     outcome    ran for',
      '  db       failed     1 min 1 s',
      '    TaskError: db failed in execute: query failed',
      '      caused by Error: query failed',
      '      caused by Error: ECONNRESET',
      '    and then',
      "    TaskError: db failed in finalize: 'not closed'",
      "      caused by 'not closed'",
      '  server   completed  2 h 4 min',
      '  worker   cancelled  12 ms',
      '  metrics  timed-out',
    ]);
    expect(inspect(report)).to.equal(String(report));
  });

  it('has a title alone when there were no tasks', () => {
    expect(String(new ShutdownReport({ cause: undefined, outcomes: [], clean: true, durationMs: 0 }))).to.equal(
      'All tasks ended. Clean.',
    );
  });

  it('shows the restarts of a supervised task, whatever is around it', async () => {
    const clock = virtualClock();
    let runs = 0;
    const feed = task('feed', () => (++runs < 5 ? throwError(() => new Error('reset')) : NEVER));
    const backoff = { initial: 1, jitter: 0 };
    // The third failure is one too many for the inner one. The outer one starts it again.
    const twice = supervise(supervise(feed, { backoff, maxRestarts: 2 }), { backoff });
    const steady = supervise(task('steady', () => NEVER));
    const app = launch([ordered('app', optional(twice), steady)], { scheduler: clock, observer: () => undefined });
    clock.advance(10);
    void app.stop('enough');
    clock.advance(0);
    const report = await app;
    expect(String(report).split('\n')).to.deep.equal([
      "Stopped by 'enough'. Clean, in 0 ms.",
      '  task        outcome                          ran for  ended in',
      '  app         cancelled                        10 ms    0 ms',
      '  app/feed    cancelled, optional, restarts 2  10 ms    0 ms',
      '  app/steady  cancelled                        10 ms    0 ms',
    ]);
  });

  it('takes linear time for supervised groups, however deep they are', async () => {
    const timeAt = async (depth: number) => {
      let runner: TaskRunner = ordered(
        'group',
        task('x', () => NEVER),
      );
      for (let level = 0; level < depth; level++) runner = supervise(ordered('group', runner));
      const report = await launch([runner], { observer: () => undefined }).stop();
      return cpuTime(() => String(report));
    };
    await timeAt(100);
    // Linear time is 8 times as long. Less than half a second is not compared.
    expect(await timeAt(1000)).to.be.below(Math.max(500_000, 16 * (await timeAt(125))));
  });

  it('shows no negative time when the clock was set back', async () => {
    const clock = virtualClock(3_600_000);
    const app = launch([task('x', { execute: () => NEVER, finalize: () => timer(5, clock) })], { scheduler: clock });
    void app.stop('enough');
    clock.adjust(-3_600_000);
    clock.advance(5);
    const report = await app;
    expect(report.durationMs).to.equal(0);
    expect(String(report).split('\n')).to.deep.equal([
      "Stopped by 'enough'. Clean, in 0 ms.",
      '  task  outcome    ran for  ended in',
      '  x     cancelled  0 ms     0 ms',
    ]);
  });

  it('formats each duration in its unit', () => {
    const format = (durationMs: number) =>
      / in (.*)\.$/.exec(String(new ShutdownReport({ cause: 'x', outcomes: [], clean: true, durationMs })))?.[1];
    const durations = [0.4, 12.6, 999, 999.5, 999.7, 59_900, 59_950, 59_999, 3_599_000, 3_600_000].map(format);
    expect(durations).to.deep.equal([
      '0 ms',
      '13 ms',
      '999 ms',
      '1.0 s',
      '1.0 s',
      '59.9 s',
      '1 min 0 s',
      '1 min 0 s',
      '59 min 59 s',
      '1 h 0 min',
    ]);
  });

  it('prints a circular chain of causes once', () => {
    const [a, b] = [new Error('a'), new Error('b')];
    a.cause = b;
    b.cause = a;
    const runner = taskRunner(task('x', () => 1));
    const error = new TaskError('x', 'execute', a);
    const report = new ShutdownReport({
      cause: 'x',
      outcomes: [{ task: 'x', runner, status: 'failed', error }],
      clean: false,
      durationMs: 0,
    });
    expect(String(report).match(/caused by/g)).to.have.length(2);
  });

  it('prints a cause that is not an Error on one line', () => {
    const cause = {
      why: 'deployed elsewhere',
      by: { name: 'someone' },
      at: 'a quite long text, so that it would be broken into lines',
    };
    const title = String(new ShutdownReport({ cause, outcomes: [], clean: true, durationMs: 0 }));
    expect(title.split('\n')).to.have.length(1);
    expect(title).to.include('[Object]');
    const short = new ShutdownReport({ cause: { code: 1 }, outcomes: [], clean: true, durationMs: 0 });
    expect(String(short)).to.include('Stopped by { code: 1 }.');
  });

  /** Returns the printed report of an application that is stopped after 1 s, in virtual time. */
  function reportOf(runnables: Runnable[], timeout = 100): string[] {
    let report: ShutdownReport | undefined;
    virtually((_, scheduler) => {
      const [parent, cancel] = withCancel();
      orchestrate(runnables, { parent, timeout }).subscribe((event) => {
        if (event.type === 'shutdown') report = event.report;
      });
      scheduler.schedule(() => cancel(new SignalError('SIGTERM')), 1000);
      scheduler.flush();
    });
    return String(report).split('\n');
  }
  const member = (name: string, ms = 0) => task(name, { execute: () => NEVER, finalize: () => timer(ms) });

  it('prints how long each member of a group took to stop', () => {
    const app = ordered(
      'app',
      member('db', 5),
      parallel('workers', member('a', 20), member('b', 10)),
      member('http', 30),
    );
    expect(reportOf([app])).to.deep.equal([
      'Stopped by SignalError: Received SIGTERM. Clean, in 55 ms.',
      '  task           outcome    ran for  ended in',
      '  app            cancelled  1.1 s    55 ms',
      '  app/db         cancelled  1.1 s    5 ms',
      '  app/workers    cancelled  1.1 s    20 ms',
      '  app/workers/a  cancelled  1.1 s    20 ms',
      '  app/workers/b  cancelled  1.0 s    10 ms',
      '  app/http       cancelled  1.0 s    30 ms',
    ]);
  });

  it('prints which members have timed out, and in which hook', () => {
    const stuck = task('http', { execute: () => NEVER, finalize: () => NEVER });
    expect(reportOf([ordered('app', member('db'), parallel('web', stuck, member('admin', 3)))])).to.deep.equal([
      'Stopped by SignalError: Received SIGTERM. Not clean, in 100 ms.',
      '  task           outcome                       ran for  ended in',
      '  app            timed-out',
      '  app/db         timed-out, not cancelled yet',
      '  app/web        timed-out',
      '  app/web/http   timed-out in finalize',
      '  app/web/admin  cancelled                     1.0 s    3 ms',
    ]);
  });

  it('prints each error once, with its causes, in the row it comes from', () => {
    const failing = (name: string, ms: number, why: string) =>
      task(name, { initialize: () => timer(ms), execute: () => throwError(() => new Error(why)) });
    const slow = task('slow', { execute: () => NEVER, finalize: () => throwError(() => new Error('not closed')) });
    const lines = reportOf([
      ordered(
        'app',
        slow,
        parallel('workers', member('a'), supervise(failing('b', 5, 'boom'), { maxRestarts: 0 })),
        member('http'),
      ),
    ]);
    const boom = 'app/workers/b failed in execute: boom';
    const limit = `app/workers/b ended for good after 0 restarts within 60000 ms: ${boom}`;
    expect(lines).to.deep.equal([
      `Stopped by RestartLimitError: ${limit}. Not clean, in 0 ms.`,
      '  task           outcome      ran for  ended in',
      '  app            failed       5 ms     0 ms',
      '  app/slow       failed       5 ms     0 ms',
      '    TaskError: app/slow failed in finalize: not closed',
      '      caused by Error: not closed',
      '  app/workers    failed       5 ms     0 ms',
      '  app/workers/a  cancelled    5 ms     0 ms',
      '  app/workers/b  failed       5 ms     0 ms',
      `    RestartLimitError: ${limit}`,
      '      caused by TaskError: app/workers/b failed in execute: boom',
      '      caused by Error: boom',
      '  app/http       not-started',
    ]);
  });

  it('prints the failures outside the tasks, except the cause', () => {
    const failures = [new Error('uncaught')];
    const report = new ShutdownReport({ cause: 'enough', outcomes: [], failures, clean: false, durationMs: 1 });
    expect(String(report).split('\n')).to.deep.equal([
      "Stopped by 'enough'. Not clean, in 1 ms.",
      '  Outside the tasks: Error: uncaught',
    ]);
    const caused = new ShutdownReport({ cause: failures[0], outcomes: [], failures, clean: false, durationMs: 1 });
    expect(String(caused)).to.equal('Stopped by Error: uncaught. Not clean, in 1 ms.');
  });

  it('prints the suppressed errors of a chain and each error of an AggregateError', () => {
    const runner = taskRunner(task('x', () => 1));
    const first = new TaskError(
      'x',
      'execute',
      new AggregateError([new Error('::1'), new Error('127.0.0.1')], 'refused'),
    );
    first.suppressed.push(new TaskError('x', 'finalize', 'not closed'));
    const error = new RestartLimitError('x', 1, 10, first);
    const outcomes = [{ task: 'x', runner, status: 'failed' as const, error }];
    const report = new ShutdownReport({ cause: undefined, outcomes, clean: false, durationMs: 0 });
    expect(String(report).split('\n').slice(3)).to.deep.equal([
      '    RestartLimitError: x ended for good after 1 restart within 10 ms: x failed in execute: refused',
      '      caused by TaskError: x failed in execute: refused',
      '      caused by AggregateError: refused',
      '      caused by Error: ::1',
      '      caused by Error: 127.0.0.1',
      '    and then',
      "    TaskError: x failed in finalize: 'not closed'",
      "      caused by 'not closed'",
    ]);
  });

  it('prints names and messages without control characters', () => {
    const runner = taskRunner(task('x', () => 1));
    const report = new ShutdownReport({
      cause: Object.assign(new Error(), { message: undefined }),
      outcomes: [{ task: 'two\r\nlines\x1b[31m', runner, status: 'completed' }],
      clean: true,
      durationMs: 0,
    });
    expect(String(report).split('\n')).to.deep.equal([
      'Stopped by Error. Clean, in 0 ms.',
      '  task       outcome    ran for',
      '  two lines  completed',
    ]);
  });

  it('never prints or stores an unprintable character, whatever names and messages are', () => {
    fc.assert(
      fc.property(anyText, anyText, anyText, (name, message, thrown) => {
        const runner = taskRunner(task(name, () => 1));
        const cause = Object.assign(new Error(message, { cause: thrown }), { name });
        const error = new TaskError(name, 'execute', cause);
        error.suppressed.push(new TaskError(name, 'finalize', thrown));
        const outcomes: Outcome[] = [{ task: name, runner, status: 'failed', error, startedAt: 0, endedAt: 1 }];
        const failures = [cause, thrown, { [name]: thrown }];
        const report = new ShutdownReport({ cause, outcomes, failures, clean: false, durationMs: 0 });
        expect(unprintableIn(String(report).replaceAll('\n', ''))).to.equal(undefined);
        expect(unprintableIn(JSON.stringify(report).replaceAll('\\n', ''))).to.equal(undefined);
        expect(unprintableIn(JSON.stringify(error).replaceAll('\\n', ''))).to.equal(undefined);
      }),
    );
  });

  it('prints and stores long names and messages in part, in linear time', () => {
    for (const repeated of ['/', ' ', "'", '(', '\n', '\u001b[', 'x\u0000']) {
      const text = repeated.repeat(500_000);
      const runner = taskRunner(task(text, () => 1));
      const error = new TaskError(text, 'execute', new Error(text, { cause: text }));
      const outcomes = Array.from({ length: 10 }, (): Outcome => ({ task: text, runner, status: 'failed', error }));
      const report = new ShutdownReport({ cause: error, outcomes, failures: [text], clean: false, durationMs: 0 });
      expect(String(report)).to.have.length.below(10_000);
      expect(JSON.stringify(report)).to.have.length.below(300_000);
    }
  });

  it('prints the causes of the cause when no row shows them', () => {
    const cause = new CancelledError('db has ended', { cause: new Error('connection lost', { cause: 'ECONNRESET' }) });
    const report = new ShutdownReport({ cause, outcomes: [], clean: true, durationMs: 0 });
    expect(String(report).split('\n')).to.deep.equal([
      'Stopped by CancelledError: db has ended. Clean, in 0 ms.',
      '  caused by Error: connection lost',
      "  caused by 'ECONNRESET'",
    ]);
    expect(JSON.parse(JSON.stringify(report))).to.deep.equal({
      cause: 'CancelledError: db has ended',
      outcomes: [],
      failures: [],
      clean: true,
      durationMs: 0,
    });
  });

  it('prints the first line of a message, and an ellipsis when there are more', () => {
    const cause = new Error('first\nsecond');
    expect(String(new ShutdownReport({ cause, outcomes: [], clean: true, durationMs: 0 }))).to.equal(
      'Stopped by Error: first …. Clean, in 0 ms.',
    );
  });

  it('shows the root cause of a long chain', () => {
    let cause = new Error('root');
    for (let depth = 1; depth <= 30; depth++) cause = new Error(`level ${depth}`, { cause });
    const report = new ShutdownReport({ cause, outcomes: [], clean: false, durationMs: 0 });
    expect(String(report).split('\n').at(-1)).to.equal('  caused by Error: root');
  });

  it('does not repeat the causes of an error that another row shows, nor an error that is its own cause', () => {
    const runner = taskRunner(task('x', () => 1));
    const first = new TaskError('a', 'execute', new Error('root'));
    const second = new TaskError('b', 'execute', first);
    const loop = new Error('loop');
    loop.cause = loop;
    const failed = (error: TaskError) => ({ task: error.task, runner, status: 'failed' as const, error });
    const outcomes = [failed(first), failed(second), failed(new TaskError('c', 'execute', loop))];
    const report = new ShutdownReport({ cause: undefined, outcomes, clean: false, durationMs: 0 });
    expect(String(report).split('\n').slice(2)).to.deep.equal([
      '  a     failed',
      '    TaskError: a failed in execute: root',
      '      caused by Error: root',
      '  b     failed',
      '    TaskError: b failed in execute: a failed in execute: root',
      '      caused by TaskError: a failed in execute: root',
      '  c     failed',
      '    TaskError: c failed in execute: loop',
      '      caused by Error: loop',
    ]);
    const own = new ShutdownReport({ cause: loop, outcomes: [], clean: true, durationMs: 0 });
    expect(String(own)).to.equal('Stopped by Error: loop. Clean, in 0 ms.');
  });

  it('has no cause in JSON when there was none', () => {
    const report = new ShutdownReport({ cause: undefined, outcomes: [], clean: true, durationMs: 0 });
    expect(report.toJSON()).to.have.all.keys('outcomes', 'failures', 'clean', 'durationMs');
  });

  describe('of very many tasks', () => {
    const runner = taskRunner(task('x', () => 1));
    const reportWith = (outcomes: readonly Outcome[], fields: Partial<ShutdownReport> = {}) =>
      new ShutdownReport({ cause: undefined, outcomes, clean: false, durationMs: 0, ...fields });
    const linesOf = (report: ShutdownReport) => String(report).split('\n');
    const outcome = (name: string, fields: Partial<Outcome> = {}): Outcome => ({
      task: name,
      runner,
      status: 'completed',
      ...fields,
    });

    it('prints a thousand rows and the number of the others, those that did not end cleanly first', () => {
      const outcomes = Array.from({ length: 130_000 }, (_, i) => outcome(`t${i}`));
      const error = new TaskError('bad', 'execute', new Error('boom'));
      outcomes[100_000] = outcome('bad', { status: 'failed', error });
      outcomes[129_999] = outcome('stuck', { status: 'timed-out', phase: 'finalize' });
      const lines = linesOf(reportWith(outcomes));
      expect(lines.slice(0, 7)).to.deep.equal([
        'All tasks ended. Not clean.',
        '  task   outcome                ran for',
        '  bad    failed',
        '    TaskError: bad failed in execute: boom',
        '      caused by Error: boom',
        '  stuck  timed-out in finalize',
        '  t0     completed',
      ]);
      expect(lines.at(-2)).to.equal('  t997   completed');
      expect(lines.at(-1)).to.equal('  … and 129,000 more');
      expect(JSON.parse(JSON.stringify(reportWith(outcomes))))
        .to.have.property('outcomes')
        .with.length(130_000);
    });

    it('prints the children of one name in one row, with the number of each result', () => {
      const failure = (why: string) => new TaskError('http/job', 'execute', why);
      const job = (fields: Partial<Outcome>) => outcome('http/job', { startedAt: 0, stoppingAt: 50, ...fields });
      const members = [
        job({
          endedAt: 60,
          status: 'cancelled',
          members: [outcome('http/job/step')],
          children: { started: 1, failed: 0 },
        }),
        job({ endedAt: 90, status: 'failed', error: failure('a') }),
        outcome('http/other'),
        job({
          endedAt: 80,
          status: 'cancelled',
          members: [outcome('http/job/step')],
          children: { started: 1, failed: 0 },
        }),
        ...['b', 'c', 'd', 'e'].map((why) => job({ endedAt: 70, status: 'failed', error: failure(why) })),
        job({ status: 'timed-out', phase: 'execute' }),
      ];
      const http = outcome('http', { members, children: { started: 90, failed: 5 } });
      expect(linesOf(reportWith([http])).slice(1)).to.deep.equal([
        '  task              outcome                                        ran for  ended in',
        '  http              completed, children 90, failed 5',
        '  http/job ×8       2 cancelled, 5 failed, 1 timed-out in execute  90 ms    40 ms',
        "    TaskError: http/job failed in execute: 'a'",
        "      caused by 'a'",
        "    TaskError: http/job failed in execute: 'b'",
        "      caused by 'b'",
        "    TaskError: http/job failed in execute: 'c'",
        "      caused by 'c'",
        '    … and 2 more errors',
        '  http/job/step ×2  2 completed',
        '  http/other        completed',
      ]);
    });

    it('prints two tasks of one name in two rows', () => {
      const group = outcome('app', { members: [outcome('app/a'), outcome('app/a')] });
      expect(linesOf(reportWith([group, outcome('b'), outcome('b')]))).to.have.length(7);
    });

    it('prints members that are nested 5,000 levels deep', () => {
      let deep = outcome('leaf', { status: 'failed', error: new TaskError('leaf', 'execute', 'boom') });
      for (let level = 0; level < 5000; level++)
        deep = outcome(`level ${level}`, { status: 'failed', members: [deep] });
      const report = reportWith([deep]);
      expect(linesOf(report).at(-1)).to.equal('  … and 4,001 more');
      expect(JSON.stringify(report)).to.include('"task":"leaf"');
    });

    it('prints errors that refer to each other in any way once, and bounds their number', () => {
      let error = new TaskError('t', 'execute', new AggregateError([], 'root'));
      for (let level = 0; level < 22; level++) {
        const outer = new TaskError(
          't',
          'execute',
          new AggregateError([error, error], `level ${level}`, { cause: error }),
        );
        outer.suppressed.push(error, error);
        error = outer;
      }
      const outcomes = Array.from({ length: 500 }, (_, i) =>
        outcome(`t${i}`, { status: 'failed', error: new TaskError(`t${i}`, 'execute', error) }),
      );
      const [only] = outcomes;
      const lines = linesOf(reportWith(only ? [only] : []));
      expect(lines.filter((line) => line.includes('AggregateError: root'))).to.have.length(1);
      expect(linesOf(reportWith(outcomes)).length).to.be.below(2500);
      let chain = new Error('root');
      for (let level = 0; level < 20_000; level++) chain = new Error(`level ${level}`, { cause: chain });
      expect(linesOf(reportWith([], { cause: chain })).length).to.be.below(200);
    });

    it('shortens long names and messages', () => {
      const name = `start/${'x'.repeat(1_000_000)}/end`;
      const lines = linesOf(reportWith([outcome(name)], { cause: new Error('/'.repeat(1_000_000)) }));
      expect(lines.join('').length).to.be.below(2000);
      expect(lines.at(-1)).to.match(/^ {2}start\/x+…x+\/end {2}completed$/);
    });

    it('prints how many failures outside the tasks are not listed', () => {
      const report = reportWith([], { failures: ['boom'], moreFailures: 1023 });
      expect(linesOf(report).slice(1)).to.deep.equal(["  Outside the tasks: 'boom'", '  … and 1,023 more']);
      expect(report.toJSON()).to.have.property('moreFailures', 1023);
    });
  });

  it('prints and stores the outcome of a custom runner whose name or error cannot be printed', () => {
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    const runner = { toString: throwing() } as unknown as TaskRunner;
    const outcomes: Outcome[] = [{ task: 'x', runner, status: 'failed', error: proxy as TaskError }];
    const report = new ShutdownReport({ cause: proxy, outcomes, clean: false, durationMs: 0 });
    expect(String(report)).to.include('x     failed\n    <Revoked Proxy>');
    expect(JSON.parse(JSON.stringify(report))).to.have.nested.property('outcomes[0].runner', 'x');
  });
});

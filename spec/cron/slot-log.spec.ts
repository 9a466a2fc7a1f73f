import { expect } from 'chai';
import { NEVER, of, Subject, throwError, timer, type Observable } from 'rxjs';
import {
  cron,
  joinAll,
  launch,
  launchRunner,
  ordered,
  parallel,
  supervise,
  task,
  taskRunner,
  withCancel,
  type Coordinator,
  type CronOptions,
  type LaunchOptions,
  type Runnable,
  type Schedule,
  type SimpleTask,
  type TaskRunner,
} from '../../lib/index.js';
import { virtualClock, type VirtualClock } from '../../lib/testing/index.js';
import { spyOnConsoleError } from '../helpers/console-spy.js';
import { everyTen, takes } from '../helpers/start-cron.js';
import { customRunner } from '../helpers/custom-runners.js';
import { events } from '../helpers/tasks.js';
import { virtually } from '../helpers/virtual-time.js';

const second = 1000;
const minute = 60 * second;

describe('A cron that nobody listens to', () => {
  const written = spyOnConsoleError();

  /** Starts a runner without a listener on a virtual clock. */
  function startWithoutListener(runner: TaskRunner, clock: VirtualClock = virtualClock()) {
    const [ctx, cancel] = withCancel(undefined, { scheduler: clock });
    runner.start(ctx).subscribe({ error: () => undefined });
    return { clock, ctx, cancel, runner };
  }

  /** Starts a runner on a virtual clock, and unsubscribes at once. */
  function startAndUnsubscribe(runner: TaskRunner) {
    const clock = virtualClock();
    const [ctx] = withCancel(undefined, { scheduler: clock });
    runner.start(ctx).subscribe().unsubscribe();
    return { clock, runner };
  }

  function start(
    execute: SimpleTask['execute'],
    schedule: number | Schedule,
    options: CronOptions = {},
    clock?: VirtualClock,
  ) {
    return startWithoutListener(cron(task('report', execute), schedule, options), clock);
  }

  const hangs = (): Observable<never> => NEVER;

  it('writes nothing about the slots of a pause', () => {
    const runner = cron(
      task('report', () => 1),
      10,
    );
    const { clock, cancel } = startWithoutListener(runner);
    runner.pause();
    clock.advance(25);
    runner.resume();
    cancel();
    expect([runner.history.missed, written.all()]).to.deep.equal([2, []]);
  });

  it('writes the first slot that is skipped at once, and how long its run has been going on', () => {
    const { clock } = start(hangs, 5 * second);
    clock.advance(5 * second - 1);
    expect(written.all()).to.deep.equal([]);
    clock.advance(1);
    expect(written.all()).to.deep.equal([
      'Cron report: 1 slot skipped (overlap) at 1970-01-01T00:00:05.000Z; its run has been going on for 5 s',
    ]);
  });

  it('writes one line a minute with the number of slots that are skipped later', () => {
    const { clock } = start(hangs, 5 * second);
    clock.advance(minute + 4 * second);
    expect(written.all()).to.have.length(1);
    clock.advance(second);
    expect(written.all().slice(1)).to.deep.equal([
      'Cron report: 11 slots skipped (overlap) since 1970-01-01T00:00:10.000Z; ' +
        'its run has been going on for 1 min 5 s',
    ]);
    clock.advance(60 * minute);
    expect(written.all()).to.have.length(62);
  });

  it('writes each slot that is skipped later than a minute after the last one at once', () => {
    const { clock } = start(hangs, 60 * minute);
    clock.advance(180 * minute);
    expect(written.all()).to.deep.equal(
      [1, 2, 3].map(
        (hours) =>
          `Cron report: 1 slot skipped (overlap) at 1970-01-01T0${hours}:00:00.000Z; ` +
          `its run has been going on for ${hours} h`,
      ),
    );
  });

  it('writes the slots that it has counted a minute later, when its run has ended, without a timer for that', () => {
    let runs = 0;
    const { clock } = start(({ scheduler }) => timer(++runs === 1 ? 22 * second : 1, scheduler), 5 * second);
    clock.advance(64 * second);
    expect([clock.timers, written.all().length]).to.deep.equal([1, 1]);
    clock.advance(60 * minute);
    expect(written.all().slice(1)).to.deep.equal([
      'Cron report: 3 slots skipped (overlap) since 1970-01-01T00:00:10.000Z',
    ]);
  });

  it('writes the slots that it has counted when it ends', () => {
    const { clock, cancel } = start(hangs, 5 * second);
    clock.advance(20 * second);
    cancel();
    expect(written.all().slice(1)).to.deep.equal([
      'Cron report: 3 slots skipped (overlap) since 1970-01-01T00:00:10.000Z',
    ]);
  });

  it('writes the slots that it has counted when a join no longer waits for it', () => {
    const promised = task('report', () => new Promise(() => undefined));
    const { clock, ctx, cancel, runner } = startWithoutListener(cron(promised, 5 * second));
    clock.advance(20 * second);
    joinAll(ctx, second, [runner]).subscribe();
    cancel();
    clock.advance(second - 1);
    expect(written.all()).to.have.length(1);
    clock.advance(1);
    expect(written.all().slice(1)).to.deep.equal([
      'Cron report: 3 slots skipped (overlap) since 1970-01-01T00:00:10.000Z; its run has been going on for 21 s',
    ]);
  });

  it('writes the first slots that are missed at once', () => {
    const { clock } = start(() => 1, 10);
    clock.advanceSilently(2035);
    clock.advance(0);
    expect(written.all()).to.deep.equal(['Cron report: 202 slots missed since 1970-01-01T00:00:00.010Z']);
  });

  it('writes a slot that is overdue, also one that starts late', () => {
    const late = start(() => 1, everyTen, { missed: 'runAll' });
    late.clock.advanceSilently(1500);
    late.clock.advance(0);
    late.cancel();
    const waiting = start(takes(3 * second), 2 * second, { overlap: 'bufferAll' });
    waiting.clock.advance(5 * second);
    expect(written.all()).to.deep.equal([
      'Cron report: 1 slot overdue at 1970-01-01T00:00:00.010Z',
      'Cron report: 48 slots overdue since 1970-01-01T00:00:00.020Z',
      'Cron report: 1 slot overdue at 1970-01-01T00:00:04.000Z; its run has been going on for 2 s',
    ]);
  });

  it('writes each kind for the first time at once, together with what it has counted', () => {
    const { clock } = start(hangs, 5 * second, { overlap: 'bufferOne' });
    clock.advance(6 * second);
    clock.advance(14 * second);
    clock.advanceSilently(7 * second);
    clock.advance(0);
    expect(written.all()).to.deep.equal([
      'Cron report: 1 slot overdue at 1970-01-01T00:00:05.000Z; its run has been going on for 6 s',
      'Cron report: 1 slot skipped (overlap) at 1970-01-01T00:00:10.000Z; its run has been going on for 10 s',
      'Cron report: 2 slots skipped (overlap), 1 slot missed since 1970-01-01T00:00:15.000Z; ' +
        'its run has been going on for 27 s',
    ]);
  });

  it('writes the slots that it drops at its end in one line', () => {
    const { clock, cancel } = start(hangs, 5 * second, { overlap: 'bufferAll', tolerance: Infinity });
    clock.advance(20 * second);
    expect(written.all()).to.deep.equal([]);
    cancel();
    expect(written.all()).to.deep.equal(['Cron report: 4 slots skipped (ended) since 1970-01-01T00:00:05.000Z']);
  });

  it('writes nothing about a slot that its coordinator refuses, because another process runs it', () => {
    const { clock, cancel } = start(() => 1, everyTen, { coordinator: { lease: () => of(false) } });
    clock.advance(1000);
    cancel();
    expect(written.all()).to.deep.equal([]);
  });

  it('writes the first error of its coordinator, and later only the last one with the number of slots', () => {
    let requests = 0;
    const lease: Coordinator['lease'] = () => throwError(() => new Error(`no database ${++requests}`));
    const { clock, cancel } = start(() => 1, 10 * second, { coordinator: { lease } });
    clock.advance(minute);
    cancel();
    expect(written.all().map(String)).to.deep.equal([
      'Cron report: 1 slot skipped (coordinator) at 1970-01-01T00:00:00.000Z',
      'Error: no database 1',
      'Cron report: 5 slots skipped (coordinator) since 1970-01-01T00:00:10.000Z; last error: Error: no database 6',
      'Cron report: 1 slot skipped (coordinator) at 1970-01-01T00:01:00.000Z; last error: Error: no database 7',
    ]);
  });

  it('writes an error of its coordinator that it has written before only once', () => {
    for (const down of [new Error('down'), 'down']) {
      const coordinator = { lease: () => throwError(() => down) };
      const lines = written.during(() => {
        const { clock, cancel } = start(() => 1, 10 * second, { coordinator });
        clock.advance(minute);
        cancel();
      });
      expect(lines).to.deep.equal([
        'Cron report: 1 slot skipped (coordinator) at 1970-01-01T00:00:00.000Z',
        down,
        'Cron report: 5 slots skipped (coordinator) since 1970-01-01T00:00:10.000Z',
        'Cron report: 1 slot skipped (coordinator) at 1970-01-01T00:01:00.000Z',
      ]);
    }
  });

  it('writes the first error of its `random` function, and later only their number', () => {
    const { clock, cancel } = start(() => 1, 10 * second, { jitter: 1, random: () => NaN });
    clock.advance(2 * minute);
    cancel();
    const lines = written.all().map(String);
    expect(lines.slice(0, 2)).to.deep.equal([
      'Cron report: 1 failure of `random`',
      'RangeError: Expected `random()` to be a number from 0 up to, but not including, 1, got `NaN` (number)',
    ]);
    expect(lines.slice(2).map((line) => line.slice(0, 36))).to.deep.equal([
      'Cron report: 6 failures of `random`;',
      'Cron report: 5 failures of `random`;',
    ]);
  });

  it('counts on over the restarts of its supervisor', () => {
    let runs = 0;
    const flaky = task('report', ({ scheduler }) => {
      if (++runs === 3) throw new Error('boom');
      return timer(15, scheduler);
    });
    const runner = supervise(cron(flaky, 10, { onError: 'stop' }), {
      backoff: { initial: 1, jitter: 0 },
      maxRestarts: 1,
    });
    const { clock, cancel } = startWithoutListener(runner);
    clock.advance(70);
    cancel();
    expect(written.all().map(String)).to.deep.equal([
      'Cron report: 1 slot skipped (overlap) at 1970-01-01T00:00:00.010Z; its run has been going on for 10 ms',
      'Cron report: 1 slot skipped (overlap) at 1970-01-01T00:00:00.030Z',
      'TaskError: report failed in execute: boom',
      'Cron report: 1 slot skipped (overlap) at 1970-01-01T00:00:00.051Z',
    ]);
  });

  it('does not wait for the time of its last line when the clock was set back', () => {
    const { clock } = start(hangs, second, {}, virtualClock(10 * minute));
    clock.advance(second);
    clock.adjust(-5 * minute);
    clock.advance(minute);
    expect(written.all()).to.have.length(2);
  });

  it('runs no slot after a console that has cancelled it', () => {
    const leased: number[] = [];
    const lease: Coordinator['lease'] = (_, slot) => {
      leased.push(slot);
      return throwError(() => new Error('lost'));
    };
    const { clock, runner, cancel } = start(hangs, 40 * second, { coordinator: { lease }, timeout: second });
    clock.advance(50 * second);
    const { error } = console;
    console.error = (line: unknown) => {
      error(line);
      cancel();
    };
    clock.advance(50 * second);
    console.error = error;
    expect([leased, runner.status, clock.timers]).to.deep.equal([[0, 40 * second], 'done', 0]);
  });

  it('is named by its path in a group, without characters that a terminal obeys', () => {
    const { clock } = startWithoutListener(parallel('app', cron(task('\u001b[31mreport\n', hangs), 10)));
    clock.advance(10);
    expect(written.all()).to.deep.equal([
      'Cron app/report: 1 slot skipped (overlap) at 1970-01-01T00:00:00.010Z; its run has been going on for 10 ms',
    ]);
  });

  it('writes its lines by virtual time in `TestScheduler.run`', () => {
    virtually(({ expectObservable }) => {
      const busy = cron(
        task('x', () => timer(5)),
        2,
        { stopAt: 6 },
      );
      expectObservable(busy.start()).toBe('-----(0|)', { 0: 0 });
    });
    expect(written.all()).to.deep.equal([
      'Cron x: 1 slot skipped (overlap) at 1970-01-01T00:00:00.002Z; its run has been going on for 2 ms',
      'Cron x: 1 slot skipped (overlap) at 1970-01-01T00:00:00.004Z',
    ]);
  });

  it('stays silent when a listener has subscribed to its events, or to those of a run above it', () => {
    for (const pick of [(own: TaskRunner) => own, (_: TaskRunner, group: TaskRunner) => group]) {
      const own = cron(task('report', hangs), 10);
      const group = parallel('app', own);
      events(pick(own, group));
      const { clock, cancel } = startWithoutListener(group);
      clock.advance(100);
      cancel();
    }
    const parent = taskRunner(task('parent', (ctx) => cron(task('report', hangs), 10).start(ctx)));
    events(parent);
    startWithoutListener(parent).clock.advance(100);
    expect(written.all()).to.deep.equal([]);
  });

  describe('in an application', () => {
    const line =
      'Cron report: 1 slot skipped (overlap) at 1970-01-01T00:00:00.010Z; its run has been going on for 10 ms';
    const hanging = () => cron(task('report', hangs), 10);

    function launched(runnables: Runnable[], options: LaunchOptions = {}) {
      const clock = virtualClock();
      const app = launch(runnables, { scheduler: clock, ...options });
      clock.advance(15);
      void app.stop();
    }

    it('writes to the console, also if the application has instrumentation', () => {
      launched([hanging()], { instrumentation: [{ onEvent: () => undefined }] });
      expect(written.all()).to.deep.equal([line]);
    });

    it('writes its path, and each line once, when the run of another cron has launched it', () => {
      const outer = task('outer', (ctx) => {
        void launch([hanging()], { parent: ctx });
        return NEVER;
      });
      launched([cron(outer, minute)]);
      expect(written.all()).to.deep.equal([line.replace('report', 'outer/report')]);
    });

    it('stays silent with an observer', () => {
      launched([hanging()], { observer: () => undefined });
      expect(written.all()).to.deep.equal([]);
    });

    it('stays silent when a listener has subscribed to its events, or to those of a group around it', () => {
      for (const pick of [(own: TaskRunner) => own, (_: TaskRunner, group: TaskRunner) => group]) {
        const own = hanging();
        const group = parallel('app', own);
        events(pick(own, group));
        launched([group]);
      }
      expect(written.all()).to.deep.equal([]);
    });

    it('writes at the same rate when it is a custom runner', () => {
      const custom = customRunner(hanging());
      const clock = virtualClock();
      const app = launch([custom], { scheduler: clock });
      clock.advance(35);
      void app.stop();
      expect(written.all()).to.deep.equal([
        'Cron report: 1 slot skipped (overlap) at 1970-01-01T00:00:00.010Z',
        'Cron report: 2 slots skipped (overlap) since 1970-01-01T00:00:00.020Z',
      ]);
    });
  });

  describe("with onError: 'stop'", () => {
    const fails = () => throwError(() => new Error('boom'));

    it('leaves its error to its subscriber', () => {
      const caught: unknown[] = [];
      cron(task('report', fails), 60_000, { onError: 'stop' })
        .start()
        .subscribe({ error: (error: unknown) => caught.push(error) });
      expect([caught.map(String), written.all()]).to.deep.equal([['TaskError: report failed in execute: boom'], []]);
    });

    it('writes its error once when it is launched', () => {
      const [ctx, cancel] = withCancel();
      launchRunner(ctx, cancel, cron(task('report', fails), 60_000, { onError: 'stop' }));
      expect(written.all().map(String)).to.deep.equal(['TaskError: report failed in execute: boom']);
    });

    it('writes its error once in an application, also in a group', () => {
      for (const runnable of [
        cron(task('report', fails), 60_000, { onError: 'stop' }),
        ordered('app', parallel('workers', cron(task('report', fails), 60_000, { onError: 'stop' }))),
      ])
        void launch([runnable]);
      expect(written.all().map(String)).to.deep.equal([
        'TaskError: report failed in execute: boom',
        'TaskError: app/workers/report failed in execute: boom',
      ]);
    });

    it('writes its error once when its subscriber has left', () => {
      const error$ = new Subject<never>();
      const slow = task('report', { execute: () => error$, grace: 10 });
      const { clock, runner } = startAndUnsubscribe(cron(slow, 10, { onError: 'stop' }));
      error$.error(new Error('boom'));
      clock.advance(10);
      expect([runner.status, written.all().map(String)]).to.deep.equal([
        'done',
        ['TaskError: report failed in execute: boom'],
      ]);
    });

    it('writes a later error, which its outcome does not have', () => {
      const errors = [new Subject<never>(), new Subject<never>()] as const;
      let runs = 0;
      const both = task('report', { execute: () => errors[runs++] ?? NEVER, grace: 10 });
      const { clock, runner } = startWithoutListener(cron(both, 10, { overlap: 'allowAll', onError: 'stop' }));
      clock.advance(10);
      errors[0].error(new Error('first'));
      errors[1].error(new Error('later'));
      expect([runner.status, written.all().map(String)]).to.deep.equal([
        'done',
        ['TaskError: report failed in execute: later'],
      ]);
    });
  });
});

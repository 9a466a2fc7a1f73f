import { expect } from 'chai';
import { BehaviorSubject, concat, EMPTY, NEVER, Observable, of, Subject, throwError } from 'rxjs';
import {
  cron,
  supervise,
  task,
  withCancel,
  type Coordinator,
  type PauseState,
  type TaskEvent,
  type TaskRunner,
} from '../../lib/index.js';
import { memoryCoordinator, virtualClock } from '../../lib/testing/index.js';
import { listenerCount } from '../helpers/collect.js';
import { spyOnConsoleError } from '../helpers/console-spy.js';
import { everyTen, slotEvents, startCron, takes, type StartedCron } from '../helpers/start-cron.js';
import { throwing } from '../helpers/tasks.js';

const granted$ = concat(of(true), NEVER);

/** Returns a coordinator that grants all slots, with given pauses. */
function pausedBy(watchPause: () => Observable<PauseState>): Coordinator {
  return { lease: () => granted$, watchPause };
}

function failuresOf(runner: TaskRunner): Extract<TaskEvent, { type: 'option-failed' }>[] {
  const failures: Extract<TaskEvent, { type: 'option-failed' }>[] = [];
  runner.events$.subscribe((event) => event.type === 'option-failed' && failures.push(event));
  return failures;
}

describe('The pause of a cron by its coordinator', () => {
  const written = spyOnConsoleError();

  for (const missed of ['skip', 'runOnce', 'runAll'] as const)
    it(`drops what comes due meanwhile, as one event at the resume (missed ${missed})`, () => {
      const coordinator = memoryCoordinator();
      const { clock, runner, log } = startCron(({ slot }) => slot, everyTen, { coordinator, missed });
      clock.advance(15);
      coordinator.pause('x', { by: 'ann' });
      expect([runner.paused, runner.nextRuns()]).to.deep.equal([true, []]);
      clock.advance(30);
      coordinator.resume('x', { by: 'bob' });
      expect(runner.paused).to.equal(false);
      clock.advance(10);
      expect(log).to.deep.equal([
        '10: started 10',
        '15: paused by ann',
        '45: resumed by bob',
        '45: missed 20 ×3 paused',
        '50: started 50',
      ]);
    });

  it('holds for all crons of that name, and for those that start later', () => {
    const coordinator = memoryCoordinator();
    const clocks = [virtualClock(), virtualClock(), virtualClock()] as const;
    const start = (clock: (typeof clocks)[number]) => startCron(({ slot }) => slot, 10, { coordinator }, clock);
    const early = clocks.slice(0, 2).map(start);
    coordinator.pause('x');
    coordinator.pause('y');
    const late = start(clocks[2]);
    for (const clock of clocks) clock.advance(25);
    expect(early.map(({ log }) => log)).to.deep.equal([
      ['0: started 0', '0: paused'],
      ['0: skipped 0 refused', '0: paused'],
    ]);
    expect(late.log).to.deep.equal(['0: paused']);
    coordinator.resume('x');
    expect(late.log.slice(1)).to.deep.equal(['25: resumed', '25: missed 0 ×3 paused']);
  });

  it('lets current and waiting runs go on', () => {
    const coordinator = memoryCoordinator();
    const { clock, log } = startCron(takes(15), everyTen, { coordinator, overlap: 'bufferOne' });
    clock.advance(22);
    coordinator.pause('x');
    clock.advance(30);
    coordinator.resume('x');
    expect(log).to.deep.equal([
      '10: started 10',
      '22: paused',
      '25: started 20',
      '52: resumed',
      '52: missed 30 ×3 paused',
    ]);
  });

  it('counts slots that came due while the process was blocked to the side of the pause on which they were due', () => {
    const coordinator = memoryCoordinator();
    const { clock, log } = startCron(({ slot }) => slot, everyTen, { coordinator });
    clock.advanceSilently(10);
    coordinator.pause('x');
    clock.advanceSilently(10);
    coordinator.resume('x');
    expect(log).to.deep.equal(['10: started 10', '10: paused', '20: resumed', '20: missed 20 ×1 paused']);
  });

  for (const first of ['runner', 'coordinator'] as const)
    it(`and the pause of the runner end independently (the ${first}'s begins and ends first)`, () => {
      const coordinator = memoryCoordinator();
      const { clock, runner, log } = startCron(() => 1, everyTen, { coordinator });
      const set = (source: 'runner' | 'coordinator', method: 'pause' | 'resume') =>
        source === 'runner' ? runner[method]({ by: source }) : coordinator[method]('x', { by: source });
      const second = first === 'runner' ? 'coordinator' : 'runner';
      set(first, 'pause');
      set(second, 'pause');
      clock.advance(15);
      set(first, 'resume');
      expect(runner.paused).to.equal(true);
      clock.advance(10);
      set(second, 'resume');
      expect(runner.paused).to.equal(false);
      clock.advance(5);
      expect(log).to.deep.equal([
        `0: paused by ${first}`,
        `25: resumed by ${second}`,
        '25: missed 10 ×2 paused',
        '30: started 30',
      ]);
    });

  it('does not undo the pause of the runner by its resume', () => {
    const coordinator = memoryCoordinator();
    const { runner, log } = startCron(() => 1, everyTen, { coordinator });
    runner.pause();
    coordinator.resume('x');
    coordinator.pause('x');
    coordinator.resume('x');
    expect([runner.paused, log]).to.deep.equal([true, ['0: paused']]);
  });

  it('does not keep `trigger` from running', async () => {
    const coordinator = memoryCoordinator();
    const { runner } = startCron(() => 1, everyTen, { coordinator });
    coordinator.pause('x');
    expect((await runner.trigger()).status).to.equal('completed');
  });

  it('is followed by each run of the runner, and holds for none after it', () => {
    const coordinator = memoryCoordinator();
    const clock = virtualClock();
    const runner = cron(
      task('x', ({ slot }) => slot),
      10,
      { coordinator, stopAt: 35 },
    );
    const log = slotEvents(runner);
    coordinator.pause('x');
    expect(runner.paused).to.equal(false);
    const [ctx, cancel] = withCancel(undefined, { scheduler: clock });
    runner.start(ctx).subscribe();
    expect(runner.paused).to.equal(true);
    clock.advance(15);
    cancel();
    expect(runner.paused).to.equal(false);
    runner.start(withCancel(undefined, { scheduler: clock })[0]).subscribe();
    expect(runner.paused).to.equal(true);
    clock.advance(20);
    expect([runner.status, runner.paused]).to.deep.equal(['done', false]);
    expect(log).to.deep.equal([
      '0: paused',
      '15: missed 0 ×2 paused',
      '15: done cancelled',
      '15: paused',
      '25: missed 15 ×2 paused',
      '25: done completed',
    ]);
  });

  it('is followed again after a restart by a supervisor', () => {
    const coordinator = memoryCoordinator();
    const clock = virtualClock();
    const failing = cron(
      task<number>('x', () => throwError(() => new Error('boom'))),
      everyTen,
      {
        coordinator,
        onError: 'stop',
      },
    );
    const log = slotEvents(failing);
    const supervised = supervise(failing, { backoff: { initial: 5, jitter: 0 } });
    supervised.events$.subscribe();
    supervised.start(withCancel(undefined, { scheduler: clock })[0]).subscribe();
    clock.advance(10);
    coordinator.pause('x');
    clock.advance(100);
    expect(log.filter((line) => /started|paused/.test(line))).to.deep.equal(['10: started 10', '15: paused']);
    coordinator.resume('x');
    clock.advance(10);
    expect(log.at(-2)).to.match(/^120: failed 120/);
  });

  it('is unsubscribed when the schedule ends, is cancelled, or its subscriber unsubscribes', () => {
    const ends: ((started: StartedCron<unknown>) => void)[] = [
      ({ clock }) => clock.advance(100),
      ({ cancel }) => cancel(),
    ];
    for (const end of ends) {
      const pause$ = new BehaviorSubject<PauseState>({ paused: false });
      const started = startCron<unknown>(() => 1, 10, { coordinator: pausedBy(() => pause$), maxRuns: 2 });
      expect(pause$.observed).to.equal(true);
      end(started);
      expect([pause$.observed, started.clock.timers, listenerCount(started.ctx)]).to.deep.equal([false, 0, 0]);
    }
    const pause$ = new Subject<PauseState>();
    const runner = cron(
      task('x', () => NEVER),
      10,
      { coordinator: pausedBy(() => pause$) },
    );
    const [ctx] = withCancel(undefined, { scheduler: virtualClock() });
    runner.start(ctx).subscribe().unsubscribe();
    expect([pause$.observed, listenerCount(ctx)]).to.deep.equal([false, 0]);
  });

  it('may be changed by a slot that is due when it changes, and the last change counts', () => {
    const coordinator = memoryCoordinator();
    const runs: number[] = [];
    const crons = [0, 1].map((n) =>
      startCron<unknown>(({ slot }) => (runs.push(n), coordinator.resume('x'), slot), everyTen, {
        coordinator: { ...coordinator, lease: () => granted$ },
      }),
    );
    for (const { clock } of crons) clock.advanceSilently(10);
    coordinator.pause('x');
    expect(runs).to.include(0);
    expect(crons.map(({ runner }) => runner.paused)).to.deep.equal([false, false]);
    for (const { clock, log } of crons) {
      clock.advance(10);
      expect(log.at(-1)).to.equal('20: started 20');
    }
  });

  it('does not last longer than the run if a slot that is due ends the run', () => {
    const pause$ = new Subject<PauseState>();
    const started: StartedCron<unknown> = startCron<unknown>(() => (started.cancel(), 1), everyTen, {
      coordinator: pausedBy(() => pause$),
    });
    started.clock.advanceSilently(10);
    pause$.next({ paused: true });
    expect([started.runner.status, started.runner.paused]).to.deep.equal(['done', false]);
    expect(started.log).to.deep.equal(['10: started 10', '10: done cancelled']);
  });

  it('is none without a value, and keeps its last value after a completion', () => {
    for (const [pause$, paused] of [
      [EMPTY, false],
      [NEVER, false],
      [of({ paused: true }), true],
      [of({ paused: true }, { paused: false }), false],
    ] as const) {
      const { clock, runner } = startCron(() => 1, everyTen, { coordinator: pausedBy(() => pause$) });
      clock.advance(10);
      expect([runner.paused, runner.history.runs]).to.deep.equal([paused, paused ? 0 : 1]);
    }
  });

  it('is read by a method call with the name of the task', () => {
    class Pausing implements Coordinator {
      readonly asked: string[] = [];
      lease(): Observable<boolean> {
        return granted$;
      }
      watchPause(name: string): Observable<PauseState> {
        this.asked.push(name);
        return of({ paused: true });
      }
    }
    const coordinator = new Pausing();
    const { log } = startCron(() => 1, 10, { coordinator });
    expect([coordinator.asked, log]).to.deep.equal([['x'], ['0: paused']]);
  });

  it('keeps its last value after an error, which is an event', () => {
    const pause$ = new Subject<PauseState>();
    const { clock, runner, log } = startCron(() => 1, everyTen, { coordinator: pausedBy(() => pause$) });
    const failures = failuresOf(runner);
    pause$.next({ paused: true });
    pause$.error(new Error('gone'));
    clock.advance(15);
    expect([runner.paused, log]).to.deep.equal([true, ['0: paused']]);
    expect(failures.map(({ option, error }) => [option, String(error)])).to.deep.equal([
      ['coordinator.watchPause', 'Error: gone'],
    ]);
  });

  for (const [title, watchPause] of [
    ['emits', () => throwError(() => new Error('gone'))],
    [
      'throws',
      (): never => {
        throw new Error('gone');
      },
    ],
  ] as const)
    it(`has an error that \`watchPause\` ${title} on the console if nothing listens, and the cron goes on`, () => {
      const runner = cron(
        task('x', () => 1),
        everyTen,
        { coordinator: pausedBy(watchPause) },
      );
      const clock = virtualClock();
      runner.start(withCancel(undefined, { scheduler: clock })[0]).subscribe();
      clock.advance(10);
      expect(runner.history.runs).to.equal(1);
      expect(written.all().map(String)).to.deep.equal(['Cron x: 1 failure of `coordinator.watchPause`', 'Error: gone']);
    });

  it('ignores values of another shape, each with an event', () => {
    const pause$ = new Subject<PauseState>();
    const { runner } = startCron(() => 1, everyTen, { coordinator: pausedBy(() => pause$) });
    const failures = failuresOf(runner);
    for (const value of [true, null, {}, { paused: 1 }, { paused: true, by: 1 }]) pause$.next(value as never);
    expect([runner.paused, failures.length]).to.deep.equal([false, 5]);
    expect(String(failures[0]?.error)).to.equal(
      'TypeError: Expected `coordinator.watchPause` to be a stream of objects with `paused`, got `true` (boolean)',
    );
    pause$.next({ paused: true });
    expect(runner.paused).to.equal(true);
  });

  it('reports a teardown that throws, and the cron ends', () => {
    const { runner, cancel } = startCron(() => 1, everyTen, {
      coordinator: pausedBy(() => new Observable(() => throwing())),
    });
    const errors: unknown[] = [];
    runner.events$.subscribe((event) => event.type === 'teardown-failed' && errors.push(event.error));
    cancel();
    expect([errors.map(String), runner.status]).to.deep.equal([['Error: boom'], 'done']);
  });

  it('is refused when the cron is made if it is no function', () => {
    const make = () =>
      cron(
        task('x', () => 1),
        everyTen,
        { coordinator: { lease: () => granted$, watchPause: 1 as never } },
      );
    expect(make).to.throw(TypeError, 'Expected `coordinator.watchPause` to be a function, got `1` (number)');
  });
});

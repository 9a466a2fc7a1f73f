import { expect } from 'chai';
import {
  catchError,
  concat,
  EMPTY,
  map,
  NEVER,
  of,
  switchMap,
  take,
  throwError,
  timer,
  VirtualTimeScheduler,
} from 'rxjs';
import sinon from 'sinon';
import { cron, task, TaskError, withCancel, type RunContext } from '../../lib/index.js';
import { virtualClock } from '../../lib/testing/index.js';
import { collect, listenerCount } from '../helpers/collect.js';
import { writtenDuring } from '../helpers/console-spy.js';
import { deferred, events, outcomeOf, settled, throwing } from '../helpers/tasks.js';
import { virtually } from '../helpers/virtual-time.js';

describe('A cron', () => {
  it('runs at the start and then at every period, and emits what the runs yield', () => {
    virtually(({ expectObservable }) => {
      let n = 0;
      const counter = cron(
        task('counter', () => ++n),
        3,
      );
      expectObservable(counter.start(), '^--------!').toBe('a--b--c--', { a: 1, b: 2, c: 3 });
    });
  });

  it('does not run at the start with immediate: false', () => {
    virtually(({ expectObservable }) => {
      expectObservable(
        cron(
          task('x', () => 'v'),
          3,
          { immediate: false },
        ).start(),
        '^-------!',
      ).toBe('---v--v-');
    });
  });

  it('initializes once, executes per slot, finalizes once', () => {
    virtually(({ cold, hot, expectObservable }, scheduler) => {
      const log: string[] = [];
      const [ctx, cancel] = withCancel();
      hot('------------c').subscribe(cancel);
      const runner = cron(
        task('x', {
          initialize: () => (log.push(`initialize ${scheduler.now()}`), cold('--|')),
          execute: () => log.push(`execute ${scheduler.now()}`),
          finalize: () => (log.push(`finalize ${scheduler.now()}`), cold('--|')),
        }),
        4,
      );
      expectObservable(runner.start(ctx).pipe(map(() => 'v'))).toBe('--v---v---v---|');
      expectObservable(runner.ready$).toBe('--(r|)', { r: undefined });
      expectObservable(timer(20).pipe(map(() => log))).toBe('20ms (l|)', {
        l: ['initialize 0', 'execute 2', 'execute 6', 'execute 10', 'finalize 12'],
      });
    });
  });

  it('gives each run its own context, with its slot, which is cancelled when the run has ended', () => {
    virtually((_, scheduler) => {
      const seen: RunContext[] = [];
      const [master, cancel] = withCancel();
      const cancels = new Set<unknown>();
      const subscription = cron(
        task('x', (ctx, cancelApp) => (seen.push(ctx), cancels.add(cancelApp), timer(1))),
        5,
      )
        .start(master, cancel)
        .subscribe();
      scheduler.schedule(() => subscription.unsubscribe(), 11);
      scheduler.flush();
      expect(seen.map(({ slot, task, runId, cancelled }) => [slot, task, runId, cancelled])).to.deep.equal([
        [0, 'x', 1, true],
        [5, 'x', 1, true],
        [10, 'x', 1, true],
      ]);
      expect(new Set(seen).size).to.equal(3);
      expect([...cancels]).to.deep.equal([cancel]);
      expect(listenerCount(master)).to.equal(0);
    });
  });

  it('drops the slots that come due during a run, each with an event', () => {
    virtually(({ expectObservable }) => {
      const runner = cron(
        task('x', () => timer(7).pipe(map(() => 'v'))),
        3,
      );
      expectObservable(runner.start(), '^----------------!').toBe('-------v--------v-');
      const runnerEvents = events(runner);
      expectObservable(
        timer(17).pipe(
          map(() =>
            runnerEvents
              .filter(({ type }) => type === 'skipped' || type === 'slot-started')
              .map((event) => [event.type, event.at, 'slot' in event && event.slot]),
          ),
        ),
      ).toBe('17ms (e|)', {
        e: [
          ['slot-started', 0, 0],
          ['skipped', 3, 3],
          ['skipped', 6, 6],
          ['slot-started', 9, 9],
          ['skipped', 12, 12],
          ['skipped', 15, 15],
        ],
      });
    });
  });

  it('emits an event for a failed run, and the schedule goes on', () => {
    virtually(({ expectObservable }) => {
      let n = 0;
      const runner = cron(
        task('x', () =>
          ++n % 2
            ? concat(
                of('v'),
                throwError(() => new Error(`boom ${n}`)),
              )
            : of('w'),
        ),
        2,
      );
      const runnerEvents = events(runner);
      expectObservable(runner.start(), '^----!').toBe('v-w-v-');
      expectObservable(
        timer(6).pipe(
          map(() =>
            runnerEvents.flatMap((event) =>
              event.type === 'slot-failed' ? [[event.slot, event.error.message, event.error.phase]] : [],
            ),
          ),
        ),
      ).toBe('6ms (e|)', {
        e: [
          [0, 'x failed in execute: boom 1', 'execute'],
          [4, 'x failed in execute: boom 3', 'execute'],
        ],
      });
    });
  });

  it('writes the error of a failed run with console.error if nothing listens to events', async () => {
    const failing = cron(task('x', throwing()), 1000);
    const written = await writtenDuring(() => failing.start().subscribe().unsubscribe());
    expect(written.map(String)).to.deep.equal(['TaskError: x failed in execute: boom']);
  });

  it("ends with the run’s error for onError: 'stop'", () => {
    virtually((_, scheduler) => {
      const log: string[] = [];
      const boom = new Error('boom');
      const runner = cron(
        task('x', {
          execute: () => timer(1).pipe(map(throwing(boom))),
          finalize: () => log.push('finalize'),
        }),
        5,
        { onError: 'stop' },
      );
      const emitted = collect(runner.start());
      const runnerEvents = events(runner);
      scheduler.flush();
      const error = outcomeOf(runner)?.error;
      expect(emitted).to.deep.equal([error]);
      expect(error).to.be.instanceOf(TaskError).and.include({ phase: 'execute', cause: boom });
      expect(log).to.deep.equal(['finalize']);
      expect(runnerEvents.map(({ type }) => type)).to.deep.equal(['slot-failed', 'failed', 'finalizing', 'done']);
    });
  });

  it('ends its schedule at the cancel, and itself after the current run', async () => {
    const work = deferred<string>();
    const log: string[] = [];
    const clock = virtualClock();
    const [ctx, cancel] = withCancel(undefined, { scheduler: clock });
    const contexts: RunContext[] = [];
    const runner = cron(
      task('x', { execute: (run) => (contexts.push(run), work.promise), finalize: () => log.push('finalize') }),
      1,
    );
    const emitted = collect(runner.start(ctx));
    cancel('cause');
    expect(contexts.map(({ cause }) => cause)).to.deep.equal(['cause']);
    clock.advance(5);
    expect([log, emitted, runner.status]).to.deep.equal([[], [], 'running']);
    work.resolve('in time');
    await settled();
    expect([log, emitted, contexts.length]).to.deep.equal([['finalize'], ['in time', 'complete'], 1]);
    expect(outcomeOf(runner)?.status).to.equal('cancelled');
  });

  it('interrupts the current run after the task’s grace', () => {
    virtually(({ hot, cold, expectObservable, expectSubscriptions }) => {
      const [ctx, cancel] = withCancel();
      hot('                      -----c').subscribe(cancel);
      const atOnce = cold('      -a-b-c-d');
      const patient = cold('     -a-b-c-d-e');
      expectObservable(
        cron(
          task('x', () => atOnce),
          100,
        ).start(ctx),
      ).toBe('-a-b-|');
      expectObservable(cron(task('y', { execute: () => patient, grace: 3 }), 100).start(ctx)).toBe('-a-b-c-d|');
      expectSubscriptions(atOnce.subscriptions).toBe('^----!');
      expectSubscriptions(patient.subscriptions).toBe('^-------!');
    });
  });

  it('is cancelled by unsubscribing, together with the current run and the timer', () => {
    const clock = sinon.useFakeTimers();
    try {
      let ctx: RunContext | undefined;
      const runner = cron(
        task('x', (run) => ((ctx = run), NEVER)),
        10,
      );
      runner.start().subscribe().unsubscribe();
      expect([ctx?.cancelled, clock.countTimers(), runner.status]).to.deep.equal([true, 0, 'done']);
    } finally {
      clock.restore();
    }
  });

  it('reports a dropped result with its slot', async () => {
    const work = deferred<void>();
    const [ctx, cancel] = withCancel();
    const runner = cron(task('x', { execute: () => work.promise, grace: 0 }), 1000);
    const runnerEvents = events(runner);
    runner.start(ctx).subscribe();
    const slot = (runnerEvents.find(({ type }) => type === 'slot-started') as { slot: number }).slot;
    cancel();
    work.resolve();
    await settled();
    expect(runnerEvents.at(-1)).to.include({ type: 'result-dropped', phase: 'execute', slot });
  });

  it('reports missed slots, and runs the latest unless it is too late', () => {
    const clock = sinon.useFakeTimers(1_000_000);
    try {
      const runs: (number | undefined)[] = [];
      const runner = cron(
        task('x', ({ slot }) => runs.push(slot)),
        2000,
      );
      const runnerEvents = events(runner);
      const subscription = runner.start().subscribe();
      // The process is suspended: the clock advances, and the timer fires when the process resumes.
      const sleep = (ms: number) => {
        clock.setSystemTime(Date.now() + ms - 2000);
        clock.tick(2000);
      };
      sleep(6500);
      sleep(5200);
      subscription.unsubscribe();
      expect(runs).to.deep.equal([1_000_000, 1_006_000]);
      expect(
        runnerEvents
          .filter(({ type }) => type === 'missed')
          .map((event) => event.type === 'missed' && [event.slot, event.count]),
      ).to.deep.equal([
        [1_002_000, 2],
        [1_008_000, 2],
      ]);
    } finally {
      clock.restore();
    }
  });

  it('wraps what its other hooks throw, even a TaskError', () => {
    const inner = new TaskError('inner', 'execute', new Error('boom'));
    const runner = cron(
      task('outer', {
        initialize: () => {
          throw inner;
        },
        execute: () => 1,
      }),
      1000,
    );
    runner.start().subscribe({ error: () => undefined });
    expect(outcomeOf(runner)?.error).to.include({ task: 'outer', phase: 'initialize', cause: inner });
  });

  it('has the name of its task, and no hook that the task does not have', () => {
    class Poller {
      execute(): void {
        // Only the name of the class matters here.
      }
    }
    expect(String(cron(new Poller(), 1))).to.equal('Poller');
    const runner = cron({ execute: () => EMPTY, toString: () => 'bare' }, 1000);
    const runnerEvents = events(runner);
    runner.start().subscribe().unsubscribe();
    expect(runnerEvents.map(({ type }) => type)).to.deep.equal(['ready', 'slot-started', 'cancelling', 'done']);
  });

  it('refuses a period of 0, −1, NaN or Infinity, and a string that is not an expression, when it is created', () => {
    const work = task('x', () => 1);
    for (const period of [0, -1, NaN, Infinity])
      expect(() => cron(work, period)).to.throw(RangeError, 'Expected `schedule`');
    expect(() => cron(work, '10')).to.throw(RangeError, "got `'10'` (string)");
    expect(() => cron(work, true as never)).to.throw(TypeError, 'got `true` (boolean)');
  });

  it('refuses an invalid task and invalid options', () => {
    expect(() => cron({} as never, 1)).to.throw(TypeError, 'Expected `task`');
    expect(() =>
      cron(
        task('x', () => 1),
        1,
        { immediate: 1 as never },
      ),
    ).to.throw(TypeError, 'Expected `immediate` to be a boolean');
    expect(() =>
      cron(
        task('x', () => 1),
        1,
        { onError: 'retry' as never },
      ),
    ).to.throw(RangeError, "Expected `onError` to be 'continue' or 'stop', got `'retry'` (string)");
    expect(() =>
      cron(
        task('x', () => 1),
        1,
        { every: 1 } as never,
      ),
    ).to.throw(TypeError, 'got `every`');
  });

  it('runs a slot that is late by exactly 1 s', () => {
    const clock = sinon.useFakeTimers(1_000_000);
    try {
      const runs: (number | undefined)[] = [];
      const subscription = cron(
        task('x', ({ slot }) => runs.push(slot)),
        5000,
      )
        .start()
        .subscribe();
      // The timer fires late.
      const late = (ms: number) => {
        clock.setSystemTime(Date.now() + ms);
        clock.tick(5000);
      };
      late(1000);
      subscription.unsubscribe();
      expect(runs).to.deep.equal([1_000_000, 1_005_000]);
    } finally {
      clock.restore();
    }
  });

  it('gives each run the name of the task and the number of the cron’s run', () => {
    virtually((_, scheduler) => {
      const seen: unknown[] = [];
      const runner = cron(
        task('heart', ({ task: name, runId, slot }) => seen.push([name, runId, slot])),
        5,
      );
      runner.start().pipe(take(2)).subscribe();
      scheduler.schedule(() => runner.start().pipe(take(1)).subscribe(), 7);
      scheduler.flush();
      expect(seen).to.deep.equal([
        ['heart', 1, 0],
        ['heart', 1, 5],
        ['heart', 2, 7],
      ]);
    });
  });

  it('calls the hooks of an object as its methods, initialize with the context of the whole cron', () => {
    class Poller {
      readonly log: unknown[] = [];
      initialize(ctx: RunContext): void {
        this.log.push(['initialize', ctx.task, ctx.slot]);
      }
      execute(ctx: RunContext): void {
        this.log.push(['execute', ctx.cancelled]);
      }
      finalize(): void {
        this.log.push('finalize');
      }
    }
    const poller = new Poller();
    const [ctx, cancel] = withCancel();
    cron(poller, 1000).start(ctx).subscribe();
    cancel();
    expect(poller.log).to.deep.equal([['initialize', 'Poller', undefined], ['execute', false], 'finalize']);
  });

  it('gives initialize the task’s grace', () => {
    virtually(({ cold, hot, expectObservable, expectSubscriptions }) => {
      const [ctx, cancel] = withCancel();
      hot('            --c').subscribe(cancel);
      const opening = cold('-----|');
      expectObservable(
        cron(task('x', { initialize: () => opening, execute: () => expect.fail('It runs'), grace: 2 }), 1).start(ctx),
      ).toBe('----|');
      expectSubscriptions(opening.subscriptions).toBe('^---!');
    });
  });

  it('uses the scheduler of its context', () => {
    const scheduler = new VirtualTimeScheduler();
    const [ctx] = withCancel(undefined, { scheduler });
    const slots: unknown[] = [];
    cron(
      task('x', ({ slot }) => slot),
      1000,
    )
      .start(ctx)
      .pipe(take(3))
      .subscribe((slot) => slots.push(slot));
    scheduler.flush();
    expect(slots).to.deep.equal([0, 1000, 2000]);
  });

  it('runs the slots that are due before it fails because of its Schedule', () => {
    virtually(({ expectObservable }) => {
      const runner = cron(
        task('once', ({ slot }) => slot),
        { next: () => 3 },
      );
      expectObservable(runner.start().pipe(catchError((error: unknown) => of((error as Error).message)))).toBe(
        '---(ab|)',
        {
          a: 3,
          b: 'once failed in execute: Expected `schedule.next(3)` to be undefined or a time after 3, got `3` (number)',
        },
      );
    });
  });

  it('counts from the new start when it is started again, and catches up with nothing', () => {
    virtually(({ expectObservable }, scheduler) => {
      const clock = cron(
        task('x', ({ slot }) => slot),
        3,
        { missed: 'runAll' },
      );
      const again$ = timer(11).pipe(switchMap(() => clock.start()));
      expectObservable(clock.start(), '^---!').toBe('a--b', { a: 0, b: 3 });
      expectObservable(again$, '^---------------!').toBe('-----------a--b-', { a: 11, b: 14 });
      scheduler.flush();
    });
  });
});

import { expect } from 'chai';
import { map, NEVER, Subject, throwError, timer } from 'rxjs';
import {
  critical,
  ordered,
  parallel,
  RestartLimitError,
  snapshot,
  supervise,
  task,
  TaskError,
  taskRunner,
  withCancel,
  type Outcome,
  type SimpleTask,
  type TaskRunner,
} from '../../lib/index.js';
import { virtualClock, type VirtualClock } from '../../lib/testing/index.js';
import { collect } from '../helpers/collect.js';
import { events, failAfter, outcomeOf, throwing } from '../helpers/tasks.js';
import { virtually } from '../helpers/virtual-time.js';
import { spyOnConsoleError } from '../helpers/console-spy.js';
import { exactBackoff, startRunner, taskOf } from './helpers.js';

describe('A supervised task', () => {
  const written = spyOnConsoleError();

  it('is initializing until its runner, which may be of any kind, says otherwise', () => {
    const runner: TaskRunner = {
      status: 'idle',
      start: () => NEVER,
      done$: NEVER,
      ready$: NEVER,
      results$: NEVER,
      events$: NEVER,
      toString: () => 'silent',
    };
    const { runner: supervised, cancel } = startRunner(() => supervise(runner));
    expect(supervised.status).to.equal('initializing');
    cancel();
  });

  it('emits `ready$` again after a restart, and not before', () => {
    virtually(({ expectObservable }, scheduler) => {
      let n = 0;
      const runner = supervise(
        task('x', {
          initialize: () => timer(2),
          execute: () => (++n < 3 ? failAfter(3) : NEVER),
          finalize: () => timer(1),
        }),
        { backoff: exactBackoff },
      );
      // Ready from 2 to 5, from 10 to 13, and from 21.
      expectObservable(runner.ready$).toBe('--(r|)', { r: undefined });
      expectObservable(runner.ready$, '---^').toBe('---(r|)', { r: undefined });
      for (const from of [6, 7, 9])
        expectObservable(runner.ready$, `${'-'.repeat(from)}^`).toBe('----------(r|)', { r: undefined });
      for (const from of [14, 18, 20])
        expectObservable(runner.ready$, `${'-'.repeat(from)}^`).toBe('---------------------(r|)', { r: undefined });
      scheduler.schedule(() => runner.start().subscribe(), 0);
    });
  });

  it('emits `ready$` again after a restart through another wrapper', () => {
    for (const around of [critical, supervise] as const) {
      const { clock, runner, cancel } = startRunner((scheduler) =>
        around(supervise(taskOf(failAfter(2, scheduler)), { backoff: exactBackoff })),
      );
      clock.advance(3);
      const emitted = collect(runner.ready$);
      expect([emitted, runner.status], around.name).to.deep.equal([[], 'initializing']);
      clock.advance(2);
      expect([emitted, runner.status], around.name).to.deep.equal([[undefined, 'complete'], 'running']);
      cancel();
    }
  });

  it('does not emit `ready$` for a group that failed as soon as it was ready', () => {
    const { clock, runner, cancel } = startRunner((scheduler) => {
      const work = new Subject();
      const group = parallel('g', task('x', { initialize: () => timer(1, scheduler), execute: () => work }));
      group.events$.subscribe(({ task: name, type }) => {
        if (name === 'g' && type === 'ready') work.error(new Error('boom'));
      });
      return supervise(group, { backoff: exactBackoff });
    });
    clock.advance(2);
    expect([collect(runner.ready$), runner.status]).to.deep.equal([[], 'initializing']);
    cancel();
  });

  it('completes `ready$` without a value when it never was ready, or is not ready again', () => {
    virtually(({ expectObservable, hot }) => {
      const [ctx, cancel] = withCancel();
      const never = supervise(task('x', { initialize: () => failAfter(2), execute: () => 1 }), {
        backoff: exactBackoff,
        maxRestarts: 1,
      });
      expectObservable(never.ready$).toBe('-------|');
      expectObservable(never.start()).toBe(
        '-------#',
        undefined,
        new RestartLimitError('x', 1, 60_000, new TaskError('x', 'initialize', new Error('boom'))),
      );
      const runner = supervise(taskOf(failAfter(2)), { backoff: { initial: 10, jitter: 0 } });
      hot('------c').subscribe(cancel);
      expectObservable(runner.ready$, '---^').toBe('------|');
      expectObservable(runner.start(ctx)).toBe('------|');
    });
  });

  describe('emits the same on `ready$` for a run that ends immediately as the task alone', () => {
    const works: Record<string, SimpleTask> = {
      'ends well': task('x', () => 1),
      'has a finalize that takes time': task('x', { execute: () => 1, finalize: () => NEVER }),
      'fails in initialize': task('x', { initialize: throwing(), execute: () => 1 }),
    };
    const readyOf = (runner: TaskRunner) => {
      const early = collect(runner.ready$);
      runner.start().subscribe({ error: () => undefined });
      return [early, collect(runner.ready$)];
    };
    for (const [title, work] of Object.entries(works)) {
      it(`${title}: supervise`, () => {
        expect(readyOf(supervise(work, { maxRestarts: 0 }))).to.deep.equal(readyOf(taskRunner(work)));
      });

      it(`${title}: critical`, () => {
        expect(readyOf(critical(work))).to.deep.equal(readyOf(taskRunner(work)));
      });
    }
  });

  it('has the status of its task, and is initializing while it waits', () => {
    virtually((_, scheduler) => {
      let n = 0;
      const runner = supervise(
        task('x', {
          initialize: () => timer(2),
          execute: () => (++n < 2 ? failAfter(2) : timer(2)),
          finalize: () => timer(2),
        }),
        { backoff: exactBackoff },
      );
      const seen: string[] = [];
      for (const frame of [0, 1, 3, 5, 6.5, 8, 10, 12, 14]) scheduler.schedule(() => seen.push(runner.status), frame);
      scheduler.schedule(() => runner.start().subscribe(), 0);
      scheduler.flush();
      expect(seen).to.deep.equal([
        'idle',
        'initializing',
        'running',
        'finalizing',
        'initializing',
        'initializing',
        'running',
        'finalizing',
        'done',
      ]);
    });
  });

  it('has one outcome, from the first start to the last end', () => {
    const { clock, runner } = startRunner((scheduler) => {
      let n = 0;
      return supervise(
        task('x', () => (++n < 3 ? failAfter(2, scheduler) : timer(2, scheduler))),
        { backoff: exactBackoff },
      );
    });
    const outcomes: unknown[] = collect(runner.done$);
    clock.advance(7);
    expect(outcomes).to.deep.equal([]);
    clock.advance(100);
    const outcome = { task: 'x', runner, status: 'completed', startedAt: 0, endedAt: 15 };
    expect(outcomes).to.deep.equal([outcome, 'complete']);
    expect((outcomes[0] as Outcome).runner).to.equal(runner);
    const failed = startRunner((scheduler) =>
      supervise(
        task('x', () => failAfter(2, scheduler)),
        { maxRestarts: 0 },
      ),
    );
    failed.clock.advance(100);
    const { error, ...rest } = outcomeOf(failed.runner) ?? {};
    expect(rest).to.deep.equal({ task: 'x', runner: failed.runner, status: 'failed', startedAt: 0, endedAt: 2 });
    expect(error).to.be.instanceOf(RestartLimitError);
  });

  it('has a snapshot with its last error and the restarts since its start', () => {
    const failures = ['one', 'two', undefined, 'three'];
    const { clock, runner, ctx, cancel } = startRunner((scheduler) =>
      supervise(
        task('x', () =>
          timer(1, scheduler).pipe(
            map(() => {
              const failure = failures.shift();
              if (failure !== undefined) throw new Error(failure);
            }),
          ),
        ),
        { backoff: exactBackoff },
      ),
    );
    const seen = () => {
      const { name, status, restarts, lastError } = snapshot(runner);
      return [name, status, restarts, (lastError?.cause as Error | undefined)?.message];
    };
    expect(seen()).to.deep.equal(['x', 'running', 0, undefined]);
    clock.advance(1);
    expect(seen()).to.deep.equal(['x', 'initializing', 1, 'one']);
    clock.advance(3);
    expect(seen()).to.deep.equal(['x', 'running', 1, 'one']);
    clock.advance(100);
    expect(seen()).to.deep.equal(['x', 'done', 2, 'two']);
    runner.start(ctx).subscribe();
    expect(seen()).to.deep.equal(['x', 'running', 0, 'two']);
    clock.advance(2);
    expect(seen()).to.deep.equal(['x', 'initializing', 1, 'three']);
    cancel();
  });

  it('emits the values of all runs on `start()` and `results$`', () => {
    virtually(({ cold, expectObservable }) => {
      const runner = supervise(taskOf(cold('a-b#'), cold('(cd#)'), cold('e-|')), { backoff: exactBackoff });
      expectObservable(runner.results$).toBe('a-b---(cd)--e');
      expectObservable(runner.start()).toBe('  a-b---(cd)--e-|');
    });
  });

  it('emits each event once', () => {
    const { clock, runner, cancel } = startRunner((scheduler) => {
      let n = 0;
      return supervise(
        task('x', {
          initialize: () => 1,
          execute: () => (++n === 1 ? failAfter(2, scheduler) : NEVER),
          finalize: () => 1,
        }),
        { backoff: exactBackoff },
      );
    });
    const emitted = events(runner);
    clock.advance(10);
    cancel('enough');
    expect(emitted.map(({ type, task: name, at }) => `${at} ${name} ${type}`)).to.deep.equal([
      '2 x failed',
      '2 x finalizing',
      '2 x restarting',
      '5 x initializing',
      '5 x ready',
      '10 x cancelling',
      '10 x finalizing',
      '10 x done',
    ]);
    const [, , restarting, , , cancelling, , done] = emitted;
    expect((restarting as { error?: TaskError }).error).to.be.instanceOf(TaskError);
    expect(restarting).to.include({ restart: 1, delay: 3 });
    expect(cancelling).to.include({ cause: 'enough' });
    expect((done as { outcome?: Outcome }).outcome).to.equal(outcomeOf(runner));
  });

  it('writes the error of each restart once with console.error when nobody listens to its events', () => {
    const errors = (make: (scheduler: VirtualClock) => TaskRunner, listen?: (runner: TaskRunner) => void) => {
      const clock = virtualClock();
      const [ctx, cancel] = withCancel(undefined, { scheduler: clock });
      const runner = make(clock);
      listen?.(runner);
      return written
        .during(() => {
          runner.start(ctx).subscribe({ error: () => undefined });
          clock.advance(10);
          cancel();
        })
        .map(String);
    };
    const twice = () =>
      taskOf(
        throwError(() => new Error('one')),
        throwError(() => new Error('two')),
      );
    const both = ['TaskError: x failed in execute: one', 'TaskError: x failed in execute: two'];
    expect(errors(() => supervise(twice(), { backoff: exactBackoff }))).to.deep.equal(both);
    expect(errors(() => supervise(supervise(twice(), { backoff: exactBackoff })))).to.deep.equal(both);
    expect(errors(() => critical(supervise(twice(), { backoff: exactBackoff })))).to.deep.equal(both);
    expect(errors(() => supervise(twice(), { backoff: exactBackoff }), events)).to.deep.equal([]);
    expect(errors(() => supervise(supervise(twice(), { backoff: exactBackoff })), events)).to.deep.equal([]);
    expect(
      errors(() => parallel('g', supervise(twice(), { backoff: exactBackoff }))).map((text) => text.slice(-3)),
    ).to.deep.equal(['one', 'two']);
    // A listener of the inner runner has received it.
    const inner = supervise(twice(), { backoff: exactBackoff });
    expect(
      errors(
        () => supervise(inner),
        () => events(inner),
      ),
    ).to.deep.equal([]);
    // The subscriber receives the last error.
    expect(errors(() => supervise(twice(), { maxRestarts: 0 }))).to.deep.equal([]);
    // A clean end has no error.
    expect(
      errors(() =>
        supervise(
          task('x', () => 1),
          { restart: 'always', maxRestarts: 2 },
        ),
      ),
    ).to.deep.equal([]);
  });

  it('writes an error once after its subscriber has left', () => {
    const clock = virtualClock();
    const [ctx] = withCancel(undefined, { scheduler: clock });
    const runner = supervise(task('x', { execute: () => NEVER, finalize: () => failAfter(1, clock) }));
    const emitted = written.during(() => {
      runner.start(ctx).subscribe().unsubscribe();
      clock.advance(10);
    });
    expect(emitted.map(String)).to.deep.equal(['TaskError: x failed in finalize: boom']);
  });

  it("has its path in a group, and the time of the group's stop", () => {
    for (const group of [parallel, ordered]) {
      const { clock, cancel, log, runner } = startRunner((scheduler) => {
        let n = 0;
        return group(
          'app',
          supervise(
            task('x', {
              execute: () => (++n === 1 ? failAfter(2, scheduler) : NEVER),
              finalize: () => timer(1, scheduler),
            }),
            { backoff: exactBackoff },
          ),
        );
      });
      clock.advance(100);
      cancel();
      clock.advance(100);
      expect(log).to.include.members([
        '3: app/x restarting 1 in 3 (app/x failed in execute: boom)',
        '5: app/x ready',
        '101: app/x done cancelled',
        '101: app done cancelled',
      ]);
      expect(log.filter((line) => line.includes('app/x done'))).to.have.length(1);
      const { members } = outcomeOf(runner) ?? {};
      const { task: name, status, startedAt, stoppingAt, endedAt } = members?.[0] ?? {};
      expect({ name, status, startedAt, stoppingAt, endedAt }).to.deep.equal({
        name: 'app/x',
        status: 'cancelled',
        startedAt: 0,
        stoppingAt: 100,
        endedAt: 101,
      });
    }
  });

  it('lets an ordered group continue when it is ready, and makes it not ready during a restart', () => {
    const { clock, runner, cancel, log } = startRunner((scheduler) => {
      let n = 0;
      const x = task('x', {
        initialize: () => (++n === 1 ? failAfter(2, scheduler) : timer(2, scheduler)),
        execute: () => (n === 2 ? failAfter(10, scheduler) : NEVER),
      });
      return ordered(
        'app',
        supervise(x, { backoff: exactBackoff }),
        task('b', () => NEVER),
      );
    });
    const isReady = () => {
      let ready = false;
      runner.ready$.subscribe({ next: () => (ready = true) }).unsubscribe();
      return ready;
    };
    const seen = [6, 8, 18, 30].map((at) => {
      clock.advance(at - clock.now());
      return isReady();
    });
    expect(seen).to.deep.equal([false, true, false, true]);
    expect(log.filter((line) => line.endsWith('b ready'))).to.deep.equal(['7: app/b ready']);
    cancel();
  });
});

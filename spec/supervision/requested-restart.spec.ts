import { expect } from 'chai';
import { AsyncLocalStorage } from 'node:async_hooks';
import { EMPTY, NEVER, Subject, timer } from 'rxjs';
import { launch, NotRunningError, ordered, supervise, task, withCancel, type Outcome } from '../../lib/index.js';
import { virtualClock } from '../../lib/testing/index.js';
import { collect } from '../helpers/collect.js';
import { spyOnConsoleError } from '../helpers/console-spy.js';
import { expectNothingLeft } from '../helpers/expect-nothing-left.js';
import { rejectionOf } from '../helpers/rejection.js';
import { deferred, events, failAfter, outcomeOf, settled, throwing } from '../helpers/tasks.js';
import { exactBackoff, startRunner } from './helpers.js';

describe('A requested restart of a supervised task', () => {
  spyOnConsoleError();

  it('starts the next run in the async context of the code that started the task', () => {
    const store = new AsyncLocalStorage<string>();
    const stores: unknown[] = [];
    const initialize = () => {
      stores.push(store.getStore());
      // Does not get to the next run.
      store.enterWith('entered');
    };
    const { clock, runner } = store.run('starter', () =>
      startRunner((scheduler) => {
        let runs = 0;
        const execute = () => (++runs === 1 ? failAfter(1, scheduler) : NEVER);
        return supervise(task('x', { initialize, execute }), { backoff: { initial: 1000, jitter: 0 } });
      }),
    );
    clock.advance(2);
    for (const caller of ['during the delay', 'during the run'])
      store.run(caller, () => {
        void runner.restart();
        clock.advance(0);
      });
    expect(stores).to.deep.equal(['starter', 'starter', 'starter']);
  });

  it('ends the current run, starts the next, and resolves with the outcome of the former', async () => {
    const causes: unknown[] = [];
    const { clock, runner, log, ctx, cancel, emitted } = startRunner((scheduler) =>
      supervise(
        task('x', {
          initialize: (run) => {
            run.cancelled$.subscribe((cause) => causes.push(String(cause)));
          },
          execute: () => NEVER,
          finalize: () => timer(4, scheduler),
        }),
      ),
    );
    clock.advance(2);
    const restarted = runner.restart();
    clock.advance(4);
    const outcome = await restarted;
    expect([outcome.task, outcome.status, outcome.startedAt, outcome.endedAt]).to.deep.equal(['x', 'cancelled', 0, 6]);
    expect(log).to.deep.equal([
      '0: x initializing',
      '0: x ready',
      '2: x restart-requested',
      '2: x cancelling',
      '2: x finalizing',
      '6: x restarting 1 in 0',
      '6: x initializing',
      '6: x ready',
    ]);
    expect(causes).to.deep.equal(['CancelledError: Restarted']);
    expect([emitted, outcomeOf(runner), runner.status, ctx.cancelled]).to.deep.equal([[], undefined, 'running', false]);
    cancel();
    clock.advance(4);
    expectNothingLeft(ctx, clock);
  });

  it('does not count towards maxRestarts, and leaves the backoff as it is', async () => {
    const { clock, runner, log } = startRunner((scheduler) => {
      let runs = 0;
      return supervise(
        task('x', () => (++runs > 10 ? failAfter(1, scheduler) : NEVER)),
        { backoff: exactBackoff, maxRestarts: 1 },
      );
    });
    for (let n = 0; n < 10; n++) {
      const restarted = runner.restart();
      clock.advance(0);
      await restarted;
    }
    clock.advance(100);
    expect(log.filter((line) => /restarting|done/.test(line)).slice(-3)).to.deep.equal([
      '0: x restarting 10 in 0',
      '1: x restarting 11 in 3 (x failed in execute: boom)',
      '5: x done failed',
    ]);
  });

  it('does not count a failure of the run that it ends', async () => {
    const fails = { execute: throwing(), finalize: throwing() };
    for (const phase of ['execute', 'finalize'] as const) {
      const { clock, runner, log } = startRunner(() =>
        supervise(
          task('x', {
            execute: async ({ cancelled$ }) => {
              await new Promise((resolve) => cancelled$.subscribe(resolve));
              if (phase === 'execute') fails.execute();
            },
            finalize: () => (phase === 'finalize' ? fails.finalize() : undefined),
          }),
          { maxRestarts: 0 },
        ),
      );
      const restarted = runner.restart();
      await settled();
      clock.advance(1);
      const outcome = await restarted;
      expect([outcome.status, outcome.error?.phase]).to.deep.equal(['failed', phase]);
      expect(log.slice(-3)).to.deep.equal([
        `0: x restarting 1 in 0 (x failed in ${phase}: boom)`,
        '0: x initializing',
        '0: x ready',
      ]);
    }
  });

  it('ends the delay before a restart, and resolves with the outcome of the run that has failed', async () => {
    const { clock, runner, log, ctx, cancel } = startRunner((scheduler) => {
      let runs = 0;
      return supervise(
        task('x', () => (++runs === 1 ? failAfter(2, scheduler) : NEVER)),
        { backoff: { initial: 1000, jitter: 0 } },
      );
    });
    clock.advance(5);
    const [first, second] = await Promise.all([runner.restart(), runner.restart()]);
    clock.advance(0);
    expect([first.status, String(first.error), second]).to.deep.equal([
      'failed',
      'TaskError: x failed in execute: boom',
      first,
    ]);
    expect(log.slice(2)).to.deep.equal([
      '2: x restarting 1 in 1000 (x failed in execute: boom)',
      '5: x restart-requested',
      '5: x restart-requested',
      '5: x ready',
    ]);
    clock.advance(10_000);
    expect(log).to.have.length(6);
    cancel();
    expectNothingLeft(ctx, clock);
  });

  it('during finalize after a failure starts the next run when that has ended', async () => {
    const { clock, runner, log } = startRunner((scheduler) => {
      let runs = 0;
      return supervise(
        task('x', {
          execute: () => (++runs === 1 ? failAfter(2, scheduler) : NEVER),
          finalize: () => timer(4, scheduler),
        }),
        { backoff: { initial: 1000, jitter: 0 } },
      );
    });
    clock.advance(3);
    const restarted = runner.restart();
    clock.advance(3);
    expect((await restarted).status).to.equal('failed');
    expect(log.slice(-3)).to.deep.equal([
      '6: x restarting 1 in 0 (x failed in execute: boom)',
      '6: x initializing',
      '6: x ready',
    ]);
  });

  it('during finalize after a clean end starts the next run, which the options alone would not', async () => {
    for (const options of [{}, { restart: 'always', maxRestarts: 0 }] as const) {
      const { clock, runner, log } = startRunner((scheduler) => {
        let runs = 0;
        return supervise(
          task('x', {
            execute: () => (++runs === 1 ? timer(2, scheduler) : NEVER),
            finalize: () => timer(4, scheduler),
          }),
          options,
        );
      });
      clock.advance(3);
      const restarted = runner.restart();
      clock.advance(3);
      expect((await restarted).status).to.equal('completed');
      expect(log.slice(-3)).to.deep.equal(['6: x restarting 1 in 0', '6: x initializing', '6: x ready']);
    }
  });

  it('is made once for several calls', async () => {
    const { clock, runner, log } = startRunner((scheduler) =>
      supervise(task('x', { execute: () => NEVER, finalize: () => timer(4, scheduler) })),
    );
    const calls = [runner.restart(), runner.restart()];
    clock.advance(2);
    calls.push(runner.restart());
    clock.advance(2);
    const outcomes = await Promise.all(calls);
    expect(new Set(outcomes).size).to.equal(1);
    expect(log.filter((line) => line.includes('restarting'))).to.deep.equal(['4: x restarting 1 in 0']);
  });

  it('rejects with a NotRunningError before the start, after the end, and while the task stops', async () => {
    const expectRefused = async (restarted: Promise<Outcome>, name = 'x') => {
      const error = await rejectionOf(restarted);
      expect(error).to.be.instanceOf(NotRunningError);
      expect([String(error), (error as NotRunningError).task]).to.deep.equal([
        `NotRunningError: ${name} is not running`,
        name,
      ]);
    };
    await expectRefused(supervise(task('x', () => 1)).restart());
    const stopping = startRunner((scheduler) =>
      supervise(task('x', { execute: () => NEVER, finalize: () => timer(4, scheduler) })),
    );
    stopping.cancel();
    await expectRefused(stopping.runner.restart());
    stopping.clock.advance(4);
    expect(stopping.runner.status).to.equal('done');
    await expectRefused(stopping.runner.restart());
    const ended = startRunner(() => supervise(task('x', () => 1)));
    await expectRefused(ended.runner.restart());
    const [cancelled, cancel] = withCancel();
    cancel();
    ended.runner.start(cancelled).subscribe();
    await expectRefused(ended.runner.restart());
    const late = startRunner((scheduler) =>
      supervise(task('x', { execute: () => failAfter(1, scheduler), finalize: () => NEVER }), { maxRestarts: 0 }),
    );
    late.clock.advance(2);
    await expectRefused(late.runner.restart());
    const hanging = startRunner((scheduler) =>
      supervise(task('x', { execute: () => failAfter(1, scheduler), finalize: () => NEVER }), { finalizeTimeout: 1 }),
    );
    hanging.clock.advance(2);
    await expectRefused(hanging.runner.restart());
  });

  it('is an event that says who asked for it, unless it is refused', async () => {
    const { clock, runner, ctx, cancel } = startRunner(() => supervise(task('x', () => NEVER)));
    const requests: unknown[] = [];
    runner.events$.subscribe((event) => event.type === 'restart-requested' && requests.push(event.by));
    const restarted = [runner.restart({ by: 'ann' }), runner.restart()];
    await Promise.all(restarted);
    expect(requests).to.deep.equal(['ann', undefined]);
    expect(String(await rejectionOf(runner.restart({ by: 7 } as never)))).to.match(/^TypeError: Expected `by`/);
    clock.advance(0);
    cancel();
    await rejectionOf(runner.restart({ by: 'ann' }));
    expect(requests).to.have.length(2);
    expectNothingLeft(ctx, clock);
  });

  it('is refused if a listener of its event stops the task', async () => {
    const { clock, runner, ctx, cancel, log } = startRunner(() => supervise(task('x', () => NEVER)));
    runner.events$.subscribe((event) => event.type === 'restart-requested' && cancel());
    expect(String(await rejectionOf(runner.restart()))).to.equal('NotRunningError: x is not running');
    expect(log.at(-1)).to.equal('0: x done cancelled');
    expectNothingLeft(ctx, clock);
  });

  it('is refused under its path in a group', async () => {
    const x = supervise(task('x', { execute: () => NEVER, finalize: () => NEVER }));
    const { cancel } = startRunner(() => ordered('app', x));
    cancel();
    expect(String(await rejectionOf(x.restart()))).to.equal('NotRunningError: app/x is not running');
    const y = supervise(task('y', () => 1));
    startRunner(() => ordered('app', y));
    expect(String(await rejectionOf(y.restart()))).to.equal('NotRunningError: y is not running');
  });

  it('ends the run that a listener of the end of the one before has started', async () => {
    const outputs = [EMPTY, NEVER];
    const runner = supervise(task('x', () => outputs.shift() ?? NEVER));
    const [ctx, cancel] = withCancel();
    runner.done$.subscribe(() => runner.start(ctx).subscribe());
    runner.start(ctx).subscribe();
    expect((await runner.restart()).status).to.equal('cancelled');
    cancel();
  });

  it('replaces the delay when it is called by a listener of a failure in finalize', async () => {
    const clock = virtualClock();
    const outputs = [timer(1, clock), NEVER];
    const runner = supervise(
      task('x', { execute: () => outputs.shift() ?? NEVER, finalize: () => outputs.length > 0 && throwing()() }),
      { backoff: exactBackoff },
    );
    const emitted = events(runner);
    const app = launch([task('server', () => NEVER), runner], { scheduler: clock, observer: () => undefined });
    let restarted: Promise<Outcome> | undefined;
    app.ready$.subscribe((ready) => {
      if (!ready) restarted ??= runner.restart();
    });
    clock.advance(2);
    expect(emitted.flatMap((event) => (event.type === 'restarting' ? [event.delay] : []))).to.deep.equal([0]);
    expect((await restarted)?.status).to.equal('failed');
    await app.stop();
  });

  it('resolves, and starts no run, when the task is cancelled before the run has ended', async () => {
    const { clock, runner, cancel, emitted, ctx } = startRunner((scheduler) =>
      supervise(task('x', { execute: () => NEVER, finalize: () => timer(4, scheduler) })),
    );
    const restarted = runner.restart();
    clock.advance(2);
    cancel();
    clock.advance(100);
    expect((await restarted).status).to.equal('cancelled');
    expect([emitted, outcomeOf(runner)?.status, outcomeOf(runner)?.endedAt]).to.deep.equal([
      ['complete'],
      'cancelled',
      4,
    ]);
    expectNothingLeft(ctx, clock);
  });

  for (const type of ['initializing', 'ready', 'failed', 'finalizing', 'option-failed', 'restarting'] as const) {
    it(`can be called by a listener of the event \`${type}\``, async () => {
      const clock = virtualClock();
      const [ctx, cancel] = withCancel(undefined, { scheduler: clock });
      let runs = 0;
      const runner = supervise(
        task('x', {
          initialize: () => {
            runs++;
          },
          execute: () => (runs === 1 ? failAfter(2, clock) : NEVER),
          finalize: () => timer(1, clock),
        }),
        { backoff: { initial: 1000, random: throwing() } },
      );
      let restarted: Promise<Outcome> | undefined;
      runner.events$.subscribe((event) => {
        if (event.type === type) restarted ??= runner.restart();
      });
      const emitted = collect(runner.start(ctx));
      clock.advance(10);
      expect((await restarted)?.status).to.be.oneOf(['failed', 'cancelled']);
      expect([runs, runner.status, emitted]).to.deep.equal([2, 'running', []]);
      cancel();
      clock.advance(1);
      expectNothingLeft(ctx, clock);
    });
  }

  it('can be called by the task itself', async () => {
    const { clock, runner } = startRunner(() => {
      let runs = 0;
      const supervised = supervise(
        task('x', () => {
          if (++runs === 1) void supervised.restart();
          return runs === 1 ? 1 : NEVER;
        }),
      );
      return supervised;
    });
    clock.advance(1);
    expect([outcomeOf(runner), runner.status]).to.deep.equal([undefined, 'running']);
  });

  it('restarts a group with its members in their order', () => {
    const { clock, runner, log } = startRunner((scheduler) =>
      supervise(
        ordered(
          'g',
          task('a', { execute: () => NEVER, finalize: () => timer(1, scheduler) }),
          task('b', { execute: () => NEVER, finalize: () => timer(1, scheduler) }),
        ),
      ),
    );
    clock.advance(1);
    void runner.restart();
    clock.advance(3);
    expect(log.filter((line) => /done|restarting|g ready/.test(line))).to.deep.equal([
      '0: g ready',
      '2: g/b done cancelled',
      '3: g/a done cancelled',
      '3: g restarting 1 in 0',
      '3: g ready',
    ]);
  });

  it('of an inner supervised task leaves the outer one alone', async () => {
    const inner = supervise(task('x', () => NEVER));
    const { clock, runner, log } = startRunner(() => supervise(inner, { maxRestarts: 0 }));
    const restarted = inner.restart();
    clock.advance(1);
    expect((await restarted).status).to.equal('cancelled');
    expect([outcomeOf(runner), log.at(-1)]).to.deep.equal([undefined, '0: x ready']);
  });

  it('of an outer supervised task ends the delay of an inner one', async () => {
    let runs = 0;
    const inner = supervise(
      task('x', () => (++runs === 1 ? throwing()() : NEVER)),
      { backoff: { initial: 1000 } },
    );
    const { clock, runner, ctx, cancel } = startRunner(() => supervise(inner));
    clock.advance(1);
    const restarted = runner.restart();
    clock.advance(1);
    expect([(await restarted).status, runs, runner.status]).to.deep.equal(['cancelled', 2, 'running']);
    cancel();
    expectNothingLeft(ctx, clock);
  });

  it('drops what the run that it ends yields after its grace', async () => {
    const work = deferred<string>();
    let runs = 0;
    const { clock, runner, emitted, log } = startRunner(() =>
      supervise(task('x', { execute: () => (++runs === 1 ? work.promise : NEVER), grace: 5 })),
    );
    const restarted = runner.restart();
    clock.advance(5);
    expect((await restarted).status).to.equal('cancelled');
    work.resolve('late');
    await settled();
    expect(emitted).to.deep.equal([]);
    expect(log.slice(-1)).to.deep.equal(['5: x result dropped in execute']);
  });

  it('leaves nothing of the previous runs behind, however often it is called', async () => {
    const values = new Subject<number>();
    const { clock, runner, ctx, cancel, emitted } = startRunner(() => supervise(task('x', () => values)));
    const seen = events(runner);
    for (let n = 0; n < 100; n++) {
      const restarted = runner.restart();
      clock.advance(0);
      await restarted;
      values.next(n);
    }
    expect(emitted).to.deep.equal(Array.from({ length: 100 }, (_, n) => n));
    expect(seen.filter(({ type }) => type === 'restarting')).to.have.length(100);
    expect(values.observed).to.equal(true);
    cancel();
    expect(values.observed).to.equal(false);
    expectNothingLeft(ctx, clock);
  });
});

import { expect } from 'chai';
import { NEVER, throwError, timer } from 'rxjs';
import sinon from 'sinon';
import { ordered, parallel, supervise, task, withCancel, type SuperviseOptions } from '../../lib/index.js';
import { virtualClock } from '../../lib/testing/index.js';
import { expectNothingLeft } from '../helpers/expect-nothing-left.js';
import { cycle, events, failAfter, outcomeOf, throwing } from '../helpers/tasks.js';
import { spyOnConsoleError } from '../helpers/console-spy.js';
import { delaysOf, startRunner, taskOf } from './helpers.js';

describe('The backoff of a supervised task', () => {
  const written = spyOnConsoleError();

  /** Returns the delays of a task that fails immediately, up to the limit. */
  const delays = (options: SuperviseOptions, runs = 5): number[] => {
    const clock = virtualClock();
    const [ctx] = withCancel(undefined, { scheduler: clock });
    const runner = supervise(task('x', throwing()), { maxRestarts: runs, window: Infinity, ...options });
    const delays = delaysOf(runner);
    runner.start(ctx).subscribe({ error: () => undefined });
    clock.advance(1e12);
    expect(runner.status).to.equal('done');
    return delays;
  };

  it('needs no random number without jitter', () => {
    const random = sinon.fake.returns(0.5);
    expect(delays({ backoff: { initial: 10, jitter: 0, random } }, 2)).to.deep.equal([10, 20]);
    expect(random.callCount).to.equal(0);
  });

  it('grows by the factor up to the maximum', () => {
    expect(delays({ backoff: { initial: 10, jitter: 0 } })).to.deep.equal([10, 20, 40, 80, 160]);
    expect(delays({ backoff: { initial: 10, factor: 3, max: 200, jitter: 0 } })).to.deep.equal([10, 30, 90, 200, 200]);
    expect(delays({ backoff: { initial: 10, factor: 1, jitter: 0 } })).to.deep.equal([10, 10, 10, 10, 10]);
    expect(delays({ backoff: { initial: 10, factor: 1.5, jitter: 0 } }, 3)).to.deep.equal([10, 15, 22.5]);
    expect(delays({ backoff: { initial: 10, max: 4, jitter: 0 } }, 2)).to.deep.equal([4, 4]);
    expect(delays({ backoff: { initial: 0, jitter: 0 } }, 3)).to.deep.equal([0, 0, 0]);
  });

  it('is 100 ms, doubles up to 30 s, and varies by a fifth by default', () => {
    expect(delays({ backoff: { jitter: 0 } }, 10)).to.deep.equal([
      100, 200, 400, 800, 1600, 3200, 6400, 12800, 25600, 30000,
    ]);
    const random = sinon.stub(Math, 'random').returns(0);
    try {
      expect(delays({}, 3)).to.deep.equal([80, 160, 320]);
      random.returns(0.75);
      expect(delays({}, 10).map(Math.round)).to.deep.equal([110, 220, 440, 880, 1760, 3520, 7040, 14080, 28160, 30000]);
    } finally {
      random.restore();
    }
  });

  it('is varied at random by the fraction `jitter`, and never exceeds the maximum', () => {
    expect(delays({ backoff: { initial: 64, jitter: 0.5, random: cycle([0, 0.25, 0.5, 0.75]) } }, 4)).to.deep.equal([
      32,
      128 * 0.75,
      256,
      512 * 1.25,
    ]);
    expect(delays({ backoff: { initial: 64, max: 300, jitter: 1, random: cycle([0.75]) } })).to.deep.equal([
      96, 192, 300, 300, 300,
    ]);
    // The jitter applies to the delay after its limit.
    expect(delays({ backoff: { initial: 64, max: 300, jitter: 1, random: cycle([0.25]) } })).to.deep.equal([
      32, 64, 128, 150, 150,
    ]);
    expect(delays({ backoff: { initial: 64, jitter: 1, random: cycle([0]) } }, 2)).to.deep.equal([0, 0]);
  });

  it('calls `random` once for each restart', () => {
    const random = sinon.stub().returns(0.5);
    expect(delays({ backoff: { random } }, 3)).to.deep.equal([100, 200, 400]);
    expect(random.callCount).to.equal(3);
  });

  for (const [title, random, message] of [
    ['throws', throwing(new Error('no dice')), 'no dice'],
    ['returns 1', () => 1, 'Expected `random()` to be a number from 0 up to, but not including, 1, got `1` (number)'],
    ['returns NaN', () => NaN, 'got `NaN` (number)'],
    ['returns no number', () => '0.5' as unknown as number, "got `'0.5'` (string)"],
  ] as const) {
    it(`goes on with Math.random, and reports it, when \`random\` ${title}`, () => {
      const stub = sinon.stub(Math, 'random').returns(0.75);
      try {
        const { clock, log, runner, ctx, cancel } = startRunner((scheduler) =>
          supervise(taskOf(failAfter(1, scheduler), failAfter(1, scheduler)), {
            backoff: { initial: 100, jitter: 0.5, random },
          }),
        );
        const reported = events(runner);
        clock.advance(1000);
        expect(log).to.deep.equal([
          '0: x ready',
          '1: x failed',
          '1: x option-failed',
          '1: x restarting 1 in 125 (x failed in execute: boom)',
          '126: x ready',
          '127: x failed',
          '127: x option-failed',
          '127: x restarting 2 in 250 (x failed in execute: boom)',
          '377: x ready',
        ]);
        for (const event of reported) {
          if (event.type !== 'option-failed') continue;
          expect(event.option).to.equal('backoff.random');
          expect((event.error as Error).message).to.include(message);
        }
        cancel();
        expect(outcomeOf(runner)?.status).to.equal('cancelled');
        expectNothingLeft(ctx, clock);
      } finally {
        stub.restore();
      }
    });
  }

  it('writes an error of `random` to the console when nobody listens to events', () => {
    const clock = virtualClock();
    const [ctx, cancel] = withCancel(undefined, { scheduler: clock });
    const random = throwing(new Error('no dice'));
    const texts = written.during(() => {
      supervise(taskOf(failAfter(1, clock)), { backoff: { random } })
        .start(ctx)
        .subscribe();
      clock.advance(10);
      cancel();
    });
    expect(texts.map(String)).to.deep.equal(['Error: no dice', 'TaskError: x failed in execute: boom']);
  });

  it('stays a number after many restarts', () => {
    const none = delays({ backoff: { initial: 0 }, maxRestarts: 1200 });
    expect([none.length, new Set(none)]).to.deep.equal([1200, new Set([0])]);
    const longest = delays({ backoff: { initial: 1, max: 10, jitter: 0 }, maxRestarts: 1200 });
    expect([longest.length, new Set(longest)]).to.deep.equal([1200, new Set([1, 2, 4, 8, 10])]);
  });

  it('may be longer than the longest timer of the platform', () => {
    const { clock, log } = startRunner(() =>
      supervise(taskOf(throwError(() => new Error('boom'))), {
        backoff: { initial: 2 ** 32, max: Infinity, jitter: 0 },
      }),
    );
    clock.advance(2 ** 32 - 1);
    expect(log).to.have.length(3);
    clock.advance(1);
    expect(log.at(-1)).to.equal(`${2 ** 32}: x ready`);
  });

  it('stays infinite whatever the jitter', () => {
    const backoff = { initial: 10, factor: Infinity, max: Infinity, jitter: 1, random: () => 0 };
    const clock = virtualClock();
    const [ctx, cancel] = withCancel(undefined, { scheduler: clock });
    const runner = supervise(task('x', throwing()), { backoff });
    const delays = delaysOf(runner);
    runner.start(ctx).subscribe();
    clock.advance(1);
    expect([delays, clock.timers]).to.deep.equal([[0, Infinity], 0]);
    cancel();
    expect(runner.status).to.equal('done');
  });

  it('may be infinite, and ends immediately when the task is cancelled', () => {
    const { clock, log, cancel, emitted } = startRunner(() =>
      supervise(task('x', throwing()), { backoff: { initial: Infinity, max: Infinity, jitter: 0 } }),
    );
    clock.advance(1e12);
    cancel();
    expect(log.slice(2)).to.deep.equal([
      '0: x restarting 1 in Infinity (x failed in execute: boom)',
      '1000000000000: x done cancelled',
    ]);
    expect(emitted).to.deep.equal(['complete']);
  });

  describe('is reset after a run that was ready for `healthyFor`', () => {
    interface Life {
      readonly initialize?: number;
      readonly execute: number;
      readonly finalize?: number;
      readonly fails?: 'initialize' | 'finalize';
    }
    /** Returns the delays after runs of these lengths. */
    const after = (options: SuperviseOptions, ...lives: readonly Life[]): number[] => {
      const clock = virtualClock();
      const [ctx, cancel] = withCancel(undefined, { scheduler: clock });
      let life: Life | undefined;
      let n = 0;
      const runner = supervise(
        task('x', {
          initialize: () => {
            life = lives[n++];
            if (life?.fails === 'initialize') return failAfter(life.initialize ?? 0, clock);
            return life?.initialize === undefined ? undefined : timer(life.initialize, clock);
          },
          execute: () => {
            if (!life) return NEVER;
            return life.fails ? timer(life.execute, clock) : failAfter(life.execute, clock);
          },
          finalize: () => {
            if (life?.fails === 'finalize') return failAfter(life.finalize ?? 0, clock);
            return life?.finalize === undefined ? undefined : timer(life.finalize, clock);
          },
        }),
        { backoff: { initial: 10, jitter: 0 }, ...options },
      );
      const delays = delaysOf(runner);
      runner.start(ctx).subscribe();
      clock.advance(1e6);
      cancel();
      return delays;
    };
    const healthyFor = 50;

    it('but not after a shorter one', () => {
      expect(after({ healthyFor }, { execute: 49 }, { execute: 49 }, { execute: 49 })).to.deep.equal([10, 20, 40]);
      expect(after({ healthyFor }, { execute: 50 }, { execute: 50 }, { execute: 50 })).to.deep.equal([10, 10, 10]);
      expect(after({ healthyFor }, { execute: 1 }, { execute: 1 }, { execute: 60 }, { execute: 1 })).to.deep.equal([
        10, 20, 10, 20,
      ]);
    });

    it('which is 30 s by default', () => {
      expect(after({}, { execute: 29_999 }, { execute: 29_999 })).to.deep.equal([10, 20]);
      expect(after({}, { execute: 30_000 }, { execute: 30_000 })).to.deep.equal([10, 10]);
    });

    it('which does not count the time before ready', () => {
      const life = { initialize: 49, execute: 49 };
      expect(after({ healthyFor }, life, life)).to.deep.equal([10, 20]);
      const never = { initialize: 100, execute: 0, fails: 'initialize' } as const;
      expect(after({ healthyFor }, never, never)).to.deep.equal([10, 20]);
      // The time of an earlier run does not count either.
      expect(after({ healthyFor }, { execute: 60 }, never, never)).to.deep.equal([10, 20, 40]);
    });

    it('which does not count the time while a part of it was not ready', () => {
      const { clock, runner, cancel } = startRunner((scheduler) =>
        supervise(
          parallel(
            'g',
            supervise(
              task('a', () => failAfter(10, scheduler)),
              { backoff: { initial: 100, jitter: 0 } },
            ),
            task('b', () => failAfter(105, scheduler)),
          ),
          { healthyFor, backoff: { initial: 10, jitter: 0 } },
        ),
      );
      const delays: number[] = [];
      runner.events$.subscribe((event) => {
        if (event.type === 'restarting' && event.task === 'g') delays.push(event.delay);
      });
      clock.advance(250);
      cancel();
      expect(delays).to.deep.equal([10, 20]);
    });

    it('which does not count the time in finalize', () => {
      const life = { execute: 49, finalize: 49 };
      expect(after({ healthyFor }, life, life)).to.deep.equal([10, 20]);
      const fails = { execute: 49, finalize: 49, fails: 'finalize' } as const;
      expect(after({ healthyFor }, fails, fails)).to.deep.equal([10, 20]);
      expect(after({ healthyFor }, { execute: 50, finalize: 49 }, { ...fails, execute: 50 })).to.deep.equal([10, 10]);
    });

    it('also if that run was ended by a requested restart', () => {
      const delaysAfter = (ready: number) => {
        const lengths = [1, Infinity, 1, 1];
        const { clock, runner } = startRunner((scheduler) =>
          supervise(
            task('x', {
              execute: () => failAfter(lengths.shift() ?? NaN, scheduler),
              finalize: () => timer(49, scheduler),
            }),
            { healthyFor, backoff: { initial: 100, jitter: 0 } },
          ),
        );
        const delays = delaysOf(runner);
        // The first run ends at 1, the second begins at 101.
        clock.advance(101 + ready);
        void runner.restart();
        clock.advance(400);
        return delays;
      };
      expect(delaysAfter(49)).to.deep.equal([100, 0, 200, 400]);
      expect(delaysAfter(50)).to.deep.equal([100, 0, 100, 200]);
    });

    it('which does not count the wait for a restart', () => {
      const options = { healthyFor, backoff: { initial: 100, jitter: 0 } };
      expect(after(options, { execute: 1 }, { execute: 1 }, { execute: 1 })).to.deep.equal([100, 200, 400]);
    });

    it('or never, if that is Infinity', () => {
      expect(after({ healthyFor: Infinity }, { execute: 1e5 }, { execute: 1e5 })).to.deep.equal([10, 20]);
    });

    for (const group of [parallel, ordered]) {
      it(`also if the task is a group (${group.name})`, () => {
        const lengths = [50, 50, 60, 1, 49, 50];
        const { clock, runner } = startRunner((scheduler) =>
          supervise(
            group(
              'g',
              task('a', () => NEVER),
              task('b', () => failAfter(lengths.shift() ?? NaN, scheduler)),
            ),
            { healthyFor, backoff: { initial: 10, jitter: 0 }, maxRestarts: 6 },
          ),
        );
        const delays = delaysOf(runner);
        clock.advance(350);
        expect(delays).to.deep.equal([10, 10, 10, 20, 40, 10]);
      });
    }

    it('also if the task is itself supervised, regardless of the restarts of the inner one', () => {
      const { clock, runner } = startRunner((scheduler) => {
        let n = 0;
        const inner = supervise(
          task('x', {
            execute: () => failAfter(++n % 2 ? 1 : 50, scheduler),
            finalize: () => timer(1, scheduler),
          }),
          { backoff: { initial: 1, jitter: 0 }, maxRestarts: 1, window: 1000 },
        );
        return supervise(inner, { healthyFor, backoff: { initial: 10, jitter: 0 } });
      });
      const delays = delaysOf(runner);
      // The delays of the inner one are 1 ms, those of the outer one 10. A cycle takes 62 ms.
      clock.advance(180);
      expect(delays).to.deep.equal([1, 10, 1, 10, 1, 10]);
    });
  });
});

import { expect } from 'chai';
import { timer } from 'rxjs';
import { supervise, task } from '../../lib/index.js';
import { spyOnConsoleError } from '../helpers/console-spy.js';
import { failAfter } from '../helpers/tasks.js';
import { startRunner } from './helpers.js';

const hour = 3_600_000;

describe('A supervised task while the clock is set back', () => {
  spyOnConsoleError();

  it('restarts no later than its delay after its run has finalized', () => {
    const { clock, log } = startRunner((scheduler) =>
      supervise(task('x', { execute: () => failAfter(2, scheduler), finalize: () => timer(10, scheduler) }), {
        backoff: { initial: 50, jitter: 0 },
      }),
    );
    clock.advance(5);
    clock.adjust(-hour);
    clock.advance(7 + 49);
    expect(log.filter((line) => line.endsWith('ready'))).to.deep.equal(['0: x ready']);
    clock.advance(1);
    expect(log.slice(-3)).to.deep.equal([
      `${12 - hour}: x restarting 1 in 50 (x failed in execute: boom)`,
      `${62 - hour}: x initializing`,
      `${62 - hour}: x ready`,
    ]);
  });

  it('does not count a restart from before that, whose age is unknown, towards its limit', () => {
    const { clock, runner, log } = startRunner((scheduler) =>
      supervise(
        task('x', () => failAfter(10_000, scheduler)),
        { backoff: { initial: 0 }, maxRestarts: 2, window: 15_000 },
      ),
    );
    clock.advance(15_000);
    clock.adjust(-hour);
    clock.advance(100_000);
    expect(runner.status).to.equal('running');
    expect(log.filter((line) => line.includes('restarting'))).to.have.length(11);
  });
});

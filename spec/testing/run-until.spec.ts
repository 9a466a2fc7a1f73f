import { expect } from 'chai';
import { runUntil } from '../../lib/testing/run-until.js';
import type { VirtualClock } from '../../lib/testing/index.js';
import { rejectionOf } from '../helpers/rejection.js';

/** A clock with a timer for each step, and these numbers of steps in its first instants. All others are in the last. */
function clockOf(...stepsOfInstants: readonly number[]): VirtualClock {
  let steps = 0;
  const clock = {
    frame: 0,
    step(until: number) {
      if (++steps === stepsOfInstants[clock.frame]) [clock.frame, steps] = [clock.frame + 1, 0];
      return clock.frame < until;
    },
    advanceSilently: () => undefined,
  };
  return clock as unknown as VirtualClock;
}

const options = { mayEnd: () => false, waiting: () => [], onUncaught: () => undefined };

describe('runUntil', () => {
  it('allows any number of steps within a limited time, if there are at most 100,000 in each instant', async () => {
    const clock = clockOf(60_000, 60_000);
    await runUntil(() => false, clock, { ...options, until: 2 });
    expect(clock.frame).to.equal(2);
  });

  it('allows 100,000 steps in all instants together if the time is not limited', async () => {
    const mayEnd = () => true;
    const error = await rejectionOf(
      runUntil(() => false, clockOf(60_000, 60_000), { ...options, mayEnd, until: undefined }),
    );
    expect(error.message).to.include('it continues after 100000 steps, at 1 ms. Send it a signal');
  });

  it('rejects more in one instant, and names only the hooks that are not meant to last', async () => {
    const waiting = () => [
      { task: 'server', hook: 'execute' as const },
      { task: 'db', hook: 'initialize' as const },
    ];
    const error = await rejectionOf(runUntil(() => false, clockOf(10), { ...options, waiting, until: 2 }));
    expect(error).to.be.instanceOf(RangeError);
    expect(error.message)
      .to.include('it continues after 100010 steps, at 1 ms. Its time does not pass. Still waiting: db (initialize).')
      .and.not.include('server');
  });
});

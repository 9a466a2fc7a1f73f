import { expect } from 'chai';
import sinon from 'sinon';
import { ClaimsAhead } from '../../lib/fleet/claims-ahead.js';

describe('The number of jobs that a worker claims ahead', () => {
  let clock: sinon.SinonFakeTimers;
  beforeEach(() => (clock = sinon.useFakeTimers()));
  afterEach(() => clock.restore());

  /** Creates the claims of a worker whose jobs have just ended, after durations in ms. */
  const claimsAfter = (concurrency: number, durations: readonly number[]) => {
    const ahead = new ClaimsAhead(concurrency);
    for (const ms of durations) ahead.jobEnded(ms);
    return ahead;
  };

  it('is that of the jobs which it ends within 100 ms by their mean duration, up to 500', () => {
    for (const [concurrency, durations, expected] of [
      [1, [], 0],
      [1, [100], 1],
      [1, [101], 0],
      [1, [40], 2],
      [10, [50], 20],
      [1, [0], 500],
      [7, [1], 500],
      // The mean is 200, and then 210.
      [2, [200], 1],
      [4, [200, 400], 1],
      [21, [200, 400], 10],
    ] as const)
      expect(claimsAfter(concurrency, durations).count, `${concurrency} × ${durations.join()}`).to.equal(expected);
  });

  it('is 0 from a second after the last end of a job to the next', () => {
    const ahead = claimsAfter(1, [10]);
    const seen: unknown[] = [];
    for (const ms of [0, 1000, 1]) {
      clock.tick(ms);
      seen.push([ahead.stalled, ahead.count]);
    }
    ahead.jobEnded(10);
    expect([...seen, [ahead.stalled, ahead.count]]).to.deep.equal([
      [false, 10],
      [false, 10],
      [true, 0],
      [false, 10],
    ]);
    expect(new ClaimsAhead(1).stalled).to.equal(true);
  });
});

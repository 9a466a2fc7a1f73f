import { expect } from 'chai';
import sinon from 'sinon';
import { newJobId } from '../../lib/fleet/job-id.js';
import { validateJobId } from '../../lib/fleet/queue-policy.js';

describe('newJobId', () => {
  it('returns a UUID of version 7 that begins with the time in ms', () => {
    const before = Date.now();
    const id = newJobId();
    expect(id).to.match(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(() => validateJobId(id)).not.to.throw();
    expectTime(id, before);
  });

  it('returns ids in increasing order, however many there are in a ms, and when the clock is set back', () => {
    const clock = sinon.useFakeTimers({ now: Date.now() + 60_000, toFake: ['Date'] });
    try {
      const ids = Array.from({ length: 10_000 }, newJobId);
      expectTime(ids[0], Date.now());
      clock.setSystemTime(Date.now() - 3_600_000);
      ids.push(...Array.from({ length: 100 }, newJobId));
      expect(new Set(ids).size).to.equal(10_100);
      expect(ids).to.deep.equal([...ids].sort());
    } finally {
      clock.restore();
    }
  });
});

/** The time of an id is later than the clock's if a spec before has moved the clock. */
function expectTime(id = '', now: number): void {
  expect(Number.parseInt(id.replace('-', '').slice(0, 12), 16)).to.be.at.least(now);
}

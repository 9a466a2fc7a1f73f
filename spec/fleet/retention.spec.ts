import { expect } from 'chai';
import sinon from 'sinon';
import type { JobStore } from '../../lib/fleet/job-store.js';
import { deletePeriodically } from '../../lib/fleet/retention.js';
import { fakeDatabase } from '../helpers/fake-database.js';

describe('The retention of jobs', () => {
  let clock: sinon.SinonFakeTimers;
  beforeEach(() => (clock = sinon.useFakeTimers()));
  afterEach(() => clock.restore());

  it('ends each minute for up to 1000 jobs at a time, until none is left or the fleet closes', async () => {
    const database = fakeDatabase();
    const counts = [1000, 2500, 999, 0, 1000, 1000];
    const limits: number[] = [];
    const deleteEnded = (maxCount: number) => {
      limits.push(maxCount);
      if (limits.length === 5) void database.close();
      return Promise.resolve(counts[limits.length - 1] ?? 0);
    };
    const deletion = deletePeriodically(database, { deleteEnded } as JobStore);
    await clock.tickAsync(59_999);
    expect(limits).to.deep.equal([]);
    await clock.tickAsync(1);
    expect(limits).to.deep.equal([1000, 1000, 1000]);
    await clock.tickAsync(60_000);
    expect(limits.length).to.equal(4);
    await clock.tickAsync(60_000);
    expect(limits.length).to.equal(5);
    deletion.unsubscribe();
    await clock.tickAsync(60_000);
    expect([limits.length, clock.countTimers()]).to.deep.equal([5, 0]);
  });
});

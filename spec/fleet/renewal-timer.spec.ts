import { expect } from 'chai';
import sinon from 'sinon';
import { RenewalTimer } from '../../lib/fleet/renewal-timer.js';

describe('The timer of renewals', () => {
  let clock: sinon.SinonFakeTimers;
  beforeEach(() => (clock = sinon.useFakeTimers()));
  afterEach(() => clock.restore());

  it('runs while there are leases, and sets no timer without', async () => {
    let [leases, renewals] = [1, 0];
    const timer = new RenewalTimer(
      () => leases > 0,
      () => {
        renewals++;
        return Promise.resolve();
      },
    );
    timer.start();
    timer.start();
    await clock.tickAsync(6500);
    expect(renewals).to.equal(2);
    leases = 0;
    await clock.tickAsync(3000);
    expect([renewals, clock.countTimers()]).to.deep.equal([2, 0]);
    leases = 1;
    timer.start();
    await clock.tickAsync(3500);
    expect(renewals).to.equal(3);
  });

  it('does not start again after a stop, when a claim is answered late', async () => {
    const renew = sinon.fake.resolves(undefined);
    const timer = new RenewalTimer(() => true, renew);
    timer.start();
    timer.stop();
    timer.start();
    await clock.tickAsync(10_000);
    expect([renew.callCount, clock.countTimers()]).to.deep.equal([0, 0]);
  });
});

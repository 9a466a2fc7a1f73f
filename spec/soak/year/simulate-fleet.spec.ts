import { expect } from 'chai';
import { companyCron } from './company-crons.js';
import { simulateFleet } from './simulate-fleet.js';
import { SlotLedger } from './slot-ledger.js';

describe('The simulation of a fleet', () => {
  it('runs each slot of a night once, or finds out why not', async () => {
    const { ledger, load } = await simulateFleet({ processes: 3, hours: 2, seed: 1 });
    expect(ledger.faults).to.deep.equal([]);
    const lost = [...ledger.lost.values()].reduce((sum, count) => sum + count, 0);
    expect(ledger.counts.due)
      .to.be.greaterThan(150)
      .and.to.equal(ledger.counts.once + lost);
    // Each process claims each slot, but for those that it still runs itself.
    expect(load.statements.claim).to.be.greaterThan(2 * ledger.counts.due);
  });

  it('runs no slot twice, and no cron in two processes, while faults are frequent', async () => {
    const crons = [companyCron('slow', 20_000, '*/10 * * * * *'), companyCron('rare', 30_000, '* * * * *')];
    const options = { processes: 4, hours: 1, crons, faultDays: 0.005, outageDays: 0.02 };
    for (const seed of [1, 6, 7]) {
      const { ledger, caused } = await simulateFleet({ ...options, seed });
      expect(ledger.faults).to.deep.equal([]);
      expect(Math.min(caused.kills, caused.cuts, 20 * caused.outages)).to.be.at.least(20);
      expect([...ledger.lost.keys()]).to.include.members(['its lease was that of a killed process']);
    }
  });
});

describe('The ledger of slots', () => {
  const claim = { task: 'x', slot: 1000, holder: undefined } as const;
  const ledgerOf = (use: (ledger: SlotLedger) => void): string[] => {
    const ledger = new SlotLedger(
      () => true,
      () => 2000,
    );
    use(ledger);
    return ledger.faults.map((fault) => fault.replace(/^.* of x: /, ''));
  };

  it('finds a slot that is granted to two processes, or started twice', () => {
    const faults = ledgerOf((ledger) => {
      ledger.onClaim({ ...claim, result: 'granted' }, 'a');
      ledger.onStart('a', 'x', 1000);
      ledger.onEnd('a', 'x', 1000, true);
      ledger.onClaim({ ...claim, result: 'granted' }, 'b');
      ledger.onStart('b', 'x', 1000);
    });
    expect(faults).to.deep.equal(['granted to a and to b', 'started 2 times, now by b', 'started after a later slot']);
  });

  it('finds a cron that runs in two processes, and a slot without a grant', () => {
    const faults = ledgerOf((ledger) => {
      ledger.onClaim({ ...claim, result: 'granted' }, 'a');
      ledger.onStart('a', 'x', 1000);
      ledger.onStart('b', 'x', 1500);
    });
    expect(faults).to.deep.equal(['run by b, granted to undefined', 'run by b while a runs 1970-01-01T00:00:01.000Z']);
  });

  it('finds a slot that is not run for no reason', () => {
    const faults = ledgerOf((ledger) => {
      ledger.judge('x', 1000);
      ledger.judge('x', 1001, 'the database was away');
      ledger.onClaim({ ...claim, slot: 1002, result: 'held', holder: 'a' }, 'b');
      ledger.judge('x', 1002);
    });
    expect(faults).to.deep.equal(['not run for no reason, after 0 claims']);
  });
});

import { expect } from 'chai';
import { ExpectedError, Ledger } from './ledger.js';

/** Returns the faults that a ledger finds. */
function faultsOf(callback: (ledger: Ledger) => void): string[] {
  const ledger = new Ledger();
  callback(ledger);
  ledger.close();
  return ledger.faults;
}

describe('The ledger of the soak test', () => {
  it('finds what does not end, and what ends twice', () => {
    expect(faultsOf((ledger) => ledger.begin('run')())).to.deep.equal([]);
    expect(faultsOf((ledger) => void ledger.begin('run'))).to.deep.equal(['run: 1 have not ended']);
    const endTwice = (ledger: Ledger) => {
      const end = ledger.begin('run');
      end();
      end();
    };
    expect(faultsOf(endTwice)).to.deep.equal(['run has ended twice']);
  });

  it('finds unexpected errors', () => {
    expect(faultsOf((ledger) => ledger.onUnhandledError(new ExpectedError('hook')))).to.deep.equal([
      'unhandled Error: expected error of a hook',
    ]);
    expect(faultsOf((ledger) => ledger.onUnhandledError(ledger.expectError('subscriber')))).to.deep.equal([]);
    const wrapped = new Error('x', { cause: new ExpectedError('hook') });
    expect(faultsOf((ledger) => ledger.onConsoleError(wrapped))).to.deep.equal([]);
    expect(faultsOf((ledger) => ledger.onConsoleError(new Error('x')))).to.deep.equal(['written: Error: x']);
    const line = 'Cron leaf 1: 1 slot skipped (overlap) at 1970-01-01T00:00:00.010Z';
    expect(faultsOf((ledger) => ledger.onConsoleError(line))).to.deep.equal([]);
  });
});

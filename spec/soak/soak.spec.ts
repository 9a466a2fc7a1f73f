import { expect } from 'chai';
import { fileURLToPath } from 'node:url';
import { Program } from '../helpers/program.js';
import { grown } from './flat.js';
import { Boom, Ledger } from './ledger.js';

const path = fileURLToPath(new URL('soak.ts', import.meta.url));

/** What a ledger holds against it. */
function faultsOf(happens: (ledger: Ledger) => void): string[] {
  const ledger = new Ledger();
  happens(ledger);
  ledger.close();
  return ledger.faults;
}

describe('The soak', function () {
  this.timeout(30_000);

  it('finds nothing in 2 s, and ends by itself', async () => {
    const { code, stdout, stderr } = await new Program(process.execPath, [
      ...['--expose-gc', '--import', 'tsx', path],
      ...['--for', '2s', '--seed', '1'],
    ]).ended;
    expect([code, stderr], stdout).to.deep.equal([0, '']);
    expect(stdout)
      .to.match(/\nlisteners: (\d+) before, \1 at most, 0 more allowed: flat\n/)
      .and.match(/\nrun: (\d+) begun, \1 ended\n/)
      .and.match(/\nNo fault in [1-9]\d+ acts, seed 1\.\n$/);
  });

  it('tells growth from noise', () => {
    const noise = (k: number) => ((k * 7919) % 100) - 50;
    const figures = (slope: number) => Array.from({ length: 200 }, (_, k) => 1000 + slope * k + noise(k));
    const by = ({ from, to } = grown(figures(0))) => to - from;
    expect(Math.abs(by())).to.be.below(10);
    expect(by(grown(figures(1)))).to.be.within(90, 110);
    // What comes and goes once is not growth, nor is what is there from the start.
    expect(by(grown([0, 5, 5, 5, 5, 9, 5, 5]))).to.equal(0);
  });

  it('tells what is lost, what comes twice, and what nobody expects', () => {
    expect(faultsOf((ledger) => ledger.begin('run')())).to.deep.equal([]);
    expect(faultsOf((ledger) => void ledger.begin('run'))).to.deep.equal(['run: 1 have not ended']);
    const twice = (ledger: Ledger) => {
      const end = ledger.begin('run');
      end();
      end();
    };
    expect(faultsOf(twice)).to.deep.equal(['run has ended twice']);
    expect(faultsOf((ledger) => ledger.unhandled(new Boom('hook')))).to.deep.equal([
      'nobody handles Error: boom of a hook',
    ]);
    expect(faultsOf((ledger) => ledger.unhandled(ledger.throw('subscriber')))).to.deep.equal([]);
    expect(faultsOf((ledger) => ledger.written(new Error('x', { cause: new Boom('hook') })))).to.deep.equal([]);
    expect(faultsOf((ledger) => ledger.written(new Error('x')))).to.deep.equal(['written: Error: x']);
  });
});

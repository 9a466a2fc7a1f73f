import { expect } from 'chai';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { compileProgram } from '../../helpers/compile-program.js';

const program = compileProgram('spec/fixtures/simulations-of-a-fleet.ts');

describe('The simulation of a fleet', () => {
  it('has the same result for the same seed', async () => {
    const { stdout } = await promisify(execFile)(process.execPath, [program]);
    const [first, second, ...rest] = stdout.trimEnd().split('\n');
    expect(first).to.include('"due":');
    expect(second).to.equal(first);
    expect(rest).to.deep.equal([]);
  });
});

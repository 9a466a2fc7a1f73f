import { expect } from 'chai';
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const program = fileURLToPath(new URL('../../fixtures/simulations-of-a-fleet.ts', import.meta.url));

describe('The simulation of a fleet', () => {
  it('has the same result for the same seed', async () => {
    const { stdout } = await promisify(execFile)(process.execPath, ['--import', 'tsx', program]);
    const [first, second, ...rest] = stdout.trimEnd().split('\n');
    expect(first).to.include('"due":');
    expect(second).to.equal(first);
    expect(rest).to.deep.equal([]);
  });
});

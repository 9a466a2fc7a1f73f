import { expect } from 'chai';
import { fileURLToPath } from 'node:url';
import { Program } from '../helpers/program.js';

const path = fileURLToPath(new URL('soak.ts', import.meta.url));

describe('The soak test', () => {
  it('finds no fault in 2 s, and ends by itself', async () => {
    const { code, stdout, stderr } = await new Program(process.execPath, [
      ...['--expose-gc', '--import', 'tsx', path],
      ...['--for', '2s', '--seed', '1'],
    ]).ended;
    expect([code, stderr], stdout).to.deep.equal([0, '']);
    expect(stdout)
      .to.match(/\nlisteners: (\d+) before, \1 at most, 0 more allowed: flat\n/)
      .and.match(/\nrun: (\d+) started, \1 ended\n/)
      .and.match(/\nNo fault in [1-9]\d+ operations, seed 1\.\n$/);
  });
});

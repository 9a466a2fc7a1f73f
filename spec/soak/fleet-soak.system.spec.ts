import { expect } from 'chai';
import { fileURLToPath } from 'node:url';
import { Program } from '../helpers/program.js';

const path = fileURLToPath(new URL('soak.ts', import.meta.url));

describe('The soak test of a fleet', () => {
  it('finds no fault in 10 s of kills, stops, network faults and restarts, and ends by itself', async () => {
    const { code, stdout, stderr } = await new Program(process.execPath, [
      ...['--expose-gc', '--import', 'tsx', path, 'fleet'],
      ...['--for', '10s', '--seed', '2'],
    ]).ended;
    expect([code, stderr], stdout).to.deep.equal([0, '']);
    expect(stdout)
      .to.match(/\nenqueued: [1-9]\d+\n/)
      .and.match(/\nslot: [1-9]\d+\n/)
      .and.match(/\nNo fault, seed 2\.\n$/);
  });
});

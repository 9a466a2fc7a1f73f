import { expect } from 'chai';
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const program = fileURLToPath(new URL('../fixtures/first-store.ts', import.meta.url));

describe('A store that is the first of its process', () => {
  it('does not leave the hook that entered it', async () => {
    const { stdout } = await promisify(execFile)(process.execPath, ['--import', 'tsx', program]);
    expect(stdout).to.equal('in the hook: of a hook\nafter it: undefined\n');
  });
});

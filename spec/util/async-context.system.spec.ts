import { expect } from 'chai';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { compileProgram } from '../helpers/compile-program.js';

async function run(fixture: string): Promise<string> {
  const { stdout } = await promisify(execFile)(process.execPath, [compileProgram(`spec/fixtures/${fixture}.ts`)]);
  return stdout;
}

describe('A store that is the first of its process', () => {
  it('does not leave the hook that entered it', async () => {
    expect(await run('first-store')).to.equal('in the hook: of a hook\nafter it: undefined\n');
  });

  it('does not leave the cron that entered it for another with the same timer', async () => {
    const once = 'in the first: of a cron\nin the next: undefined\n';
    expect(await run('first-store-of-a-cron')).to.equal(once + once);
  });
});

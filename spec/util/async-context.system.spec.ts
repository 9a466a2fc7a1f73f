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
    const lines = (await run('first-store-of-a-cron')).trimEnd().split('\n');
    const once = ['in the first: of a cron', 'in the next: undefined'];
    // On a busy machine a slot that is late may not share its timer.
    expect(lines).to.have.members([...once, ...once]);
  });
});

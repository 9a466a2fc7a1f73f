import { expect } from 'chai';
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

async function run(fixture: string): Promise<string> {
  const program = fileURLToPath(new URL(`../fixtures/${fixture}.ts`, import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, ['--import', 'tsx', program]);
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

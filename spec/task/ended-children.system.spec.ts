import { expect } from 'chai';
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const fixture = fileURLToPath(new URL('../fixtures/ended-children.ts', import.meta.url));

describe('A runner whose children come and go', () => {
  it('leaves no ended child for a full garbage collection', async () => {
    // The collector of another thread would promote more or fewer objects, depending on how busy the machine is.
    const options = ['--expose-gc', '--single-threaded-gc', '--import', 'tsx'];
    const { stdout } = await promisify(execFile)(process.execPath, [...options, fixture]);
    // A table of children that is left behind keeps some hundred bytes for each of them.
    expect(Number.parseInt(stdout)).to.be.below(1e6);
  });
});

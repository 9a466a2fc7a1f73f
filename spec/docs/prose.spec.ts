import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { proseFaults } from '../helpers/prose.js';

const files = execFileSync('git', ['ls-files', '*.ts', '*.js', '*.mjs', '*.cjs', '*.md'], { encoding: 'utf8' })
  .trim()
  .split('\n')
  // The rules themselves name what they refuse; the list of survivors quotes code.
  .filter((file) => !['spec/helpers/prose.ts', 'spec/docs/prose.spec.ts', 'mutation/survivors.md'].includes(file));

describe('The prose lint', () => {
  it('finds no fault in the comments, specs and guides of this repository', () => {
    expect(files).to.include.members(['README.md', 'lib/index.ts', 'spec/docs/links.spec.ts']);
    expect(files.flatMap((file) => proseFaults(file, readFileSync(file, 'utf8')))).to.deep.equal([]);
  });

  it('refuses words of the private dialect, in code and in Markdown', () => {
    for (const word of ['whoever', 'Whichever', 'unless said', 'anew', 'likewise', 'under way', 'heeds', 'let go of'])
      for (const file of ['a.ts', 'a.md']) expect(proseFaults(file, `// It is ${word}.`), word).to.have.length(1);
  });

  it('refuses a comment that begins with What, How or Who, on its first line alone', () => {
    for (const comment of ['/** What it is. */', '// How it works.', '  /**\n   * Who is told.\n   */'])
      expect(proseFaults('a.ts', comment), comment).to.have.length(1);
    for (const comment of [
      '// It shows\n// How it works.',
      '/** Whether it is. */',
      '/**\n * Waits.\n * What for.\n */',
    ])
      expect(proseFaults('a.ts', comment), comment).to.deep.equal([]);
  });

  it('refuses a line of more than 120 columns, but for a row of a table and a long address', () => {
    expect(proseFaults('a.ts', 'x'.repeat(120))).to.deep.equal([]);
    expect(proseFaults('a.ts', 'x'.repeat(121))).to.have.length(1);
    expect(proseFaults('a.md', `| ${'x'.repeat(130)} |`)).to.deep.equal([]);
    expect(proseFaults('a.md', `[x](https://example.com/${'x'.repeat(110)})`)).to.deep.equal([]);
  });
});

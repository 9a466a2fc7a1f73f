import { expect } from 'chai';
import { readFileSync } from 'node:fs';

const table = readFileSync('docs/faults.md', 'utf8');
const rows = table.split('\n').filter((line) => line.startsWith('|') && !/^\|( -+ \|)+$|^\| given/.test(line));

/** Returns the specs that a row names: the file and the title of each. */
function proofsOf(row: string): { file: string; title: string }[] {
  const cell = row.split(' | ').at(-1) ?? '';
  return cell
    .replace(/\s*\|$/, '')
    .split('<br>')
    .map((proof) => {
      const [, file = '', title = ''] = /^`([\w/.-]+\.ts)` › (.+)$/.exec(proof.trim()) ?? [];
      return { file, title };
    });
}

/** Returns the titles of suites and specs in a file, except for computed ones. */
function titlesIn(file: string): Set<string> {
  const source = readFileSync(`spec/${file}`, 'utf8');
  // The titles of concurrent tests are the names of their functions.
  const titles = source.matchAll(
    /(?:\b(?:it|describe)\(\s*|^ +(?=.*:\s*async \(\) => \{))(?:'((?:\\.|[^'\\])*)'|"((?:\\.|[^"\\])*)")/gm,
  );
  return new Set([...titles].map(([, single, double]) => (single ?? double ?? '').replace(/\\(.)/g, '$1')));
}

describe('The table of faults', () => {
  it('has a spec for every row', () => {
    expect(rows).to.have.length.above(40);
    for (const row of rows) for (const { file } of proofsOf(row)) expect(file, row).to.not.equal('');
  });

  it('names only existing specs', () => {
    const missing = rows
      .flatMap(proofsOf)
      .filter(({ file, title }) => !titlesIn(file).has(title))
      .map(({ file, title }) => `${file}: ${title}`);
    expect(missing).to.deep.equal([]);
  });
});

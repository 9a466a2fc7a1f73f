import { expect } from 'chai';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { anchors, links } from '../helpers/links.js';

const pages = [
  ...['README.md', 'CHANGELOG.md', 'CONTRIBUTING.md', 'SECURITY.md', 'examples/README.md'],
  ...readdirSync('docs')
    .filter((file) => file.endsWith('.md'))
    .map((file) => `docs/${file}`),
];

describe('The links of the documentation', () => {
  for (const page of pages) {
    it(`of ${page} have a target`, () => {
      expect(links(readFileSync(page, 'utf8')).filter((link) => isBroken(page, link))).to.deep.equal([]);
    });
  }

  it('lead from README.md to docs/README.md, and from there to each guide', () => {
    const from = (page: string) => links(readFileSync(page, 'utf8')).map((link) => join(dirname(page), link));
    const guides = pages.filter((page) => page.startsWith('docs/') && page !== 'docs/README.md');
    expect(from('docs/README.md')).to.include.members(guides);
    expect(from('README.md')).to.include('docs/README.md');
  });

  it('are found, and broken ones are reported', () => {
    const text = [
      '# A `title`, with: *words*',
      '## Twice',
      '## Twice',
      'See [a](b.md), [the\nother](c.md#d "title"), <img src="e.svg" />, ![f](g.png) and `[no](code.md)`.',
      '[h]: i.md',
      '```md\n[no](block.md)\n# No heading\n```',
      '<https://example.org> [out](https://example.org/x) <source srcset="j.png" />',
    ].join('\n');
    expect(links(text)).to.have.members(['b.md', 'c.md#d', 'e.svg', 'g.png', 'i.md', 'j.png']);
    expect(anchors(text)).to.deep.equal(['a-title-with-words', 'twice', 'twice-1']);
    expect(isBroken('README.md', 'docs/testing.md#five-minutes')).to.equal(false);
    expect(isBroken('docs/testing.md', '#five-minutes')).to.equal(false);
    expect(isBroken('README.md', 'docs/testing.md#six-minutes')).to.equal(true);
    expect(isBroken('README.md', 'docs/nothing.md')).to.equal(true);
    expect(isBroken('docs/testing.md', '../../elsewhere.md')).to.equal(true);
  });
});

/** Whether a link of a page has no target in the repository. */
function isBroken(page: string, link: string): boolean {
  const [path = '', anchor] = link.split('#');
  const target = path === '' ? page : join(dirname(page), decodeURI(path));
  if (relative('.', target).startsWith('..') || !existsSync(target)) return true;
  return anchor !== undefined && !anchors(readFileSync(target, 'utf8')).includes(anchor);
}

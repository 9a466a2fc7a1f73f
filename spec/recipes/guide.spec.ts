import { expect } from 'chai';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';

const guide = readFileSync('docs/recipes.md', 'utf8');
const recipes = readdirSync('examples/recipes');

describe('The guide to the recipes', () => {
  it('links each recipe, and each recipe has a spec', () => {
    expect(recipes).to.have.length.above(6);
    const linked = [...guide.matchAll(/\.\.\/examples\/recipes\/([\w-]+\.ts)/g)].map(([, file]) => file);
    expect([...new Set(linked)]).to.have.members(recipes);
    const specs = readdirSync('spec/recipes');
    const specified = specs.map((file) => file.replace(/(\.system)?\.spec\.ts$/, '.ts'));
    expect(specified).to.include.members(recipes);
  });

  it('links only to existing files', () => {
    const targets = [...guide.matchAll(/\]\(([^)#]+)\)/g)].map(([, target = '']) => resolve('docs', target));
    expect(targets).to.have.length.above(6);
    expect(targets.filter((target) => !existsSync(target))).to.deep.equal([]);
  });

  it('quotes the recipes literally where it does not run the code, and so do the other guides', () => {
    const pages = readdirSync('docs').filter((file) => file.endsWith('.md'));
    const guides = pages.map((file) => readFileSync(`docs/${file}`, 'utf8')).join('\n');
    const excerpts = [...guides.matchAll(/```typescript\n([^]*?)```/g)].map(([, code = '']) => code);
    expect(excerpts).to.have.lengthOf(2);
    const code = recipes.map((file) => readFileSync(`examples/recipes/${file}`, 'utf8')).join('\n');
    for (const excerpt of excerpts) expect(code).to.include(excerpt);
  });
});

import { expect } from 'chai';
import { readdirSync, readFileSync } from 'node:fs';
import { pictures } from '../../docs/pictures/pictures.js';

describe('The pictures of the guides', () => {
  it('are those that the renderer draws: `npm run docs:pictures` updates them', async () => {
    const drawn = await pictures();
    expect(drawn.size).to.equal(6);
    for (const [file, svg] of drawn) expect(readFileSync(file, 'utf8') === svg, `${file} is current`).to.equal(true);
  });

  it('are all pictures in docs/, except that of a recording', async () => {
    const files = readdirSync('docs').filter((file) => file.endsWith('.svg') && file !== 'timeline.svg');
    expect(files.map((file) => `docs/${file}`)).to.have.members([...(await pictures()).keys()]);
  });
});

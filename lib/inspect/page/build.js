import { build } from 'esbuild';
import { readFileSync, writeFileSync } from 'node:fs';

// npm run page: the page as one file, so that the package serves it from wherever it runs, without a step of its user's.
const here = (name) => new URL(name, import.meta.url);

/** What page.ts has to be. */
export async function page() {
  const { outputFiles } = await build({
    entryPoints: [here('main.ts').pathname],
    bundle: true,
    minify: true,
    format: 'iife',
    target: 'es2022',
    charset: 'utf8',
    write: false,
  });
  // What ends the element would end it within a string, too.
  const script = outputFiles[0].text.trim().replaceAll('</script', '<\\/script');
  const style = readFileSync(here('style.css'), 'utf8').replaceAll(/\s+/g, ' ').trim();
  const html = readFileSync(here('index.html'), 'utf8').replaceAll(/\n\s+/g, '\n');
  const constants = Object.entries({ html, style, script }).map(
    ([name, text]) => `export const ${name} = ${JSON.stringify(text)};\n`,
  );
  return `// Made by build.js of what is in page/.\n${constants.join('')}`;
}

if (process.argv[1] === here('build.js').pathname) writeFileSync(here('../page.ts'), await page());

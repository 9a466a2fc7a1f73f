import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';

export const title = 'bundle: minified and gzipped, without rxjs and croner';
export const unit = 'B';
export const sizes = [1];
export const label = () => '';
export const repetitions = 1;

export const contenders = {
  'rxjs-tasks': 'export * from "./dist/index.js"',
  '`future` alone': 'export { future } from "./dist/index.js"',
};

/**
 * The size of what is loaded at once. Parts loaded on demand, such as the live view of `runMain`, are in other files.
 */
export async function measure(contender) {
  const { outputFiles, metafile } = await build({
    stdin: { contents: contenders[contender], resolveDir: fileURLToPath(new URL('../../', import.meta.url)) },
    bundle: true,
    // `runMain` loads this on demand; without it there is nothing to split.
    splitting: contender === 'rxjs-tasks',
    outdir: '.',
    minify: true,
    format: 'esm',
    platform: 'node',
    external: ['rxjs', 'croner'],
    metafile: true,
    write: false,
  });
  const [entry] = Object.keys(metafile.outputs).filter((file) => metafile.outputs[file].entryPoint === '<stdin>');
  const files = new Set([entry]);
  for (const file of files)
    for (const { path, kind } of metafile.outputs[file].imports)
      if (kind === 'import-statement' && metafile.outputs[path]) files.add(path);
  const texts = outputFiles.filter(({ path }) => files.has(relative('.', path))).map(({ text }) => text);
  return gzipSync(texts.join('\n'), { level: 9 }).length;
}

export const targets = [
  { what: 'bundle, minified and gzipped, without rxjs and croner', n: 1, figure: 9216 },
  { what: 'the same of `future` alone', n: 1, ours: '`future` alone', figure: 2048 },
];

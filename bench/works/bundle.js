import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';

export const title = 'bundle: minified and gzipped, without what is loaded on demand';
export const unit = 'B';
export const repetitions = 1;

/** The packages that stay outside, by the column. */
const external = { 1: ['rxjs', 'croner'], 2: ['croner'], 3: [] };
export const sizes = [1, 2, 3];
export const label = (n) => ['without RxJS and croner', 'with RxJS', 'with both'][n - 1];

const names = {
  '`future`': 'future',
  '`task`, `taskRunner`': 'task, taskRunner',
  '`supervise`': 'supervise',
  '`ordered`, `parallel`': 'ordered, parallel',
  '`dynamic`': 'dynamic',
  '`cron`': 'cron',
  '`launch`': 'launch',
  '`runMain`': 'runMain',
  '`runMain`, `task` and `cron`': 'runMain, task, cron',
};
const inBench = (file) => `import './bench/bundle/${file}.js'`;

export const contenders = {
  ...Object.fromEntries(
    Object.entries(names).map(([name, list]) => [name, `export { ${list} } from './dist/index.js'`]),
  ),
  'all of `rxjs-tasks`': `export * from './dist/index.js'`,
  'a cron that stops gracefully: rxjs-tasks': inBench('rxjs-tasks'),
  'the same: Effect': inBench('effect'),
  'the same: effection, croner': inBench('effection'),
  'the same: p-queue, croner, close-with-grace': inBench('pieces'),
};

/** With `platform: 'node'`, esbuild takes RxJS's CommonJS modules, and all of them. */
const rxjs = fileURLToPath(new URL('../../node_modules/rxjs/dist/esm/index.js', import.meta.url));

/** The size of what is loaded at once. The live view of `runMain` is in other files. */
export async function measure(contender, n) {
  const { outputFiles, metafile } = await build({
    stdin: { contents: contenders[contender], resolveDir: fileURLToPath(new URL('../../', import.meta.url)) },
    bundle: true,
    // `runMain` loads the live view on demand; without it there is nothing to split.
    splitting: /runMain|all of|: rxjs-tasks/.test(contender),
    outdir: '.',
    minify: true,
    format: 'esm',
    platform: 'node',
    external: external[n],
    ...(n > 1 && { alias: { rxjs } }),
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
  { what: 'bundle of `future`, gzipped', n: 1, ours: '`future`', figure: 3072 },
  {
    what: 'bundle of `runMain`, `task` and `cron`, gzipped',
    n: 3,
    ours: '`runMain`, `task` and `cron`',
    figure: 16_384,
  },
];

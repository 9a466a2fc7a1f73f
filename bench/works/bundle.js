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

export async function measure(contender) {
  const { outputFiles } = await build({
    stdin: { contents: contenders[contender], resolveDir: fileURLToPath(new URL('../../', import.meta.url)) },
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'node',
    external: ['rxjs', 'croner'],
    write: false,
  });
  return gzipSync(outputFiles[0].contents, { level: 9 }).length;
}

export const targets = [
  { what: 'bundle, minified and gzipped, without rxjs and croner', n: 1, figure: 9216 },
  { what: 'the same of `future` alone', n: 1, ours: '`future` alone' },
];

import { readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { transform } from 'esbuild';
import { rollup } from 'rollup';
import { entriesOf } from './entries.js';
import { pureClasses } from './pure-classes.js';

/**
 * Writes the JavaScript of the package at `root`: a file for each entry point, the chunks that they share, and source
 * maps.
 */
export async function writeJavaScript(root) {
  const entries = entriesOf(root);
  // A thread loads one file, without the packages that a chunk imports.
  const isWorker = (entry) => entry.endsWith('/worker');
  await Promise.all([
    write(
      root,
      entries.filter((entry) => !isWorker(entry)),
      chunksOf(join(root, 'lib/')),
    ),
    write(root, entries.filter(isWorker)),
  ]);
}

async function write(root, entries, manualChunks = {}) {
  const bundle = await rollup({
    input: Object.fromEntries(entries.map((entry) => [entry, join(root, 'lib', `${entry}.ts`)])),
    external: (id) => !/^[./]/.test(id),
    plugins: [typescript, pureClasses],
    treeshake: { moduleSideEffects: false },
    onLog(_level, { message }) {
      throw new Error(message);
    },
  });
  await bundle.write({
    dir: join(root, 'dist'),
    entryFileNames: '[name].js',
    chunkFileNames: '[name].js',
    manualChunks,
    // An import that a chunk does not use itself would stay in the bundles of programs that do not use it, either.
    hoistTransitiveImports: false,
    minifyInternalExports: false,
    generatedCode: 'es2015',
    sourcemap: true,
    // They are in the package.
    sourcemapExcludeSources: true,
  });
  await bundle.close();
}

/** Returns a function that returns the chunk of a module, or `undefined` if rollup may choose it. */
function chunksOf(lib) {
  const pathOf = (id) => id.slice(lib.length);
  return (id, { getModuleInfo }) => {
    const path = pathOf(id);
    // Apart from the core, because it imports croner.
    if (path.startsWith('cron/') && path !== 'cron/slot-log.ts') return 'cron';
    if (/^(util|errors|context|task|future|cron|supervision|group|app|recording)\//.test(path)) return 'core';
    // The fleet in memory and the inspector must not load the database.
    const isShared = (id) => !pathOf(id).startsWith('fleet/') || getModuleInfo(id).importers.some(isShared);
    return path.startsWith('fleet/') && isShared(id) ? 'jobs' : undefined;
  };
}

/** Resolves and compiles the TypeScript of the library. */
const typescript = {
  name: 'typescript',
  resolveId(source, importer) {
    return importer && source.startsWith('.') ? resolve(dirname(importer), source.replace(/\.js$/, '.ts')) : null;
  },
  async load(id) {
    const options = { loader: 'ts', sourcefile: id, sourcemap: true, target: 'es2023', tsconfigRaw };
    const { code, map } = await transform(readFileSync(id, 'utf8'), options);
    // The page of the inspector is generated, and not in the package.
    return { code, map: id.endsWith('/inspect/page.ts') ? { mappings: '' } : map };
  },
};

const tsconfigRaw = { compilerOptions: { useDefineForClassFields: false, verbatimModuleSyntax: true } };

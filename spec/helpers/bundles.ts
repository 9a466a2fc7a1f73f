import commonjs from '@rollup/plugin-commonjs';
import json from '@rollup/plugin-json';
import { nodeResolve } from '@rollup/plugin-node-resolve';
import { build as esbuild, transform, type Format } from 'esbuild';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { rollup, type Plugin } from 'rollup';

/** The text to bundle, and the file to write. */
export interface Bundle {
  /** The text of the module, whose imports are relative to `lib/`. */
  readonly contents: string;
  readonly outfile: string;
  readonly format: Format & ('esm' | 'cjs');
  /** Packages that stay outside. */
  readonly external: readonly string[];
}

const resolveDir = fileURLToPath(new URL('../../lib/', import.meta.url));

/** CommonJS packages in an ES module need a `require`, as esbuild's documentation says. */
const banner = `import { createRequire as createRequireHere } from 'node:module';
const require = createRequireHere(import.meta.url);`;

export async function bundleWithEsbuild({ contents, outfile, format, external }: Bundle): Promise<void> {
  await esbuild({
    stdin: { contents, resolveDir },
    bundle: true,
    format,
    platform: 'node',
    external: [...external],
    ...(format === 'esm' && { banner: { js: banner } }),
    outfile,
    logLevel: 'silent',
  });
}

export async function bundleWithRollup({ contents, outfile, format, external }: Bundle): Promise<void> {
  const bundle = await rollup({
    input: 'entry',
    external: [...external],
    plugins: [sources(contents), nodeResolve({ preferBuiltins: true }), ...[json, commonjs].map(create)],
    // Packages have circular imports, and `this` at the top level.
    onLog: () => undefined,
  });
  await bundle.write({ file: outfile, format, inlineDynamicImports: true });
  await bundle.close();
}

/** Creates a plugin whose types are those of a CommonJS module, although it is an ES module. */
function create(plugin: unknown): Plugin {
  return (plugin as () => Plugin)();
}

/** Loads the entry, and the TypeScript of this library. */
function sources(contents: string): Plugin {
  const toSource = (path: string) => path.replace(/\.js$/, '.ts');
  return {
    name: 'sources',
    resolveId(source, importer) {
      if (importer === undefined) return source;
      if (importer === 'entry' && source.startsWith('.')) return toSource(`${resolveDir}${source.slice(2)}`);
      if (importer === 'entry') return this.resolve(source, `${resolveDir}index.ts`);
      if (importer.startsWith(resolveDir) && source.startsWith('.'))
        return toSource(fileURLToPath(new URL(source, `file://${importer}`)));
      return null;
    },
    async load(id) {
      if (id === 'entry') return contents;
      if (!id.startsWith(resolveDir)) return null;
      return (await transform(await readFile(id, 'utf8'), { loader: 'ts', target: 'es2023' })).code;
    },
  };
}

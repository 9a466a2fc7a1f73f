import commonjs from '@rollup/plugin-commonjs';
import json from '@rollup/plugin-json';
import { nodeResolve } from '@rollup/plugin-node-resolve';
import { build as esbuild, type Format } from 'esbuild';
import { writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { rollup, type Plugin, type RollupBuild } from 'rollup';

/** The text to bundle, and the file to write. */
export interface Bundle {
  /** The text of the module, which can import what a module in the place of `outfile` can. */
  readonly contents: string;
  readonly outfile: string;
  readonly format: Format & ('esm' | 'cjs');
  /** Packages that stay outside. */
  readonly external: readonly string[];
}

/** CommonJS packages in an ES module need a `require`, as esbuild's documentation says. */
const banner = `import { createRequire as createRequireHere } from 'node:module';
const require = createRequireHere(import.meta.url);`;

export async function bundleWithEsbuild({ contents, outfile, format, external }: Bundle): Promise<void> {
  await esbuild({
    entryPoints: [await writeEntry(contents, outfile)],
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
  const key = JSON.stringify([contents, dirname(outfile), external]);
  const bundle = rollups.get(key) ?? startRollup(await writeEntry(contents, outfile), external);
  rollups.set(key, bundle);
  await (await bundle).write({ file: outfile, format, inlineDynamicImports: true });
}

/** The parsed modules of each text, directory and list of external packages. Rollup writes them in both formats. */
const rollups = new Map<string, Promise<RollupBuild>>();

function startRollup(input: string, external: readonly string[]): Promise<RollupBuild> {
  return rollup({
    input,
    external: [...external],
    plugins: [nodeResolve({ preferBuiltins: true }), ...[json, commonjs].map(create)],
    // Packages have circular imports, and `this` at the top level.
    onLog: () => undefined,
  });
}

async function writeEntry(contents: string, outfile: string): Promise<string> {
  const entry = `${outfile}.entry.mjs`;
  await writeFile(entry, contents);
  return entry;
}

/** Creates a plugin whose types are those of a CommonJS module, although it is an ES module. */
function create(plugin: unknown): Plugin {
  return (plugin as () => Plugin)();
}

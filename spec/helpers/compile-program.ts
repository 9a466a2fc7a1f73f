import { buildSync } from 'esbuild';
import { rmSync } from 'node:fs';
import { basename, resolve } from 'node:path';

/** Within `node_modules`, so that programs find the packages that are outside of their files. */
const folder = resolve('node_modules/.cache/rxjs-tasks-specs', String(process.pid));
const compiled = new Map<string, string>();

/**
 * Compiles a TypeScript program and this library into one file, and returns its path. A short program then takes a
 * third of the CPU time, because tsx takes longer to load most modules than they take to run.
 */
export function compileProgram(path: string): string {
  let outfile = compiled.get(path);
  if (outfile !== undefined) return outfile;
  if (compiled.size === 0) process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  outfile = `${folder}/${compiled.size}-${basename(path, '.ts')}.mjs`;
  buildSync({
    entryPoints: [path],
    outfile,
    bundle: true,
    format: 'esm',
    platform: 'node',
    packages: 'external',
    // Otherwise two classes of one name get different ones.
    keepNames: true,
    sourcemap: 'inline',
  });
  compiled.set(path, outfile);
  return outfile;
}

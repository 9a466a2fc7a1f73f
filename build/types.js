import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { entriesOf } from './entries.js';

const tsc = fileURLToPath(import.meta.resolve('typescript/bin/tsc'));

/**
 * Writes the types of the package at `root`, each with a map to its source. Does not check the program, as `npm run
 * check:types` does: the types of exports are explicit (`isolatedDeclarations`).
 */
export async function writeTypes(root) {
  const options = { cwd: root, stdio: 'inherit' };
  const [code] = await once(spawn(process.execPath, [tsc, '-p', 'tsconfig.build.json', '--noCheck'], options), 'exit');
  if (code !== 0) process.exit(code ?? 1);
  const directory = join(root, 'dist/types');
  const needed = new Set(entriesOf(root).map((entry) => join(directory, `${entry}.d.ts`)));
  for (const file of needed)
    for (const { fileName } of ts.preProcessFile(readFileSync(file, 'utf8')).importedFiles)
      if (fileName.startsWith('.')) needed.add(join(dirname(file), fileName.replace(/\.js$/, '.d.ts')));
  // Most modules have no part in the types of an entry point.
  for (const file of readdirSync(directory, { recursive: true }))
    if (file.endsWith('.d.ts') && !needed.has(join(directory, file)))
      for (const path of [file, `${file}.map`]) rmSync(join(directory, path));
}

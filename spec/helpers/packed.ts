import { execFile } from 'node:child_process';
import { cp, mkdir, symlink } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';

const execute = promisify(execFile);
const sources = [
  'package.json',
  'README.md',
  'CHANGELOG.md',
  'CONTRIBUTING.md',
  'SECURITY.md',
  'LICENSE',
  'lib',
  'docs',
  'examples',
  'bench/results.svg',
  'bench/fleet.svg',
];
/** The packages that the packed one imports. */
const dependencies = ['@electric-sql/pglite', '@opentelemetry/api', 'croner', 'pg', 'pg-boss', 'piscina', 'rxjs'];

/** The package at one moment, whose JavaScript is built, and packed without its types. */
export interface Packed {
  readonly tarball: string;
  /** The files in it. */
  readonly files: readonly string[];
}

/** Copies what the package is made of to a directory, and builds and packs it there. */
export async function pack(directory: string): Promise<Packed> {
  for (const path of sources) await cp(path, join(directory, path), { recursive: true });
  const build = pathToFileURL(resolve('build/javascript.js')).href;
  const { writeJavaScript } = (await import(build)) as { writeJavaScript: (root: string) => Promise<void> };
  await writeJavaScript(directory);
  const { stdout } = await execute('npm', ['pack', '--json', '--ignore-scripts'], { cwd: directory });
  const [packed] = JSON.parse(stdout) as { filename: string; files: { path: string }[] }[];
  if (!packed) throw new Error(`npm pack: ${stdout}`);
  return { tarball: join(directory, packed.filename), files: packed.files.map(({ path }) => path) };
}

/** Installs a tarball in a directory, with the packages that it imports. Returns the path of the installed package. */
export async function install({ tarball }: Packed, directory: string): Promise<string> {
  const modules = join(directory, 'node_modules');
  const installed = join(modules, 'rxjs-tasks');
  await mkdir(installed, { recursive: true });
  await execute('tar', ['-xzf', tarball, '-C', installed, '--strip-components=1']);
  for (const name of dependencies) {
    await mkdir(dirname(join(modules, name)), { recursive: true });
    await symlink(resolve('node_modules', name), join(modules, name));
  }
  return installed;
}

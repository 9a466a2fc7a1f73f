import { execFile } from 'node:child_process';
import { copyFile, mkdir, symlink } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';

const execute = promisify(execFile);
/** The packages that the library imports. */
const dependencies = ['croner', 'pg', 'pg-boss', 'rxjs'];
const modules = resolve('node_modules');

/** The commit that stands for a release before the first one: the fleet has no statements of its own there. */
const firstVersion = '8bd29596';

/**
 * Returns the last release, or the commit that stands for it. Returns undefined if there is neither, because the clone
 * has no history.
 */
export async function lastRelease(): Promise<string | undefined> {
  const tag = await execute('git', ['describe', '--tags', '--abbrev=0']).catch(() => undefined);
  if (tag) return tag.stdout.trim();
  const found = await execute('git', ['cat-file', '-e', `${firstVersion}^{commit}`]).catch(() => undefined);
  return found && firstVersion;
}

/** Builds a commit in a directory, with the dependencies of the current one. */
export async function build(commit: string, directory: string): Promise<void> {
  await mkdir(directory, { recursive: true });
  const archive = join(directory, 'source.tar');
  await execute('git', ['archive', '--output', archive, commit]);
  await execute('tar', ['-xf', archive, '-C', directory]);
  await symlink(modules, join(directory, 'node_modules'));
  await execute('npm', ['run', 'build'], { cwd: directory });
}

/** Packs a built package, and installs the tarball beside the program of a member. Returns the program's path. */
export async function install(packageDirectory: string, directory: string): Promise<string> {
  const target = join(directory, 'node_modules', 'rxjs-tasks');
  await mkdir(target, { recursive: true });
  const pack = ['pack', '--ignore-scripts', '--silent', '--pack-destination', directory];
  const { stdout } = await execute('npm', pack, { cwd: packageDirectory });
  await execute('tar', ['-xzf', join(directory, stdout.trim()), '-C', target, '--strip-components=1']);
  for (const name of dependencies) await symlink(join(modules, name), join(directory, 'node_modules', name));
  const program = join(directory, 'member.mjs');
  await copyFile('spec/versions/member.mjs', program);
  return program;
}

import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Returns the entry points of the package at `root`, by their paths in `lib/`, such as `fleet/index`. */
export function entriesOf(root) {
  const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const files = Object.values(exports).flatMap((entry) => entry.default ?? []);
  return files.map((file) => /^\.\/dist\/(.+)\.js$/.exec(file)[1]);
}

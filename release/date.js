// `npm version` runs this before it commits. It dates the unreleased part of the changelog, and writes the version into
// the library.
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { dated } from './dated.js';
import { versioned } from './versioned.js';

const { npm_package_version: version } = process.env;
rewrite('../CHANGELOG.md', (text) => dated(text, version, new Date()));
rewrite('../lib/otel/names.ts', (text) => versioned(text, version));

function rewrite(path, change) {
  const file = fileURLToPath(new URL(path, import.meta.url));
  writeFileSync(file, change(readFileSync(file, 'utf8')));
}

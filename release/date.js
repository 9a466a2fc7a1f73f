// `npm version` calls it before it commits: what is unreleased in the changelog becomes the version's, of today.
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { dated } from './dated.js';

const file = fileURLToPath(new URL('../CHANGELOG.md', import.meta.url));
writeFileSync(file, dated(readFileSync(file, 'utf8'), process.env.npm_package_version, new Date()));

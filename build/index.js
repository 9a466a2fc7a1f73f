// `npm run build` writes dist/: the types by tsc, and the JavaScript by rollup, at the same time.
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { writeJavaScript } from './javascript.js';
import { writeTypes } from './types.js';

const root = fileURLToPath(new URL('..', import.meta.url));
rmSync(join(root, 'dist'), { recursive: true, force: true });
await Promise.all([writeTypes(root), writeJavaScript(root)]);

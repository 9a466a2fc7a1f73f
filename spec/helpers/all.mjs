import { readdirSync } from 'node:fs';

// All specs, imported. Mocha by itself would `require` them, and the coverage of a file that one process has compiled as a
// CommonJS module and another as an ES module cannot be put together.
for (const file of readdirSync(new URL('..', import.meta.url), { recursive: true }))
  if (file.endsWith('.spec.ts') && !file.startsWith('runners')) await import(`../${file}`);

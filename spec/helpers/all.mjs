import { readdirSync } from 'node:fs';

// Imports all specs. Mocha itself would `require` them. The coverage of a file that was compiled as a CommonJS module
// in one process and as an ES module in another cannot be merged.
for (const file of readdirSync(new URL('..', import.meta.url), { recursive: true }))
  if (file.endsWith('.spec.ts') && !file.startsWith('runners')) await import(`../${file}`);

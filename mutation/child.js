import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

// Loaded into every child process of a spec: it tells which mutants it came by.
process.on('exit', () => {
  const covered = globalThis.__stryker__?.mutantCoverage?.static;
  if (covered) writeFileSync(join(process.env.MUTATION_COVERAGE, `${process.pid}.json`), JSON.stringify(covered));
});

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

// Loaded into every child process of a spec. It records each mutant that it reaches at once, because a signal may end
// it at any time.
if (process.env.__STRYKER_ACTIVE_MUTANT__ === undefined) {
  const file = join(process.env.MUTATION_COVERAGE, `${process.pid}.json`);
  const covered = new Proxy(
    {},
    {
      set(counts, mutant, count) {
        const isNew = !(mutant in counts);
        counts[mutant] = count;
        if (isNew) writeFileSync(file, JSON.stringify(counts));
        return true;
      },
    },
  );
  (globalThis.__stryker__ ??= {}).mutantCoverage = { static: covered, perTest: {} };
}

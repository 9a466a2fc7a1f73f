import { existsSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { threadId } from 'node:worker_threads';

// Loaded into every child process or thread of a spec. It records each mutant that it reaches at once, because a signal
// may end it at any time. The file is removed after each spec: a thread may serve the next one, too.
const { MUTATION_COVERAGE: folder, __STRYKER_ACTIVE_MUTANT__: active } = process.env;
if (folder !== undefined && active === undefined) {
  const file = join(folder, `${process.pid}-${threadId}.json`);
  let recorded = new Set();
  const covered = new Proxy(
    {},
    {
      set(_, mutant) {
        if (!existsSync(file)) recorded = new Set();
        if (recorded.has(mutant)) return true;
        recorded.add(mutant);
        // Renamed, because the test runner may read it at the same time.
        writeFileSync(`${file}.new`, JSON.stringify([...recorded]));
        renameSync(`${file}.new`, file);
        return true;
      },
    },
  );
  (globalThis.__stryker__ ??= {}).mutantCoverage = { static: covered, perTest: {} };
}

import { before, it } from 'mocha';

/** Tests that do little but wait: they begin together, before the first, and each is told of by itself. */
export function together(timeout: number, tests: Readonly<Record<string, () => Promise<void>>>): void {
  const begun = new Map<string, Promise<void>>();
  before(() => {
    for (const [name, test] of Object.entries(tests)) {
      const done = test();
      begun.set(name, done);
      // It is told of when its turn comes.
      done.catch(() => undefined);
    }
  });
  for (const name of Object.keys(tests)) it(name, () => begun.get(name)).timeout(timeout);
}

import { before, it } from 'mocha';

/** Declares tests that mostly wait. They start together, before the first one, and each is reported by itself. */
export function concurrentTests(tests: Readonly<Record<string, () => Promise<void>>>): void {
  const results = new Map<string, Promise<void>>();
  before(() => {
    for (const [name, test] of Object.entries(tests)) {
      const result = test();
      results.set(name, result);
      // A rejection is reported by the test of that name, which may come later.
      result.catch(() => undefined);
    }
  });
  for (const name of Object.keys(tests)) it(name, () => results.get(name));
}

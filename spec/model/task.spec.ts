import fc from 'fast-check';
import type { Setup } from './commands.js';
import { programs, taskPlans } from './arbitraries.js';
import { compareApps } from './compare-apps.js';

const plans = taskPlans(
  'value',
  'stream',
  'stream',
  'stream',
  'promise',
  'iterable',
  'throws',
  'throwing teardown',
  'aborting teardown',
);
const setups: fc.Arbitrary<Setup> = fc.record({
  trees: plans.map((plan) => [{ kind: 'task', plan }] as const),
  observed: fc.integer({ min: 0, max: 5 }).map((n) => n > 0),
  cancels: fc.boolean(),
});

describe('A task runner', () => {
  // No timeout: the time depends on the machine.
  it('behaves like its model', () => compareApps(4000, setups, programs())).timeout(0);
});

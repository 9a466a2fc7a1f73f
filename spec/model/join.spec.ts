import fc from 'fast-check';
import type { Setup } from './commands.js';
import { programs, taskPlans, trees } from './arbitraries.js';
import { compareApps } from './compare-apps.js';

const plans = taskPlans('value', 'stream', 'stream', 'promise', 'iterable', 'throws');
const task = plans.map((plan) => ({ kind: 'task', plan }) as const);
const setups: fc.Arbitrary<Setup> = fc.record({
  trees: fc.array(fc.oneof({ weight: 4, arbitrary: task }, trees), { maxLength: 4 }),
  observed: fc.boolean(),
  cancels: fc.boolean(),
});

describe('joinAll', () => {
  // No timeout: the time depends on the machine.
  it('behaves like its model', () => compareApps(3000, setups, programs({ joins: true }))).timeout(0);
});

import fc from 'fast-check';
import type { Commands, Setup } from './commands.js';
import { taskPlans } from './arbitraries.js';
import { compareApps } from './compare-apps.js';
import type { Command } from './run-commands.js';
import type { Tree } from './tree.js';

/** Generates policies with short times, so that programs hit the limits and the times 1 ms from them. */
const policy = fc.record({
  restart: fc.constantFrom('on-failure' as const, 'always' as const),
  initial: fc.integer({ min: 1, max: 3 }),
  max: fc.constantFrom(3, 5, 100),
  factor: fc.integer({ min: 1, max: 3 }),
  maxRestarts: fc.constantFrom(1, 2, 3, Infinity),
  window: fc.integer({ min: 1, max: 8 }),
  healthyFor: fc.integer({ min: 0, max: 4 }),
  finalizeTimeout: fc.constantFrom(0, 1, 4, Infinity),
});
const task = taskPlans('stream', 'stream', 'value').map((plan): Tree => ({ kind: 'task', plan }));
const supervised = fc.record({ kind: fc.constant('supervise' as const), of: task, policy });
const trees: fc.Arbitrary<Tree> = fc.oneof(
  { weight: 4, arbitrary: supervised },
  fc.record({ kind: fc.constant('critical' as const), of: supervised }),
  fc.record({ kind: fc.constant('ordered' as const), members: fc.tuple(supervised, task) }),
);
const setups: fc.Arbitrary<Setup> = fc.record({
  trees: trees.map((tree) => [tree]),
  observed: fc.constant(true),
  cancels: fc.boolean(),
});

const commands: fc.Arbitrary<Command<Commands>> = fc.oneof(
  { weight: 6, arbitrary: fc.constant(['hook', 0, 'last', 'fail'] as const) },
  { weight: 4, arbitrary: fc.constant(['hook', 0, 'last', 'complete'] as const) },
  { weight: 8, arbitrary: fc.tuple(fc.constant('advance' as const), fc.integer({ min: 0, max: 4 })) },
  { weight: 1, arbitrary: fc.constant(['hook', 1, 'last', 'complete'] as const) },
  { weight: 2, arbitrary: fc.constant(['restart', 0] as const) },
  { weight: 1, arbitrary: fc.constant(['listen', 0] as const) },
  { weight: 1, arbitrary: fc.constant(['start', 0] as const) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(['cancel', 'first'] as const, ['unsubscribe', 0] as const, ['replaceMaster'] as const),
  },
  {
    weight: 1,
    arbitrary: fc
      .constantFrom(['cancel', 'first'] as const, ['restart', 0] as const)
      .map((command) => ['when', 'restarting', command] as const),
  },
);
const programs = fc
  .array(commands, { maxLength: 40, size: 'max' })
  .map((rest): Command<Commands>[] => [['start', 0], ...rest]);

describe('A supervised task', () => {
  // No timeout: the time depends on the machine.
  it('behaves like its model', () => compareApps(2000, setups, programs)).timeout(0);
});

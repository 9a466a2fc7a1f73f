import fc from 'fast-check';
import type { Acts, Setup } from './acts.js';
import { scripts } from './arbitraries.js';
import { ModelledApp } from './modelled-app.js';
import { patience, play, type Act } from './play.js';
import { RealApp } from './real-app.js';
import type { Tree } from './tree.js';

/** Times so near to one another that the limits are met, and so are those 1 ms from them. */
const policy = fc.record({
  restart: fc.constantFrom('on-failure' as const, 'always' as const),
  initial: fc.integer({ min: 1, max: 3 }),
  max: fc.constantFrom(3, 5, 100),
  factor: fc.integer({ min: 1, max: 3 }),
  maxRestarts: fc.constantFrom(1, 2, 3, Infinity),
  window: fc.integer({ min: 1, max: 8 }),
  healthyFor: fc.integer({ min: 0, max: 4 }),
});
const task = scripts('stream', 'stream', 'value').map((script): Tree => ({ kind: 'task', script }));
const supervised = fc.record({ kind: fc.constant('supervise' as const), of: task, policy });
const trees: fc.Arbitrary<Tree> = fc.oneof(
  { weight: 4, arbitrary: supervised },
  fc.record({ kind: fc.constant('critical' as const), of: supervised }),
  fc.record({ kind: fc.constant('ordered' as const), members: fc.tuple(supervised, task) }),
);
const setups: fc.Arbitrary<Setup> = fc.record({
  trees: trees.map((one) => [one]),
  observed: fc.constant(true),
  cancels: fc.boolean(),
});

const acts: fc.Arbitrary<Act<Acts>> = fc.oneof(
  { weight: 6, arbitrary: fc.constant(['hook', 0, 'last', 'fails'] as const) },
  { weight: 4, arbitrary: fc.constant(['hook', 0, 'last', 'ends'] as const) },
  { weight: 8, arbitrary: fc.tuple(fc.constant('pass' as const), fc.integer({ min: 0, max: 4 })) },
  { weight: 1, arbitrary: fc.constant(['hook', 1, 'last', 'ends'] as const) },
  { weight: 1, arbitrary: fc.constant(['listen', 0] as const) },
  { weight: 1, arbitrary: fc.constant(['start', 0] as const) },
  { weight: 1, arbitrary: fc.constantFrom(['cancel', 'first'] as const, ['leave', 0] as const, ['renew'] as const) },
  { weight: 1, arbitrary: fc.constant(['when', 'restarting', ['cancel', 'first']] as const) },
);
const programs = fc.array(acts, { maxLength: 40, size: 'max' }).map((rest): Act<Acts>[] => [['start', 0], ...rest]);

describe('A supervised task', () => {
  it('is what the model of supervision is', () =>
    play<Setup, Acts, ModelledApp>({
      runs: 2000,
      setups,
      programs,
      model: (setup) => new ModelledApp(setup),
      real: (setup) => new RealApp(setup),
      toTheEnd: (model) => model.next(),
    })).timeout(patience);
});

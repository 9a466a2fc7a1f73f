import fc from 'fast-check';
import type { Acts, Setup, Sudden } from './acts.js';
import { programs, scripts, trees } from './arbitraries.js';
import { ModelledApp } from './modelled-app.js';
import { patience, play, type Act } from './play.js';
import { RealApp } from './real-app.js';
import type { Tree } from './tree.js';

const setupsOf = (tree: fc.Arbitrary<Tree>): fc.Arbitrary<Setup> =>
  fc.record({ trees: tree.map((one) => [one]), observed: fc.constant(true), cancels: fc.boolean() });

const compare = (runs: number, tree: fc.Arbitrary<Tree>, acts: fc.Arbitrary<Act<Acts>[]>) =>
  play<Setup, Acts, ModelledApp>({
    runs,
    setups: setupsOf(tree),
    programs: acts,
    model: (setup) => new ModelledApp(setup),
    real: (setup) => new RealApp(setup),
    toTheEnd: (model) => model.next(),
  });

/** One or two tasks in a group, which may be supervised. */
const task = scripts('stream', 'stream', 'value').map((script): Tree => ({ kind: 'task', script }));
const group = fc.record({
  kind: fc.constantFrom('ordered' as const, 'parallel' as const),
  members: fc.array(task, { minLength: 1, maxLength: 2 }),
});
const policy = {
  restart: 'always',
  initial: 2,
  max: 2,
  factor: 1,
  maxRestarts: 3,
  window: 60,
  healthyFor: 60,
} as const;
const small: fc.Arbitrary<Tree> = fc.oneof(
  group,
  group.map((of) => ({ kind: 'supervise', of, policy }) as const),
  group.map((of) => ({ kind: 'critical', of }) as const),
  group.map((one) => ({ kind: 'ordered', members: [one] }) as const),
);

/** Programs in which whoever is told of the group's life has a hand in it. */
const meddling = () => {
  const hook = fc.tuple(
    fc.constant('hook' as const),
    fc.integer({ min: 0, max: 1 }),
    fc.constant('last' as const),
    fc.constantFrom('ends' as const, 'ends' as const, 'fails' as const),
  );
  const sudden: fc.Arbitrary<Act<Sudden>> = fc.oneof(
    { weight: 4, arbitrary: hook },
    { weight: 2, arbitrary: fc.constant(['cancel', 'first'] as const) },
    { weight: 2, arbitrary: fc.constant(['leave', 0] as const) },
    { weight: 3, arbitrary: fc.constant(['start', 0] as const) },
    { weight: 1, arbitrary: fc.constant(['listen', 0] as const) },
  );
  const told = fc.constantFrom(
    '0 ready',
    '0 ready',
    '0 done',
    'done$',
    'ready$',
    '0 cancelling',
    'restarting',
    'subscriber',
  );
  const when = fc.tuple(fc.constant('when' as const), told, sudden);
  const pass = fc.tuple(fc.constant('pass' as const), fc.integer({ min: 0, max: 3 }));
  return fc
    .tuple(
      fc.array(when, { minLength: 1, maxLength: 3, size: 'max' }),
      fc.constant([['listen', 0] as const, ['start', 0] as const]),
      fc.array(fc.oneof({ weight: 3, arbitrary: hook }, pass), { maxLength: 12, size: 'max' }),
    )
    .map((parts): Act<Acts>[] => parts.flat());
};

describe('A tree of groups', () => {
  it('is what the model of groups is', () => compare(3000, trees, programs())).timeout(patience);

  it('is so, too, when whoever is told of its life has a hand in it', () => compare(2000, small, meddling())).timeout(
    patience,
  );
});

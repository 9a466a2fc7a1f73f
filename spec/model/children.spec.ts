import fc from 'fast-check';
import { programs, taskPlans, trees } from './arbitraries.js';
import type { Setup } from './commands.js';
import { compareApps } from './compare-apps.js';
import type { Tree } from './tree.js';

const longPlans = taskPlans('stream', 'stream', 'stream', 'promise', 'iterable');
const shortPlans = taskPlans('value', 'stream', 'stream', 'throws');
const plans = fc.oneof({ weight: 3, arbitrary: longPlans }, shortPlans);
const task = plans.map((plan): Tree => ({ kind: 'task', plan }));
const policy = {
  restart: 'on-failure',
  initial: 1,
  max: 2,
  factor: 2,
  maxRestarts: 2,
  window: 60,
  healthyFor: 60,
  finalizeTimeout: 4,
} as const;

/** Generates tasks, supervised tasks and groups, some of the same name. */
const named = fc.record({ kind: fc.constant('task' as const), plan: plans, name: fc.constantFrom('x', 'x', 'y') });
const child: fc.Arbitrary<Tree> = fc.oneof(
  { weight: 5, arbitrary: named },
  { weight: 1, arbitrary: named.map((of) => ({ kind: 'supervise', of, policy }) as const) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constantFrom('ordered' as const, 'parallel' as const),
      members: fc.array(task, { minLength: 1, maxLength: 2 }),
      name: fc.constant('x'),
    }),
  },
);
const setups: fc.Arbitrary<Setup> = fc.record({
  trees: fc.oneof({ weight: 4, arbitrary: task }, trees).map((root) => [root]),
  children: fc.array(child, { minLength: 1, maxLength: 3 }),
  observed: fc.integer({ min: 0, max: 5 }).map((n) => n > 0),
  cancels: fc.boolean(),
});

const cron = fc.record(
  {
    slots: fc.integer({ min: 2, max: 6 }),
    overlap: fc.constantFrom('skip' as const, 'cancelOther' as const, 'allowAll' as const),
    missed: fc.constant('skip' as const),
    tolerance: fc.constant(0),
    onError: fc.constantFrom('continue' as const, 'stop' as const),
    timeout: fc.integer({ min: 1, max: 6 }),
  },
  { requiredKeys: ['slots', 'overlap', 'missed', 'tolerance', 'onError'] },
);
const cronSetups: fc.Arbitrary<Setup> = fc.record({
  trees: fc.tuple(plans, cron).map(([plan, times]) => [{ kind: 'task', plan, cron: times }] as const),
  children: fc.array(child, { minLength: 1, maxLength: 3 }),
  observed: fc.integer({ min: 0, max: 5 }).map((n) => n > 0),
  cancels: fc.boolean(),
});

// No timeouts: the time depends on the machine.
describe('A run that starts children', () => {
  it('behaves like its model', () => compareApps(3000, setups, programs({ children: true, joins: true }))).timeout(0);

  it('behaves like its model when it is the run of a slot', () =>
    compareApps(1500, cronSetups, programs({ children: true, joins: true }))).timeout(0);
});

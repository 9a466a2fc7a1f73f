import fc from 'fast-check';
import type { Commands, Setup, InstantCommands } from './commands.js';
import { programs, taskPlans, trees } from './arbitraries.js';
import { compareApps } from './compare-apps.js';
import type { Command } from './run-commands.js';
import type { Tree } from './tree.js';

const setupsOf = (tree: fc.Arbitrary<Tree>): fc.Arbitrary<Setup> =>
  fc.record({ trees: tree.map((root) => [root]), observed: fc.constant(true), cancels: fc.boolean() });

/** Generates groups of one or two tasks, which may be supervised, critical or nested. */
const task = taskPlans('stream', 'stream', 'value').map((plan): Tree => ({ kind: 'task', plan }));
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
  finalizeTimeout: 5,
} as const;
const small: fc.Arbitrary<Tree> = fc.oneof(
  group,
  group.map((of) => ({ kind: 'supervise', of, policy }) as const),
  group.map((of) => ({ kind: 'critical', of }) as const),
  group.map((member) => ({ kind: 'ordered', members: [member] }) as const),
);

/** Generates programs whose listeners call back into the group. */
const interferingPrograms: fc.Arbitrary<Command<Commands>[]> = (() => {
  const hook = fc.tuple(
    fc.constant('hook' as const),
    fc.integer({ min: 0, max: 1 }),
    fc.constant('last' as const),
    fc.constantFrom('complete' as const, 'complete' as const, 'fail' as const),
  );
  const instant: fc.Arbitrary<Command<InstantCommands>> = fc.oneof(
    { weight: 4, arbitrary: hook },
    { weight: 2, arbitrary: fc.constant(['cancel', 'first'] as const) },
    { weight: 2, arbitrary: fc.constant(['unsubscribe', 0] as const) },
    { weight: 3, arbitrary: fc.constant(['start', 0] as const) },
    { weight: 1, arbitrary: fc.constant(['listen', 0] as const) },
  );
  const text = fc.constantFrom(
    '0 ready',
    '0 ready',
    '0 done',
    'done$',
    'ready$',
    '0 cancelling',
    'restarting',
    'subscriber',
  );
  const when = fc.tuple(fc.constant('when' as const), text, instant);
  const pass = fc.tuple(fc.constant('advance' as const), fc.integer({ min: 0, max: 3 }));
  return fc
    .tuple(
      fc.array(when, { minLength: 1, maxLength: 3, size: 'max' }),
      fc.constant([['listen', 0] as const, ['start', 0] as const]),
      fc.array(fc.oneof({ weight: 3, arbitrary: hook }, pass), { maxLength: 12, size: 'max' }),
    )
    .map((parts): Command<Commands>[] => parts.flat());
})();

describe('A tree of groups', () => {
  // No timeouts: the time depends on the machine.
  it('behaves like its model', () => compareApps(3000, setupsOf(trees), programs())).timeout(0);

  it('behaves like its model when listeners interfere re-entrantly', () =>
    compareApps(2000, setupsOf(small), interferingPrograms)).timeout(0);
});

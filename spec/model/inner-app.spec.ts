import fc from 'fast-check';
import { taskPlans } from './arbitraries.js';
import type { Commands, InstantCommands, Setup } from './commands.js';
import { compareApps } from './compare-apps.js';
import type { Command } from './run-commands.js';

const plan = taskPlans('stream', 'stream', 'promise', 'value', 'throws');
const parent = taskPlans('stream', 'stream', 'promise').map((hooks) => ({ kind: 'task', plan: hooks }) as const);
const child = fc.record({ kind: fc.constant('task' as const), plan, name: fc.constantFrom('x', 'x', 'y') });
const setups: fc.Arbitrary<Setup> = fc.record({
  trees: parent.map((root) => [root]),
  children: fc.array(child, { minLength: 1, maxLength: 3 }),
  observed: fc.integer({ min: 0, max: 5 }).map((n) => n > 0),
  cancels: fc.boolean(),
});

/** Generates programs in which the root starts applications, and children beside them. */
const index = fc.integer({ min: 0, max: 3 });
const actions = fc.constantFrom('emit' as const, 'complete' as const, 'complete' as const, 'fail' as const);
const instant: fc.Arbitrary<Command<InstantCommands>> = fc.oneof(
  { weight: 8, arbitrary: fc.tuple(fc.constant('hook'), index, fc.constantFrom('first', 'last'), actions) },
  { weight: 4, arbitrary: fc.tuple(fc.constant('startApp'), fc.constant(0), fc.constantFrom(1, 4, 10, Infinity)) },
  { weight: 2, arbitrary: fc.tuple(fc.constant('startChild'), fc.constant(0), index, fc.constant('ctx')) },
  { weight: 1, arbitrary: fc.tuple(fc.constant('start'), fc.constant(0)) },
  { weight: 1, arbitrary: fc.tuple(fc.constant('listen'), fc.constant(0)) },
  { weight: 1, arbitrary: fc.tuple(fc.constant('taskCancels'), index, fc.constant('first')) },
  { weight: 1, arbitrary: fc.constantFrom(['cancel', 'first'] as const, ['unsubscribe', 0] as const) },
);
const moment = fc.constantFrom('app', 'ready', 'failed', 'done', 'cancelling', 'cancelled', 'shutdown', 'finalize');
const any: fc.Arbitrary<Command<Commands>> = fc.oneof(
  { weight: 6, arbitrary: instant },
  { weight: 2, arbitrary: fc.tuple(fc.constant('advance' as const), fc.integer({ min: 0, max: 5 })) },
  { weight: 1, arbitrary: fc.tuple(fc.constant('when' as const), moment, instant) },
);
const programs = fc
  .array(any, { maxLength: 25, size: 'max' })
  .map((rest): Command<Commands>[] => [['start', 0], ...rest]);

describe('An application under the context of a run', () => {
  // No timeout: the time depends on the machine.
  it('behaves like its model', () => compareApps(2000, setups, programs)).timeout(0);
});

import fc from 'fast-check';
import type { ChildContext, Commands, InstantCommands } from './commands.js';
import type { LeaseAnswer, HookAction, OutputKind, TaskPlan } from './task-plan.js';
import type { Command } from './run-commands.js';
import type { Tree } from './tree.js';

/** Generates tasks whose hooks return outputs of the given kinds. */
export function taskPlans(...kinds: OutputKind[]): fc.Arbitrary<TaskPlan> {
  const hook = fc.array(fc.constantFrom(...kinds), { minLength: 1, maxLength: 3 });
  return fc.record({
    initialize: fc.option(hook),
    execute: hook,
    finalize: fc.option(hook),
    grace: fc.constantFrom(null, null, 0, 5, Infinity),
    startTimeout: fc.constantFrom(null, null, 0, 3, 5),
  });
}

const task = taskPlans('value', 'stream', 'stream', 'stream', 'throws').map((plan): Tree => ({ kind: 'task', plan }));
const policy = fc.record({
  restart: fc.constantFrom('on-failure' as const, 'always' as const),
  initial: fc.constantFrom(0, 1, 3),
  max: fc.constantFrom(2, 5),
  factor: fc.constantFrom(1, 2),
  maxRestarts: fc.integer({ min: 0, max: 3 }),
  window: fc.constantFrom(1, 5, 60),
  healthyFor: fc.constantFrom(0, 2, 4, 60),
  finalizeTimeout: fc.constantFrom(0, 2, 5, Infinity),
});
/** Generates groups of tasks, supervised tasks and critical tasks, nested. */
export const trees: fc.Arbitrary<Tree> = fc.letrec<{ node: Tree; group: Tree }>((tie) => ({
  node: fc.oneof(
    { maxDepth: 3, depthIdentifier: 'tree' },
    { weight: 5, arbitrary: task },
    { weight: 3, arbitrary: tie('group') },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('supervise' as const), of: tie('node'), policy }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('critical' as const), of: tie('node') }) },
  ),
  group: fc.record({
    kind: fc.constantFrom('ordered' as const, 'ordered' as const, 'parallel' as const),
    members: fc.array(tie('node'), { maxLength: 3, size: 'max', depthIdentifier: 'tree' }),
  }),
})).group;

const actions = fc.constantFrom<HookAction>(
  'emit',
  'emit',
  'complete',
  'complete',
  'complete',
  'fail',
  'fail',
  'fail with the cause',
  'fail wrapping the cause',
  'abort',
);
const index = fc.integer({ min: 0, max: 7 });
const causes = fc.constantFrom('first', 'second');
const which = fc.constantFrom('last' as const, 'last' as const, 'last' as const, 'first' as const);
const answers = fc.constantFrom<LeaseAnswer>('grant', 'grant', 'grant', 'deny', 'fail', 'complete');
/** The index of a task that starts a child: mostly of the first, which runs from the start. */
const parents = fc.oneof({ weight: 2, arbitrary: fc.constant(0) }, index);
const contexts = fc.constantFrom<ChildContext>('ctx', 'ctx', 'withCancel(ctx)', 'signal');
const timeouts = fc.constantFrom(0, 1, 4, 10, Infinity);

type Arbitraries<T extends unknown[]> = { [K in keyof T]: fc.Arbitrary<T[K]> };

/** Generates a command with its arguments, with a weight. */
function command<Name extends keyof Commands>(
  weight: number,
  name: Name,
  ...args: Arbitraries<Parameters<Commands[Name]>>
): { weight: number; arbitrary: fc.Arbitrary<Command<Pick<Commands, Name>>> } {
  return { weight, arbitrary: fc.tuple(fc.constant(name), ...(args as fc.Arbitrary<unknown>[])) as never };
}

/** Options of {@link programs}. */
interface ProgramOptions {
  readonly joins?: boolean;
  /** The maximum time that passes in one command, in ms. */
  readonly maxAdvance?: number;
  /** The maximum time by which the clock is set forward or back, in ms. 0: it is never set. */
  readonly maxClockStep?: number;
  /** Whether tasks start children. */
  readonly children?: boolean;
  /** Whether crons may have coordinators. */
  readonly leases?: boolean;
}

/** Generates programs that start a root. They often begin with `when` commands, which react to later lines. */
export function programs({
  joins = false,
  maxAdvance = 6,
  maxClockStep = 0,
  children = false,
  leases = false,
}: ProgramOptions = {}): fc.Arbitrary<Command<Commands>[]> {
  const instant: fc.Arbitrary<Command<InstantCommands>> = fc.oneof(
    command(12, 'hook', index, which, actions),
    command(leases ? 8 : 0, 'lease', index, which, answers),
    command(children ? 1 : 3, 'cancel', causes),
    command(children ? 1 : 2, 'unsubscribe', index),
    command(3, 'start', index),
    command(1, 'listen', index),
    command(1, 'taskCancels', index, causes),
    command(1, 'restart', index),
    command(children ? 0 : 1, 'replaceMaster'),
    command(children ? 14 : 0, 'startChild', parents, index, contexts),
    command(children ? 1 : 0, 'unsubscribeChild', index),
    command(children ? 1 : 0, 'cancelMadeContexts', causes),
    command(children && joins ? 2 : 0, 'joinChildren', index, timeouts),
    command(joins ? 3 : 0, 'join', timeouts),
    command(joins ? 1 : 0, 'unsubscribeJoins'),
  );
  const when = command(3, 'when', moments, instant);
  const any = fc.oneof(
    { weight: 14, arbitrary: instant },
    command(2, 'start', index),
    command(maxClockStep > 0 ? 10 : 4, 'advance', fc.integer({ min: 0, max: maxAdvance })),
    command(maxClockStep > 0 ? 1 : 0, 'advanceSilently', fc.integer({ min: 0, max: 2 * maxAdvance })),
    command(maxClockStep > 0 ? 1 : 0, 'adjustClock', fc.integer({ min: -maxClockStep, max: maxClockStep })),
    when,
  );
  const list = (item: fc.Arbitrary<Command<Commands>>, maxLength: number, minLength = 0) =>
    fc.array(item, { minLength, maxLength, size: 'max' });
  return fc
    .tuple(list(when.arbitrary, 3), list(fc.constant(['start', 0] as const), 1, children ? 1 : 0), list(any, 25))
    .map((parts) => parts.flat());
}

/** Texts of lines to which a `when` command may react. */
const moments = fc.constantFrom(
  'a initialize',
  'a execute',
  'a finalize',
  'b execute',
  'is cancelled by',
  'is torn down',
  'is returned',
  'events a initializing',
  'events 0 initializing',
  'events 0 ready',
  'events 0 ready',
  'events 0 cancelling',
  'events 0 done',
  'initializing',
  'ready',
  'cancelling',
  'finalizing',
  'failed',
  'failed',
  'teardown-failed',
  'restarting',
  'result-dropped',
  'done',
  'results$',
  'is requested',
  'is requested',
  'is released',
  'slot-started',
  'skipped',
  'slot-failed',
  'subscriber',
  'child',
  'events a/x',
  'a/x done',
  'complete',
  'ready$',
  'done$',
  'join',
);

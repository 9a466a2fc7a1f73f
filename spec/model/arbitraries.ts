import fc from 'fast-check';
import type { Acts, Sudden } from './acts.js';
import type { Answer, Deed, Kind, Script } from './script.js';
import type { Act } from './play.js';
import type { Tree } from './tree.js';

/** Tasks whose hooks give back what of these is drawn. */
export function scripts(...kinds: Kind[]): fc.Arbitrary<Script> {
  const hook = fc.array(fc.constantFrom(...kinds), { minLength: 1, maxLength: 3 });
  return fc.record({
    initialize: fc.option(hook),
    execute: hook,
    finalize: fc.option(hook),
    grace: fc.constantFrom(null, null, 0, 5, Infinity),
  });
}

const task = scripts('value', 'stream', 'stream', 'stream', 'throws').map((script): Tree => ({ kind: 'task', script }));
const policy = fc.record({
  restart: fc.constantFrom('on-failure' as const, 'always' as const),
  initial: fc.constantFrom(0, 1, 3),
  max: fc.constantFrom(2, 5),
  factor: fc.constantFrom(1, 2),
  maxRestarts: fc.integer({ min: 0, max: 3 }),
  window: fc.constantFrom(1, 5, 60),
  healthyFor: fc.constantFrom(0, 2, 4, 60),
});
/** Groups and what guards others, with tasks inside. */
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

const deeds = fc.constantFrom<Deed>(
  'yields',
  'yields',
  'ends',
  'ends',
  'ends',
  'fails',
  'fails',
  'fails with the cause',
  'fails around the cause',
  'aborts',
);
const place = fc.integer({ min: 0, max: 7 });
const causes = fc.constantFrom('first', 'second');
const which = fc.constantFrom('last' as const, 'last' as const, 'last' as const, 'first' as const);
const answers = fc.constantFrom<Answer>('grants', 'grants', 'grants', 'refuses', 'fails', 'ends');
const timeouts = fc.constantFrom(0, 1, 4, 10, Infinity);

type Arbitraries<T extends unknown[]> = { [K in keyof T]: fc.Arbitrary<T[K]> };

/** An act and with what, as often as its weight says. */
function act<Name extends keyof Acts>(
  weight: number,
  name: Name,
  ...args: Arbitraries<Parameters<Acts[Name]>>
): { weight: number; arbitrary: fc.Arbitrary<Act<Pick<Acts, Name>>> } {
  return { weight, arbitrary: fc.tuple(fc.constant(name), ...(args as fc.Arbitrary<unknown>[])) as never };
}

/** What goes on: joins or none, how much time passes at once, and by how much the clock is set. */
interface Course {
  readonly joins?: boolean;
  readonly most?: number;
  readonly steps?: number;
  /** Whether there may be coordinators. */
  readonly leases?: boolean;
}

/** Programs that start a root; what is done all of a sudden is often said before. */
export function programs({ joins = false, most = 6, steps = 0, leases = false }: Course = {}): fc.Arbitrary<
  Act<Acts>[]
> {
  const sudden: fc.Arbitrary<Act<Sudden>> = fc.oneof(
    act(12, 'hook', place, which, deeds),
    act(leases ? 8 : 0, 'lease', place, which, answers),
    act(3, 'cancel', causes),
    act(2, 'leave', place),
    act(3, 'start', place),
    act(1, 'listen', place),
    act(1, 'taskCancels', place, causes),
    act(1, 'renew'),
    act(joins ? 3 : 0, 'join', timeouts),
    act(joins ? 1 : 0, 'leaveJoins'),
  );
  const when = act(3, 'when', moments, sudden);
  const any = fc.oneof(
    { weight: 14, arbitrary: sudden },
    act(2, 'start', place),
    act(steps > 0 ? 10 : 4, 'pass', fc.integer({ min: 0, max: most })),
    act(steps > 0 ? 1 : 0, 'block', fc.integer({ min: 0, max: 2 * most })),
    act(steps > 0 ? 1 : 0, 'setClock', fc.integer({ min: -steps, max: steps })),
    when,
  );
  const list = (one: fc.Arbitrary<Act<Acts>>, maxLength: number) => fc.array(one, { maxLength, size: 'max' });
  return fc
    .tuple(list(when.arbitrary, 3), list(fc.constant(['start', 0] as const), 1), list(any, 25))
    .map((parts) => parts.flat());
}

const moments = fc.constantFrom(
  'a initialize',
  'a execute',
  'a finalize',
  'b execute',
  'is told of',
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
  'restarting',
  'result-dropped',
  'done',
  'results$',
  'asked for',
  'asked for',
  'let go of',
  'slot-started',
  'skipped',
  'slot-failed',
  'subscriber',
  'complete',
  'ready$',
  'done$',
  'join',
);

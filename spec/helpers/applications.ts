import fc from 'fast-check';
import { cron, ordered, parallel, supervise, type Runnable, type SimpleTask } from '../../lib/index.js';
import type { Scenario } from '../../lib/testing/index.js';
import { seededRandom } from '../../lib/testing/seeded-random.js';

/** Creates the task of a path. Its name is the last part of the path, or the whole path if it contains no group. */
export type CreateTask = (path: string, rows: string | readonly string[], name?: string) => SimpleTask;

/** Description of an application of scripted tasks. */
export type Plan =
  | { readonly kind: 'task'; readonly rows: readonly string[] }
  | { readonly kind: 'ordered' | 'parallel'; readonly members: readonly Plan[] }
  | {
      readonly kind: 'supervise';
      readonly of: Plan;
      readonly always: boolean;
      readonly maxRestarts: number;
      readonly jitter: number;
    }
  | {
      readonly kind: 'cron';
      readonly rows: readonly string[];
      readonly period: number;
      readonly overlap: 'skip' | 'bufferOne' | 'cancelOther';
      readonly maxRuns: number;
    };

/** An application, and what happens to it. */
export interface ApplicationCase {
  readonly plans: readonly Plan[];
  readonly options: Pick<Scenario, 'signals' | 'timeout' | 'drainDelay' | 'onFailure' | 'duration'>;
}

const dashes = (maxLength: number) => fc.nat(maxLength).map((length) => '-'.repeat(length));
const weighted = <T>(...choices: readonly (readonly [number, fc.Arbitrary<T>])[]): fc.Arbitrary<T> =>
  fc.oneof(...choices.map(([weight, arbitrary]) => ({ weight, arbitrary })));
const text = (...choices: readonly (readonly [number, string])[]) =>
  weighted(...choices.map(([weight, each]) => [weight, fc.constant(each)] as const));

/** Ways in which a hook reacts to a cancel: it is interrupted, ends later, or never ends. */
const cancelReaction = weighted(
  [6, fc.constant('')],
  [3, dashes(3).map((delay) => `!-${delay}`)],
  [1, fc.constant('?')],
);

/** Marbles of a run: with or without `initialize` and `finalize`, and with a failing or hanging hook. */
const marbleRow: fc.Arbitrary<string> = fc
  .record({
    initialize: weighted([1, fc.constant(undefined)], [2, dashes(4)]),
    initializing: text([12, '>'], [1, '#'], [1, '?']),
    values: fc.array(fc.constantFrom('-', '-', '-', 'a', 'b'), { maxLength: 6 }).map((marks) => marks.join('')),
    end: weighted([3, fc.constant('|')], [1, fc.constant('#')], [4, cancelReaction]),
    finalize: weighted([1, fc.constant(undefined)], [2, dashes(4)]),
    finalizing: text([12, '|'], [1, '#'], [1, '?']),
  })
  .map(({ initialize, initializing, values, end, finalize, finalizing }) => {
    // The failure of a run that never ends is not reported, so it would be missing in the recording.
    const failed = end === '#' || (initialize !== undefined && initializing === '#');
    const closing = finalize === undefined ? '' : `]${finalize}${failed && finalizing === '?' ? '|' : finalizing}`;
    const last = (mark: string) =>
      mark === '?'
        ? '?'
        : mark === '#' && closing
          ? `(#${closing.charAt(0)})${closing.slice(1)}`
          : mark === '#'
            ? '#'
            : closing || (mark === '' ? '' : '|');
    if (initialize !== undefined && initializing !== '>') return `[${initialize}${last(initializing)}`;
    const opening = initialize === undefined ? '' : `[${initialize}>`;
    // A hook with no further marks after its `!` ends there.
    if (end.startsWith('!')) return `${opening}${values}${end}${closing || '|'}`;
    if (end === '') return `${opening}${values}${closing && `(!])${closing.slice(1)}`}`;
    return `${opening}${values}${last(end)}`;
  });

const rows = fc.array(marbleRow, { minLength: 1, maxLength: 3 });

const { plan } = fc.letrec<{ plan: Plan; task: Plan; cron: Plan }>((tie) => ({
  task: fc.record({ kind: fc.constant('task' as const), rows: rows.map(([first = '']) => [first]) }),
  cron: fc.record({
    kind: fc.constant('cron' as const),
    rows,
    period: fc.integer({ min: 1, max: 9 }),
    overlap: fc.constantFrom('skip' as const),
    maxRuns: fc.integer({ min: 1, max: 5 }),
  }),
  plan: fc.oneof(
    { maxDepth: 2, depthIdentifier: 'tree' },
    { weight: 4, arbitrary: tie('task') },
    {
      weight: 3,
      arbitrary: fc.record({
        kind: fc.constantFrom('ordered' as const, 'parallel' as const),
        members: fc.array(tie('plan'), { minLength: 1, maxLength: 3, depthIdentifier: 'tree' }),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        kind: fc.constant('supervise' as const),
        // A recording does not show which slots belong to which run of a supervised cron.
        of: fc
          .oneof(fc.record({ kind: fc.constant('task' as const), rows }), tie('plan'))
          .filter(({ kind }) => kind !== 'cron'),
        always: fc.boolean(),
        maxRestarts: fc.nat(3),
        jitter: fc.constantFrom(0, 0.5, 1),
      }),
    },
    { weight: 1, arbitrary: tie('cron') },
  ),
}));

/** Generates applications, and what happens to them. */
export const applicationCases: fc.Arbitrary<ApplicationCase> = fc.record({
  plans: fc.array(plan, { minLength: 1, maxLength: 3 }),
  options: fc
    .record({
      at: fc.option(fc.nat(30)),
      signal: fc.constantFrom('T', 'T', 'I'),
      timeout: fc.constantFrom(3, 20, 1000),
      drainDelay: fc.constantFrom(0, 0, 5),
      onFailure: fc.constantFrom('cancel' as const, 'cancel' as const, 'continue' as const),
    })
    .map(({ at, signal, ...options }) => ({
      ...options,
      signals: at === null ? '' : `${'-'.repeat(at)}${signal}`,
      duration: 2000,
    })),
});

/** Creates the application that plans describe. Each task has a name of its own. */
export function applicationOf(plans: readonly Plan[], createTask: CreateTask): Runnable[] {
  let names = 0;
  const random = seededRandom(1);
  const create = (plan: Plan, group = ''): Runnable => {
    const name = `${plan.kind.charAt(0)}${++names}`;
    const path = `${group}${name}`;
    switch (plan.kind) {
      case 'task':
        return createTask(path, plan.rows);
      case 'cron':
        return cron(createTask(path, plan.rows), plan.period, { overlap: plan.overlap, maxRuns: plan.maxRuns });
      case 'supervise':
        return supervise(create(plan.of, group), {
          restart: plan.always ? 'always' : 'on-failure',
          maxRestarts: plan.maxRestarts,
          backoff: { initial: 3, factor: 2, jitter: plan.jitter, random },
        });
      default: {
        const members = plan.members.map((member) => create(member, `${path}/`));
        return (plan.kind === 'ordered' ? ordered : parallel)(name, ...members);
      }
    }
  };
  return plans.map((each) => create(each));
}

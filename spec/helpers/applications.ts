import fc from 'fast-check';
import { cron, ordered, parallel, supervise, type Runnable } from '../../lib/index.js';
import { script, type Recording, type Scenario } from '../../lib/testing/index.js';

/** An application of scripted tasks, as it is written down. */
export type Plan =
  | { readonly kind: 'task'; readonly lives: readonly string[] }
  | { readonly kind: 'ordered' | 'parallel'; readonly members: readonly Plan[] }
  | {
      readonly kind: 'supervise';
      readonly of: Plan;
      readonly always: boolean;
      readonly max: number;
      readonly jitter: number;
    }
  | {
      readonly kind: 'cron';
      readonly lives: readonly string[];
      readonly period: number;
      readonly overlap: 'skip' | 'bufferOne' | 'cancelOther';
      readonly runs: number;
    };

/** An application, and what happens to it. */
export interface Drama {
  readonly plans: readonly Plan[];
  readonly scene: Pick<Scenario, 'signals' | 'timeout' | 'drainDelay' | 'onFailure'> & { readonly for: number };
}

const dashes = (most: number) => fc.nat(most).map((length) => '-'.repeat(length));
const weighted = <T>(...choices: readonly (readonly [number, fc.Arbitrary<T>])[]): fc.Arbitrary<T> =>
  fc.oneof(...choices.map(([weight, arbitrary]) => ({ weight, arbitrary })));
const text = (...choices: readonly (readonly [number, string])[]) =>
  weighted(...choices.map(([weight, one]) => [weight, fc.constant(one)] as const));

/** How a hook ends that has been told to: by itself, in its time, or never. */
const obeying = weighted([6, fc.constant('')], [3, dashes(3).map((takes) => `!-${takes}`)], [1, fc.constant('?')]);

/** A life: with or without `initialize` and `finalize`, failing here or there, or hanging. */
const life: fc.Arbitrary<string> = fc
  .record({
    initialize: weighted([1, fc.constant(undefined)], [2, dashes(4)]),
    initializing: text([12, '>'], [1, '#'], [1, '?']),
    values: fc.array(fc.constantFrom('-', '-', '-', 'a', 'b'), { maxLength: 6 }).map((marks) => marks.join('')),
    end: weighted([3, fc.constant('|')], [1, fc.constant('#')], [4, obeying]),
    finalize: weighted([1, fc.constant(undefined)], [2, dashes(4)]),
    finalizing: text([12, '|'], [1, '#'], [1, '?']),
  })
  .map(({ initialize, initializing, values, end, finalize, finalizing }) => {
    // Of one that never ends nobody is told that it has failed.
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
    // What is told to end with a `!`, and has nothing more to show, has ended there.
    if (end.startsWith('!')) return `${opening}${values}${end}${closing || '|'}`;
    if (end === '') return `${opening}${values}${closing && `(!])${closing.slice(1)}`}`;
    return `${opening}${values}${last(end)}`;
  });

const lives = fc.array(life, { minLength: 1, maxLength: 3 });

const { plan } = fc.letrec<{ plan: Plan; task: Plan; cron: Plan }>((tie) => ({
  task: fc.record({ kind: fc.constant('task' as const), lives: lives.map(([first = '']) => [first]) }),
  cron: fc.record({
    kind: fc.constant('cron' as const),
    lives,
    period: fc.integer({ min: 1, max: 9 }),
    overlap: fc.constantFrom('skip' as const),
    runs: fc.integer({ min: 1, max: 5 }),
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
        // Which slots a cron had in which of its lives is not told.
        of: fc
          .oneof(fc.record({ kind: fc.constant('task' as const), lives }), tie('plan'))
          .filter(({ kind }) => kind !== 'cron'),
        always: fc.boolean(),
        max: fc.nat(3),
        jitter: fc.constantFrom(0, 0.5, 1),
      }),
    },
    { weight: 1, arbitrary: tie('cron') },
  ),
}));

/** Applications of all kinds, and what may happen to them. */
export const dramas: fc.Arbitrary<Drama> = fc.record({
  plans: fc.array(plan, { minLength: 1, maxLength: 3 }),
  scene: fc
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
      for: 2000,
    })),
});

/** Makes an application as it is written down. Each task has a name of its own. */
export function applicationOf(plans: readonly Plan[]): Runnable[] {
  let names = 0;
  // The same chance each time.
  let state = 1;
  const random = () => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647;
  const make = (plan: Plan): Runnable => {
    const name = `${plan.kind.charAt(0)}${++names}`;
    switch (plan.kind) {
      case 'task':
        return script(name, plan.lives);
      case 'cron':
        return cron(script(name, plan.lives), plan.period, { overlap: plan.overlap, maxRuns: plan.runs });
      case 'supervise':
        return supervise(make(plan.of), {
          restart: plan.always ? 'always' : 'on-failure',
          maxRestarts: plan.max,
          backoff: { initial: 3, factor: 2, jitter: plan.jitter, random },
        });
      default:
        return (plan.kind === 'ordered' ? ordered : parallel)(name, ...plan.members.map(make));
    }
  };
  return plans.map(make);
}

/**
 * Whether a recording says all that a replay has to know. A supervision that ends for good after a clean end is told like one that
 * fails, and whoever goes on while a member of its group fails may do what nobody has seen.
 */
export function isTold({ events }: Recording): boolean {
  return !events.some(
    ({ outcome }) => outcome?.error?.name === 'RestartLimitError' && outcome.error.message.endsWith('ms'),
  );
}

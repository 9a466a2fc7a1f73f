import fc from 'fast-check';

export type HookDuration = 'sync' | 'never' | number;

export interface HookPlan {
  readonly length: HookDuration;
  readonly fails: boolean;
}

export interface LeafPlan {
  readonly kind: 'leaf';
  readonly initialize: HookPlan | null;
  readonly execute: HookPlan;
  readonly finalize: HookPlan | null;
  readonly grace: number | null;
}

export type Plan =
  | LeafPlan
  | { readonly kind: 'ordered' | 'parallel'; readonly members: readonly Plan[] }
  | {
      readonly kind: 'supervise';
      readonly of: Plan;
      readonly restart: 'on-failure' | 'always';
      readonly max: number;
      readonly wait: number;
    }
  | { readonly kind: 'critical'; readonly of: Plan };

/** A tree of tasks, and when and how it is stopped. */
export interface Scenario {
  readonly root: Plan;
  /** When it is stopped: at a time, at the n-th call of a hook, or (`null`) when no more timers fire. */
  readonly stop: { readonly at: number } | { readonly call: number } | null;
  readonly how: 'cancel' | 'unsubscribe';
  /** The timeout of the join, in ms. */
  readonly timeout: number;
}

const hookPlan = (lengths: fc.Arbitrary<HookDuration>) =>
  fc.record({ length: lengths, fails: fc.integer({ min: 0, max: 9 }).map((n) => n === 9) });
const short = fc.oneof(
  { weight: 2, arbitrary: fc.constant<HookDuration>('sync') },
  { weight: 3, arbitrary: fc.integer({ min: 0, max: 6 }) },
);
const mostlyShort = (length: HookDuration, weight: number) =>
  fc.oneof({ weight: 20, arbitrary: short }, { weight, arbitrary: fc.constant(length) });

const leaf: fc.Arbitrary<LeafPlan> = fc.record<LeafPlan>({
  kind: fc.constant('leaf' as const),
  initialize: fc.option(hookPlan(mostlyShort('never', 1)), { freq: 4 }),
  execute: hookPlan(
    fc.oneof(
      short,
      fc.integer({ min: 5, max: 30 }),
      fc.constant<HookDuration>('never'),
      fc.constant<HookDuration>('never'),
    ),
  ),
  finalize: fc.option(hookPlan(mostlyShort('never', 1)), { freq: 4 }),
  grace: fc.option(fc.integer({ min: 0, max: 4 }), { freq: 1 }),
});

const { group } = fc.letrec<{ node: Plan; group: Plan }>((tie) => ({
  node: fc.oneof(
    { maxDepth: 3, depthIdentifier: 'tree' },
    { weight: 4, arbitrary: leaf },
    { weight: 4, arbitrary: tie('group') },
    {
      weight: 2,
      arbitrary: fc.record({
        kind: fc.constant('supervise' as const),
        of: tie('node'),
        restart: fc.constantFrom('on-failure' as const, 'always' as const),
        max: fc.integer({ min: 0, max: 2 }),
        wait: fc.integer({ min: 0, max: 4 }),
      }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('critical' as const), of: tie('node') }) },
  ),
  group: fc.record({
    kind: fc.constantFrom('ordered' as const, 'ordered' as const, 'parallel' as const),
    members: fc.array(tie('node'), { maxLength: 4, size: 'max', depthIdentifier: 'tree' }),
  }),
}));

export const scenarios: fc.Arbitrary<Scenario> = fc.record({
  root: group,
  stop: fc.oneof(
    fc.record({ at: fc.integer({ min: 0, max: 40 }) }),
    fc.record({ call: fc.integer({ min: 0, max: 12 }) }),
    fc.constant(null),
  ),
  how: fc.constantFrom('cancel' as const, 'cancel' as const, 'unsubscribe' as const),
  timeout: fc.constantFrom(0, 1, 4, 15, Infinity),
});

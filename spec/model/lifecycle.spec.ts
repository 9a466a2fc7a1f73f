import fc from 'fast-check';
import { ModelledRunner, RealRunner, type Acts, type Setup, type Sudden } from './lifecycle.js';
import type { Deed, Kind } from './hooks.js';
import { play, type Act } from './play.js';

const kinds = fc.constantFrom<Kind>('value', 'stream', 'stream', 'stream', 'promise', 'iterable', 'throws', 'rude');
const hook = fc.array(kinds, { minLength: 1, maxLength: 3 });
const setups: fc.Arbitrary<Setup> = fc.record({
  script: fc.record({
    initialize: fc.option(hook),
    execute: hook,
    finalize: fc.option(hook),
    grace: fc.constantFrom(null, null, 0, 5, Infinity),
  }),
  observed: fc.integer({ min: 0, max: 5 }).map((n) => n > 0),
  cancels: fc.boolean(),
});

const deeds = fc.constantFrom<Deed>(
  'yields',
  'yields',
  'ends',
  'ends',
  'ends',
  'fails',
  'fails with the cause',
  'fails around the cause',
  'aborts',
);
const causes = fc.constantFrom('first', 'second');
const which = fc.constantFrom('last' as const, 'last' as const, 'last' as const, 'first' as const);
const sudden: fc.Arbitrary<Act<Sudden>> = fc.oneof(
  { weight: 3, arbitrary: fc.tuple(fc.constant('cancel' as const), causes) },
  { weight: 2, arbitrary: fc.constant(['leave'] as const) },
  { weight: 2, arbitrary: fc.constant(['start'] as const) },
  { weight: 1, arbitrary: fc.constant(['listen'] as const) },
  { weight: 1, arbitrary: fc.tuple(fc.constant('taskCancels' as const), causes) },
  { weight: 1, arbitrary: fc.constant(['renew'] as const) },
  { weight: 6, arbitrary: fc.tuple(fc.constant('hook' as const), which, deeds) },
);
const moments = fc.constantFrom(
  'work a initialize',
  'work a execute',
  'work a finalize',
  'is told of',
  'is torn down',
  'is returned',
  'events a initializing',
  'events a ready',
  'events a cancelling',
  'events a finalizing',
  'events a late',
  'events a done',
  'results$',
  'subscriber',
  'complete',
  'ready$',
  'done$',
);
const acts: fc.Arbitrary<Act<Acts>> = fc.oneof(
  { weight: 8, arbitrary: sudden },
  { weight: 3, arbitrary: fc.constant(['start'] as const) },
  { weight: 2, arbitrary: fc.tuple(fc.constant('pass' as const), fc.integer({ min: 0, max: 6 })) },
  { weight: 2, arbitrary: fc.tuple(fc.constant('when' as const), moments, sudden) },
);

describe('A runner', () => {
  it('is what the model of a lifecycle is', () =>
    play<Setup, Acts, ModelledRunner>({
      runs: 4000,
      setups,
      acts,
      model: (setup) => new ModelledRunner(setup),
      real: (setup) => new RealRunner(setup),
      toTheEnd: ({ runner }) => (runner.run ? ['hook', 'last', 'ends'] : undefined),
    })).timeout(120_000);
});

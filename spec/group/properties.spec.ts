import { expect } from 'chai';
import fc from 'fast-check';
import { ObservedTree, type Guarantee } from './observed-tree.js';
import { scenarios, type Scenario } from './random-trees.js';
import { scaledRuns } from '../helpers/scaled-runs.js';

// spec/model compares groups with a reference implementation; these properties check the documented guarantees without
// one, so that they also find a mistake that the library and the reference share.

// A failure reports the seed and the smallest tree that fails.
const cases = { numRuns: scaledRuns(4000), seed: 20_261_124 };

type Faults = ObservedTree['faults'];
const faultsByScenario = new Map<string, Faults>();

/** Runs a scenario once and returns its faults, for all guarantees. */
function faultsOf(scenario: Scenario): Faults {
  const key = JSON.stringify(scenario);
  const faults = faultsByScenario.get(key) ?? new ObservedTree(scenario).run().faults;
  faultsByScenario.set(key, faults);
  return faults;
}

describe('A tree of groups', () => {
  const guarantees: readonly (readonly [Guarantee, string])[] = [
    ['hooks', 'runs initialize, then execute, then finalize of each leaf, one run at a time'],
    ['finalize', 'finalizes each leaf once for each start'],
    ['start order', 'starts a member of an ordered group when the previous one is ready or has ended without an error'],
    ['stop order', 'stops the members of an ordered group in reverse, each when the later ones have ended'],
    ['outlives', 'has no run that outlives its group'],
    ['error', 'fails with the error of the member that failed first'],
    ['status', 'reports how each member ended'],
    ['lost', 'loses no error'],
    ['join', 'lets a join end by its deadline with the names of the tasks that hang'],
    ['ends', 'ends unless a hook hangs'],
    ['leaks', 'leaves nothing behind'],
    ['values', 'emits the values of its leaves'],
  ];
  for (const [guarantee, title] of guarantees) {
    it(title, () => {
      fc.assert(
        fc.property(scenarios, (scenario) => {
          expect((faultsOf(scenario)[guarantee] ?? []).join('\n')).to.equal('');
        }),
        cases,
      );
    });
  }
});

import fc from 'fast-check';
import type { Acts, Setup } from './acts.js';
import { programs, trees } from './arbitraries.js';
import { ModelledApp } from './modelled-app.js';
import { patience, play } from './play.js';
import { RealApp } from './real-app.js';

const setups: fc.Arbitrary<Setup> = fc.record({
  trees: trees.map((one) => [one]),
  observed: fc.constant(true),
  cancels: fc.boolean(),
});

describe('A tree of groups', () => {
  it('is what the model of groups is', () =>
    play<Setup, Acts, ModelledApp>({
      runs: 3000,
      setups,
      programs: programs(),
      model: (setup) => new ModelledApp(setup),
      real: (setup) => new RealApp(setup),
      toTheEnd: (model) => model.next(),
    })).timeout(patience);
});

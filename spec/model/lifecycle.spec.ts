import fc from 'fast-check';
import type { Acts, Setup } from './acts.js';
import { programs, scripts } from './arbitraries.js';
import { ModelledApp } from './modelled-app.js';
import { patience, play } from './play.js';
import { RealApp } from './real-app.js';

const script = scripts('value', 'stream', 'stream', 'stream', 'promise', 'iterable', 'throws', 'rude', 'abrupt');
const setups: fc.Arbitrary<Setup> = fc.record({
  trees: script.map((one) => [{ kind: 'task', script: one }] as const),
  observed: fc.integer({ min: 0, max: 5 }).map((n) => n > 0),
  cancels: fc.boolean(),
});

describe('A runner', () => {
  it('is what the model of a lifecycle is', () =>
    play<Setup, Acts, ModelledApp>({
      runs: 4000,
      setups,
      programs: programs(),
      model: (setup) => new ModelledApp(setup),
      real: (setup) => new RealApp(setup),
      toTheEnd: (model) => model.next(),
    })).timeout(patience);
});

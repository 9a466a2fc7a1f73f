import fc from 'fast-check';
import type { Acts, Setup } from './acts.js';
import { programs, scripts, trees } from './arbitraries.js';
import { ModelledApp } from './modelled-app.js';
import { patience, play } from './play.js';
import { RealApp } from './real-app.js';

const script = scripts('value', 'stream', 'stream', 'promise', 'iterable', 'throws');
const task = script.map((one) => ({ kind: 'task', script: one }) as const);
const setups: fc.Arbitrary<Setup> = fc.record({
  trees: fc.array(fc.oneof({ weight: 4, arbitrary: task }, trees), { maxLength: 4 }),
  observed: fc.boolean(),
  cancels: fc.boolean(),
});

describe('A join', () => {
  it('is what the model of joins is', () =>
    play<Setup, Acts, ModelledApp>({
      runs: 3000,
      setups,
      programs: programs({ joins: true }),
      model: (setup) => new ModelledApp(setup),
      real: (setup) => new RealApp(setup),
      toTheEnd: (model) => model.next(),
    })).timeout(patience);
});

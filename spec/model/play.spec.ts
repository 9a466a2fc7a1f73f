import { expect } from 'chai';
import fc from 'fast-check';
import type { Acts, Setup } from './acts.js';
import { programs } from './arbitraries.js';
import { ModelledApp } from './modelled-app.js';
import { play } from './play.js';
import { RealApp } from './real-app.js';
import type { Script } from './script.js';

describe('A program that is played on a model and on the library', () => {
  it('fails where they differ: with its seed, its path, the smallest acts, and what is seen on either side', async () => {
    const script: Script = { initialize: null, execute: ['stream'], finalize: null, grace: null };
    const trees = [{ kind: 'task', script }] as const;
    let told: unknown;
    await play<Setup, Acts, ModelledApp>({
      runs: 100,
      setups: fc.constant({ trees, observed: true, cancels: true }),
      programs: programs(),
      model: (setup) => new ModelledApp(setup),
      real: () =>
        new RealApp({ trees: [{ kind: 'task', script: { ...script, grace: 5 } }], observed: true, cancels: true }),
      toTheEnd: (model) => model.next(),
    }).catch((error: unknown) => (told = error));
    const { message, cause } = told as Error;
    expect(message).to.match(/seed: -?\d+, path: "/);
    expect((cause as Error).message).to.match(/^start 0\n(cancel|leave)/m);
    expect((cause as Error).message).to.match(/ the model .*\n(.*\n)*.* the library /);
  });
});

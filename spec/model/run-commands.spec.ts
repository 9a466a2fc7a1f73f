import { expect } from 'chai';
import fc from 'fast-check';
import { programs } from './arbitraries.js';
import { compareApps } from './compare-apps.js';
import { RealApp } from './real-app.js';
import type { TaskPlan } from './task-plan.js';

describe('A program that runs on the library and on its model', () => {
  it('fails where they differ, with its seed, its path, the smallest commands, and both states', async () => {
    const plan: TaskPlan = { initialize: null, execute: ['stream'], finalize: null, grace: null, startTimeout: null };
    const setup = { trees: [{ kind: 'task', plan }], observed: true, cancels: true } as const;
    const other = { ...setup, trees: [{ kind: 'task', plan: { ...plan, grace: 5 } }] } as const;
    let failure: unknown;
    await compareApps(100, fc.constant(setup), programs(), () => new RealApp(other)).catch(
      (error: unknown) => (failure = error),
    );
    const { message, cause } = failure as Error;
    expect(message).to.match(/seed: -?\d+, path: "/);
    expect((cause as Error).message).to.match(/^start 0\n(cancel|unsubscribe)/m);
    expect((cause as Error).message).to.match(/ the model .*\n(.*\n)*.* the library /);
  });
});

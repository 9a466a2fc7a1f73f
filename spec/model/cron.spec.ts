import fc from 'fast-check';
import type { Acts, Setup } from './acts.js';
import { programs, scripts } from './arbitraries.js';
import type { CronPlan } from './cron.js';
import { ModelledApp } from './modelled-app.js';
import { patience, play } from './play.js';
import { RealApp } from './real-app.js';

const script = scripts('value', 'stream', 'stream', 'stream', 'promise', 'throws');

/** Crons whose slots are some units apart: of 1 ms, or of 5 s, so that a wait is longer than the clock is trusted. */
const plansBy = (unit: number): fc.Arbitrary<CronPlan> =>
  fc
    .record(
      {
        slots: fc.oneof(
          fc.integer({ min: 2, max: 9 }).map((period) => period * unit),
          fc
            .array(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 4 })
            .map((gaps) => gaps.map((gap) => gap * unit)),
        ),
        overlap: fc.constantFrom('skip', 'bufferOne', 'bufferAll', 'cancelOther', 'allowAll'),
        missed: fc.constantFrom('skip', 'runOnce', 'runAll'),
        tolerance: fc.constantFrom(0, 3 * unit, 10 * unit, Infinity),
        onError: fc.constantFrom('continue', 'continue', 'stop'),
        leased: fc.boolean(),
        maxRuns: fc.integer({ min: 1, max: 6 }),
        timeout: fc.integer({ min: 1, max: 12 }).map((units) => units * unit),
        immediate: fc.boolean(),
        startAt: fc.integer({ min: -10, max: 10 }).map((units) => units * unit),
        stopAt: fc.integer({ min: 11, max: 60 }).map((units) => units * unit),
        lastRun: fc.integer({ min: -20, max: 0 }).map((units) => units * unit),
      },
      { requiredKeys: ['slots', 'overlap', 'missed', 'tolerance', 'onError'] },
    )
    .map(({ lastRun, immediate, ...plan }) => {
      if (lastRun !== undefined && !immediate) return { ...plan, lastRun };
      return { ...plan, ...(immediate !== undefined && { immediate }) };
    });

const setupsBy = (unit: number): fc.Arbitrary<Setup> =>
  fc.record({
    trees: fc.tuple(script, plansBy(unit)).map(([one, cron]) => [{ kind: 'task', script: one, cron }] as const),
    observed: fc.integer({ min: 0, max: 9 }).map((n) => n > 0),
    cancels: fc.boolean(),
  });

describe('A cron', () => {
  for (const [title, unit] of [
    ['is what the model of crons is', 1],
    ['whose waits are long is, too', 5000],
  ] as const) {
    it(title, () =>
      play<Setup, Acts, ModelledApp>({
        runs: 2000,
        setups: setupsBy(unit),
        programs: programs({ most: 12 * unit, steps: 40 * unit, leases: true }),
        model: (setup) => new ModelledApp(setup),
        real: (setup) => new RealApp(setup),
        toTheEnd: (model) => model.next(),
      }),
    ).timeout(patience);
  }
});

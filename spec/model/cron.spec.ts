import fc from 'fast-check';
import type { Setup } from './commands.js';
import { programs, taskPlans } from './arbitraries.js';
import type { CronPlan } from './cron.js';
import { compareApps } from './compare-apps.js';

const plans = taskPlans('value', 'stream', 'stream', 'stream', 'promise', 'throws');

/** Generates crons whose slots are some units apart. With a unit of 5 s, a wait exceeds 30 s and is split. */
const cronPlansBy = (unit: number): fc.Arbitrary<CronPlan> =>
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
    trees: fc.tuple(plans, cronPlansBy(unit)).map(([plan, cron]) => [{ kind: 'task', plan, cron }] as const),
    observed: fc.integer({ min: 0, max: 9 }).map((n) => n > 0),
    cancels: fc.boolean(),
  });

describe('A cron', () => {
  for (const [title, unit] of [
    ['behaves like its model', 1],
    ['with long waits behaves like its model', 5000],
  ] as const) {
    // No timeout: the time depends on the machine.
    it(title, () =>
      compareApps(
        2000,
        setupsBy(unit),
        programs({ maxAdvance: 12 * unit, maxClockStep: 40 * unit, leases: true, joins: true }),
      ),
    ).timeout(0);
  }
});

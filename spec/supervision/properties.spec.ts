import { expect } from 'chai';
import fc from 'fast-check';
import { NEVER } from 'rxjs';
import { RestartLimitError, supervise, task, withCancel } from '../../lib/index.js';
import { virtualClock } from '../../lib/testing/index.js';
import { cycle, failAfter, outcomeOf, throwing } from '../helpers/tasks.js';
import { scaledRuns } from '../helpers/scaled-runs.js';

// The model in spec/model covers the lifecycle, cancels and what a run leaves behind. It has no jitter, only whole
// factors, and short windows. These properties cover the rest: jitter, fractional factors, and windows up to Infinity.

/** A task that fails in each of its runs, after these times. After the last one it runs until it is cancelled. */
interface Scenario {
  readonly lengths: readonly number[];
  readonly initial: number;
  readonly max: number;
  readonly factor: number;
  readonly jitter: number;
  readonly maxRestarts: number;
  readonly window: number;
  readonly healthyFor: number;
  readonly randoms: readonly number[];
}

// All fractions are sums of powers of two, so that the delays and the times add up without rounding.
const scenarios: fc.Arbitrary<Scenario> = fc.record({
  lengths: fc.array(fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 60 })), { maxLength: 15 }),
  initial: fc.integer({ min: 0, max: 50 }),
  max: fc.integer({ min: 0, max: 120 }),
  factor: fc.constantFrom(1, 1.5, 2, 3),
  jitter: fc.constantFrom(0, 0.25, 0.5, 1),
  maxRestarts: fc.constantFrom(0, 1, 2, 3, 5, Infinity),
  window: fc.oneof(fc.integer({ min: 0, max: 300 }), fc.constant(Infinity)),
  healthyFor: fc.integer({ min: 1, max: 50 }),
  randoms: fc.array(
    fc.integer({ min: 0, max: 63 }).map((n) => n / 64),
    { minLength: 1, maxLength: 5 },
  ),
});

interface Restart {
  readonly at: number;
  readonly delay: number;
}

function run({ lengths, maxRestarts, window, healthyFor, randoms, ...backoff }: Scenario) {
  const clock = virtualClock();
  const [ctx, cancel] = withCancel(undefined, { scheduler: clock });
  const starts: number[] = [];
  const restarts: Restart[] = [];
  const execute = () => {
    const length = lengths[starts.push(clock.now()) - 1];
    if (length === undefined) return NEVER;
    return length > 0 ? failAfter(length, clock) : throwing()();
  };
  const runner = supervise(task('x', execute), {
    backoff: { ...backoff, random: cycle(randoms) },
    maxRestarts,
    window,
    healthyFor,
  });
  runner.events$.subscribe((event) => {
    if (event.type === 'restarting') restarts.push({ at: event.at, delay: event.delay });
  });
  runner.start(ctx).subscribe({ error: () => undefined });
  clock.advance(1e5);
  cancel();
  return { starts, restarts, outcome: outcomeOf(runner) };
}

/** Computes the restarts from the documentation of the options, and when the limit is exceeded. */
function expectedRestarts({ lengths, initial, max, factor, jitter, healthyFor, randoms, ...limits }: Scenario) {
  const random = cycle(randoms);
  const restarts: Restart[] = [];
  let now = 0;
  let failures = 0;
  for (const length of lengths) {
    now += length;
    const recent = restarts.filter(({ at }) => now - at < limits.window);
    if (recent.length >= limits.maxRestarts) return { restarts, failedAt: now };
    if (length >= healthyFor) failures = 0;
    const exact = Math.min(max, initial * factor ** failures++);
    const delay = Math.min(max, exact * (1 + jitter * (2 * random() - 1)));
    restarts.push({ at: now, delay });
    now += delay;
  }
  return { restarts, failedAt: undefined };
}

const cases = { numRuns: scaledRuns(500) };

describe('A supervised task with any options', () => {
  it('restarts after the documented delays, and fails when the limit is exceeded', () => {
    fc.assert(
      fc.property(scenarios, (scenario) => {
        const { restarts, outcome } = run(scenario);
        const expected = expectedRestarts(scenario);
        expect(restarts).to.deep.equal(expected.restarts);
        expect(outcome?.status).to.equal(expected.failedAt === undefined ? 'cancelled' : 'failed');
        expect(outcome?.endedAt).to.equal(expected.failedAt ?? 1e5);
      }),
      cases,
    );
  });

  it('never exceeds the restart limit within the window', () => {
    fc.assert(
      fc.property(scenarios, (scenario) => {
        const { restarts, outcome } = run(scenario);
        const { maxRestarts, window } = scenario;
        for (const { at } of restarts)
          expect(restarts.filter((other) => other.at >= at && other.at < at + window)).to.have.lengthOf.at.most(
            maxRestarts,
          );
        if (outcome?.error instanceof RestartLimitError) {
          const { endedAt = NaN } = outcome;
          expect(restarts.filter(({ at }) => endedAt - at < window)).to.have.length(maxRestarts);
        }
      }),
      cases,
    );
  });

  it('waits for each delay, which is within its bounds', () => {
    fc.assert(
      fc.property(scenarios, (scenario) => {
        const { restarts, starts } = run(scenario);
        const { initial, max, jitter } = scenario;
        for (const { delay } of restarts) expect(delay).to.be.within(Math.min(max, initial) * (1 - jitter), max);
        expect(starts).to.deep.equal([0, ...restarts.map(({ at, delay }) => at + delay)]);
      }),
      cases,
    );
  });
});

import { expect } from 'chai';
import { cron, task, type CronOptions } from '../../lib/index.js';
import { pause, waitUntil } from '../helpers/wait.js';

type Missed = NonNullable<CronOptions['missed']>;
const missedPolicies: readonly Missed[] = ['skip', 'runOnce', 'runAll'];
const schedules = [1000, '* * * * * *'] as const;
const hour = 3_600_000;

/** The slots that a cron reports, run or missed, in s after the start. */
interface Slots {
  readonly all: number[];
  readonly afterStep: number[];
  readonly runAfterStep: number[];
}

/**
 * Starts a cron of each kind, sets the clock by some ms before the first slot, and waits until the crons have reported
 * enough slots. Nothing depends on how late the timers fire: a late slot is reported, too.
 */
async function slotsAround(step: number, isEnough: (slots: Slots, schedule: number | string) => boolean) {
  const { now } = Date;
  const start = Math.ceil(now() / 1000) * 1000;
  const crons = schedules.flatMap((schedule) =>
    missedPolicies.map((missed) => {
      const slots: Slots = { all: [], afterStep: [], runAfterStep: [] };
      const runner = cron(
        task('x', () => 1),
        schedule,
        { missed, tolerance: 100, startAt: start, immediate: false },
      );
      runner.events$.subscribe((event) => {
        if (event.type !== 'slot-started' && event.type !== 'missed') return;
        const slot = (event.slot - start) / 1000;
        const count = event.type === 'missed' ? event.count : 1;
        const reported = Array.from({ length: count }, (_, k) => slot + k);
        slots.all.push(...reported);
        if (Date.now === now) return;
        slots.afterStep.push(...reported);
        if (event.type === 'slot-started') slots.runAfterStep.push(slot);
      });
      return { schedule, missed, slots, subscription: runner.start().subscribe() };
    }),
  );
  await pause(start + 300 - now());
  Date.now = () => now.call(Date) + step;
  try {
    await waitUntil(() => crons.every(({ slots, schedule }) => isEnough(slots, schedule)));
  } finally {
    Date.now = now;
    for (const { subscription } of crons) subscription.unsubscribe();
  }
  return (schedule: number | string, missed: Missed) =>
    crons.find((candidate) => candidate.schedule === schedule && candidate.missed === missed)?.slots ??
    expect.fail('There is no such cron');
}

/** Asserts that no slot from the first on is left out or there twice. */
function expectEachOnce([first = NaN, ...others]: readonly number[]): void {
  expect(first).to.be.below(3600);
  others.forEach((slot, k) => expect(slot).to.equal(first + k + 1));
}

describe('A cron with real timers whose clock is set', () => {
  it('forward by an hour loses no slot and runs none twice, and follows `missed`', async () => {
    // The first timer after the step finds the clock between two slots, 600 ms or more past slot 3600.
    const slots = await slotsAround(hour - 400, ({ runAfterStep }) => runAfterStep.some((slot) => slot >= 3600));
    for (const schedule of schedules) {
      for (const missed of missedPolicies) expectEachOnce(slots(schedule, missed).all);
      expect(Math.min(...slots(schedule, 'skip').runAfterStep)).to.be.above(3600);
      expect(Math.min(...slots(schedule, 'runOnce').runAfterStep)).to.be.at.least(3600);
      expectEachOnce(slots(schedule, 'runAll').runAfterStep);
    }
  });

  it('back by an hour goes on with a period, and waits with an expression', async () => {
    const enough = ({ all }: Slots, schedule: number | string) => schedule !== 1000 || (all.at(-1) ?? 0) >= 2;
    const slots = await slotsAround(-hour, enough);
    for (const missed of missedPolicies) {
      expectEachOnce(slots(1000, missed).all);
      expect(slots('* * * * * *', missed).afterStep).to.deep.equal([]);
    }
  });
});

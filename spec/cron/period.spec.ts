import { expect } from 'chai';
import fc from 'fast-check';
import { nextRuns } from '../../lib/index.js';
import { countPassed, slotAfter, toSchedule, type CountedSchedule } from '../../lib/cron/schedule.js';
import { createCron, fractions } from '../helpers/schedules.js';
import { scaledRuns } from '../helpers/scaled-runs.js';

/** Returns the greatest number below a number that is not 0. */
function justBefore(time: number): number {
  const bits = new BigInt64Array(new Float64Array([time]).buffer);
  bits[0] = (bits[0] ?? 0n) - (time > 0 ? 1n : -1n);
  return new Float64Array(bits.buffer)[0] ?? NaN;
}

describe('A period', () => {
  it('is refused when it is created unless it is from 1 ms to below 8.64e15 ms', () => {
    const invalidPeriods: [number, string][] = [
      [0, '`0` (number)'],
      [-0, '`-0` (number)'],
      [-1, '`-1` (number)'],
      [NaN, '`NaN` (number)'],
      [Infinity, '`Infinity` (number)'],
      [-Infinity, '`-Infinity` (number)'],
      [0.999, '`0.999` (number)'],
      [5e-5, '`0.00005` (number)'],
      [8.64e15, '`8640000000000000` (number)'],
      [1e300, '`1e+300` (number)'],
    ];
    for (const [period, got] of invalidPeriods)
      for (const made of [() => createCron(period), () => nextRuns(period, 1)])
        expect(made).to.throw(
          RangeError,
          `Expected \`schedule\` to be a period from 1 ms to below 8.64e15 ms, got ${got}`,
        );
    for (const made of [() => createCron('10'), () => nextRuns('10', 1)])
      expect(made).to.throw(
        RangeError,
        'Expected `schedule` to be a number of ms, a cron expression of 5 or 6 fields, or a nickname ' +
          "such as `@daily`, got `'10'` (string)",
      );
    for (const made of [() => createCron(10n as never), () => nextRuns(10n as never, 1)])
      expect(made).to.throw(TypeError, 'Expected `schedule` to be a period in ms, a cron expression, or a Schedule');
  });

  const counted = (period: number, start: number) => toSchedule(period, undefined).from(start) as CountedSchedule;
  const periods = fc.oneof(
    fc.integer({ min: 1, max: 1e9 }),
    fc.constantFrom(1.1, 1.7, 16.67, 4 / 3, 1000 / 60, 1, 1e9),
    fc.double({ min: 1, max: 1e9, noNaN: true }),
  );
  const starts = fc.oneof(
    fc.constantFrom(0, 0.5, 1e9, 1.7e12 + 0.25),
    fc.integer({ min: 0, max: 2e12 }),
    fc.double({ min: 0, max: 2e12, noNaN: true }),
  );
  /** Times in periods from the start, at a slot or between two. */
  const positions = fc.tuple(fc.nat(1e6), fc.oneof(fc.constant(0), fractions)).map(([k, fraction]) => k + fraction);
  const many = { numRuns: scaledRuns(2000) };

  it('is due at start + k · period, strictly increasing and without drift', () => {
    fc.assert(
      fc.property(periods, starts, fc.integer({ min: 0, max: 1e6 }), (period, start, k) => {
        const schedule = counted(period, start);
        let slot = start + k * period;
        for (let step = 1; step <= 20; step++) {
          const following = slotAfter(schedule, slot);
          expect(following).to.equal(start + (k + step) * period);
          expect(following).to.be.greaterThan(slot);
          slot = following ?? NaN;
        }
      }),
      many,
    );
  });

  it('has the same next slot for all times between two slots, and start + period as its first', () => {
    fc.assert(
      fc.property(periods, starts, fc.integer({ min: 0, max: 1e6 }), fractions, (period, start, k, fraction) => {
        const schedule = counted(period, start);
        const slot = start + (k + 1) * period;
        const between = start + k * period + fraction * period * 0.999;
        fc.pre(between < slot);
        expect(slotAfter(schedule, between)).to.equal(slot);
        expect(slotAfter(schedule, start - fraction * period * 1e3)).to.equal(start + period);
      }),
      many,
    );
  });

  it('has a slot as the next one for the time just before it', () => {
    // The quotient is rounded down, and up.
    expect(slotAfter(counted(1.1, 0), 18.7)).to.equal(17 * 1.1);
    expect(slotAfter(counted(1.1, 0), 7.7)).to.equal(7 * 1.1);
    fc.assert(
      fc.property(periods, starts, fc.integer({ min: 1, max: 1e6 }), (period, start, k) => {
        const slot = start + k * period;
        expect(slotAfter(counted(period, start), justBefore(slot))).to.equal(slot);
      }),
      many,
    );
  });

  it('counts as many passed slots as one gets by asking for each next one', () => {
    fc.assert(
      fc.property(periods, starts, positions, fc.nat(60), fc.boolean(), (period, start, position, ahead, atSlot) => {
        const schedule = counted(period, start);
        const after = start + position * period;
        const until = start + (atSlot ? Math.floor(position) + ahead : position + ahead) * period;
        let count = 0;
        let last: number | undefined;
        for (
          let slot = slotAfter(schedule, after);
          slot !== undefined && slot <= until;
          slot = slotAfter(schedule, slot)
        ) {
          count++;
          last = slot;
        }
        const passed = schedule[countPassed](after, Math.max(after, until));
        expect(passed.count).to.equal(count);
        if (count > 0) expect(passed.last).to.equal(last);
      }),
      many,
    );
  });

  it('counts no passed slot before its first one', () => {
    expect(counted(100, 1000)[countPassed](0, 1099).count).to.equal(0);
    expect(counted(100, 1000)[countPassed](0, 1100)).to.deep.equal({ last: 1100, count: 1 });
    expect(counted(100, 1000)[countPassed](1100, 1299)).to.deep.equal({ last: 1200, count: 1 });
  });

  it('has no slot after the latest time that a Date can hold', () => {
    expect(slotAfter(counted(8.63e15, 1e12), 1e12)).to.equal(8.631e15);
    expect(slotAfter(counted(8.63e15, 1e12), 8.631e15)).to.equal(undefined);
    expect(nextRuns(8.63e15, 3, { from: 1e12 }).map(Number)).to.deep.equal([8.631e15]);
  });
});

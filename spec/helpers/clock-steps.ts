import fc from 'fast-check';
import type { Schedule } from '../../lib/index.js';
import { slotAfter } from '../../lib/cron/schedule.js';
import type { VirtualClock } from '../../lib/testing/index.js';

/** A Schedule that is due after gaps, which repeat. */
export class RepeatingGaps implements Schedule {
  readonly gaps: readonly number[];

  constructor(gaps: readonly number[]) {
    this.gaps = gaps;
  }

  next(after: number): number {
    const cycle = this.gaps.reduce((sum, gap) => sum + gap);
    let slot = Math.floor(after / cycle) * cycle;
    for (let k = 0; slot <= after; k++) slot += this.gaps[k % this.gaps.length] ?? NaN;
    return slot;
  }
}

/** Periods, whole and fractional, and repeating gaps, of about 10 units of some ms. */
export function schedulesBy(unit: number): fc.Arbitrary<number | RepeatingGaps> {
  return fc.oneof(
    fc.integer({ min: 3, max: 20 }).map((period) => period * unit),
    fc.constantFrom(7.5 * unit, 10.25 * unit),
    fc
      .array(fc.integer({ min: 1, max: 25 }), { minLength: 1, maxLength: 5 })
      .map((gaps) => new RepeatingGaps(gaps.map((gap) => gap * unit))),
  );
}

/** A step of a machine, in ms: time passes, or passes while the process is blocked, or the clock is set. */
export type Step = { run: number } | { block: number } | { set: number };

/** Steps of a machine whose clock is never set. */
export const steadySteps: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ run: fc.integer({ min: 0, max: 60 }) }) },
  fc.record({ block: fc.integer({ min: 0, max: 60 }) }),
);

/** Steps of a machine whose clock is set now and then. */
export const unsteadySteps: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: steadySteps },
  { weight: 2, arbitrary: fc.record({ set: fc.integer({ min: -200, max: 200 }) }) },
);

/** Takes steps, each multiplied by a number of ms. */
export function takeSteps(clock: VirtualClock, steps: readonly Step[], unit = 1): void {
  for (const step of steps) {
    if ('run' in step) clock.advance(step.run * unit);
    else if ('block' in step) clock.advanceSilently(step.block * unit);
    else clock.adjust(step.set * unit);
  }
}

/** Returns all slots from one to another, both included. */
export function slotsBetween(schedule: Schedule, first: number, last: number): number[] {
  const slots: number[] = [];
  for (let slot: number | undefined = first; slot !== undefined && slot <= last; slot = slotAfter(schedule, slot))
    slots.push(slot);
  return slots;
}

/** Sequences of random numbers, in fractions that add up without rounding. */
export const randomSequences: fc.Arbitrary<number[]> = fc.array(
  fc.integer({ min: 0, max: 63 }).map((n) => n / 64),
  { minLength: 1, maxLength: 7 },
);

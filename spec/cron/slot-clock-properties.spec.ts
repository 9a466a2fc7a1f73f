// Proves what the model of crons (spec/model) does not: the values of dueSlots itself, with a jitter and with
// fractional periods, and that every slot comes within 30 s of the last step of the clock.
import { expect } from 'chai';
import fc from 'fast-check';
import { toSchedule } from '../../lib/cron/schedule.js';
import { dueSlots, type DueSlots } from '../../lib/cron/slot-clock.js';
import { virtualClock } from '../../lib/testing/index.js';
import { randomSequences, schedulesBy, slotsBetween, takeSteps, unsteadySteps } from '../helpers/clock-steps.js';
import { scaledRuns } from '../helpers/scaled-runs.js';
import { cycle } from '../helpers/tasks.js';

const cases = { numRuns: scaledRuns(1000) };

/** Timetables of a unit of 1 ms, or of 5 s, so that a wait is longer than the clock is trusted. */
const timetablesBy = (unit: number) =>
  fc.record({
    unit: fc.constant(unit),
    schedule: schedulesBy(unit),
    start: fc.integer({ min: -1000, max: 1000 }),
    immediate: fc.boolean(),
    jitter: fc.constantFrom(0, 0, 3 * unit, 15 * unit),
    random: randomSequences,
    stopAfter: fc.option(fc.integer({ min: 1, max: 500 * unit })),
    steps: fc.array(unsteadySteps, { maxLength: 20 }),
  });
const timetables = fc.oneof(timetablesBy(1), timetablesBy(5000));
type TimetableCase = typeof timetables extends fc.Arbitrary<infer T> ? T : never;

/** Subscribes to the slots of a timetable and takes the steps of its clock. */
function emitSlots(
  { unit, schedule, start, immediate, jitter, random, stopAfter, steps }: TimetableCase,
  onSlots: (slots: DueSlots, now: number) => void,
) {
  const clock = virtualClock(start);
  const source = toSchedule(schedule, undefined);
  const from = source.from(start);
  const stopAt = stopAfter === null ? Infinity : start + stopAfter;
  const due$ = dueSlots(
    () => ({
      schedule: from,
      immediate: immediate ? start : undefined,
      after: start,
      startAt: -Infinity,
      stopAt,
      elapsed: source.elapsed,
      jitter,
      random: cycle(random),
    }),
    clock,
  );
  const subscription = due$.subscribe((slots) => onSlots(slots, clock.now()));
  takeSteps(clock, steps, unit);
  return { clock, schedule: from, stopAt, subscription };
}

describe('The slots that dueSlots emits', () => {
  it('strictly increase, and none is left out, whatever steps the clock takes', () => {
    fc.assert(
      fc.property(timetables, (timetable) => {
        const emitted: DueSlots[] = [];
        const { schedule, stopAt } = emitSlots(timetable, (slots) => emitted.push(slots));
        let previous: number | undefined;
        for (const { first, last, count } of emitted) {
          if (previous !== undefined) expect(first).to.equal(schedule.next(previous));
          else expect(first).to.equal(timetable.immediate ? timetable.start : schedule.next(timetable.start));
          expect(slotsBetween(schedule, first, last)).to.have.length(count);
          expect(last).to.be.lessThan(stopAt);
          previous = last;
        }
      }),
      cases,
    );
  });

  it('are emitted when they are due and not before, with the delay since then', () => {
    fc.assert(
      fc.property(timetables, (timetable) => {
        const emitted: [slots: DueSlots, now: number][] = [];
        emitSlots(timetable, (slots, now) => emitted.push([slots, now]));
        // A period follows elapsed time. A clock that is set back by no more than 50 ms does not count as set back.
        const maxEarly = typeof timetable.schedule === 'number' ? 50 : 0;
        for (const [{ last, due, lateBy }, now] of emitted) {
          expect(lateBy).to.equal(Math.max(0, now - due));
          expect(due).to.be.at.most(now + maxEarly);
          if (maxEarly === 0) expect(due).to.be.within(last, last + timetable.jitter);
        }
      }),
      cases,
    );
  });

  it('have all been emitted 30 s after the last step of the clock', () => {
    fc.assert(
      fc.property(timetablesBy(5000), (timetable) => {
        let last = timetable.immediate ? timetable.start - 1 : timetable.start;
        const { clock, schedule, stopAt, subscription } = emitSlots(timetable, (slots) => (last = slots.last));
        clock.advance(30_000);
        const isPeriod = typeof timetable.schedule === 'number';
        if (!isPeriod) {
          const following = last < timetable.start ? timetable.start : (schedule.next(last) ?? Infinity);
          // A slot is delayed by no more than the jitter.
          if (following < stopAt) expect(following + timetable.jitter).to.be.greaterThan(clock.now());
        }
        // A period is due each time that it has elapsed, delayed by no more than the jitter.
        const previous = last;
        if (isPeriod) clock.advance(Number(timetable.schedule) + timetable.jitter);
        if (isPeriod && stopAt === Infinity) expect(last).to.be.greaterThan(previous);
        subscription.unsubscribe();
        expect(clock.timers).to.equal(0);
      }),
      cases,
    );
  });
});

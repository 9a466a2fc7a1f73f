import { expect } from 'chai';
import {
  asyncScheduler,
  defer,
  map,
  take,
  type Observable,
  toArray,
  Subscription,
  type SchedulerAction,
  type SchedulerLike,
} from 'rxjs';
import sinon from 'sinon';
import type { DueSlots } from '../../lib/cron/slot-clock.js';
import type { Timetable } from '../../lib/cron/timetable.js';
import { dueSlots } from '../../lib/cron/slot-clock.js';
import { toSchedule } from '../../lib/cron/schedule.js';
import { virtually } from '../helpers/virtual-time.js';

type Emitted = Omit<DueSlots, 'schedule'>;

/** Emits the due slots without their schedule. */
const emittedSlots = (timetable: Timetable, scheduler: SchedulerLike): Observable<Emitted> =>
  dueSlots(() => timetable, scheduler).pipe(
    map(({ first, last, count, due, lateBy, moreDue }) => ({ first, last, count, due, lateBy, moreDue })),
  );

const due = (at: number): Emitted => ({ first: at, last: at, count: 1, due: at, lateBy: 0, moreDue: false });

function periodSlots(period: number, scheduler: SchedulerLike, immediate: boolean): Observable<Emitted> {
  return defer(() => {
    const start = scheduler.now();
    return emittedSlots(
      {
        schedule: toSchedule(period, undefined).from(start),
        immediate: immediate ? start : undefined,
        after: start,
        startAt: -Infinity,
        stopAt: Infinity,
        elapsed: true,
        jitter: 0,
        random: Math.random,
      },
      scheduler,
    );
  });
}

describe('dueSlots', () => {
  it('emits slot k at start + k · period', () => {
    virtually(({ expectObservable }, scheduler) => {
      expectObservable(periodSlots(3, scheduler, true), '--^--------!').toBe('--a--b--c--', {
        a: due(2),
        b: due(5),
        c: due(8),
      });
      expectObservable(periodSlots(3, scheduler, false), '--^--------!').toBe('-----b--c--', { b: due(5), c: due(8) });
    });
  });

  it('accepts a period of any length', () => {
    virtually(({ expectObservable }, scheduler) => {
      const day = 86_400_000;
      expectObservable(periodSlots(30 * day, scheduler, false), `^ ${61 * day}ms !`).toBe(
        `${30 * day}ms a ${30 * day - 1}ms b`,
        {
          a: due(30 * day),
          b: due(60 * day),
        },
      );
    });
  });

  /** Creates a clock that the spec sets, and whose timers the spec fires. */
  function manualClock(): {
    scheduler: SchedulerLike;
    waits: number[];
    set: (now: number) => void;
    fire: (now: number) => void;
  } {
    let now = 0;
    let fire = () => undefined as unknown;
    const waits: number[] = [];
    const scheduler: SchedulerLike = {
      now: () => now,
      schedule<T>(work: (this: SchedulerAction<T>, state: T) => void, delay: number, state: T) {
        waits.push(delay);
        fire = () => work.call(new Subscription() as SchedulerAction<T>, state);
        return new Subscription();
      },
    };
    return { scheduler, waits, set: (at) => void (now = at), fire: (at) => void ((now = at), fire()) };
  }

  it('does not drift: a late slot does not move the next one', () => {
    const { scheduler, waits, fire } = manualClock();
    const slots: Emitted[] = [];
    periodSlots(100, scheduler, false).subscribe((slot) => slots.push(slot));
    for (const at of [103, 207, 300, 399.5, 502]) fire(at);
    expect(waits).to.deep.equal([100, 97, 93, 100, 100.5, 98]);
    expect(slots.map(({ last, lateBy }) => [last, lateBy])).to.deep.equal([
      [100, 3],
      [200, 7],
      [300, 0],
      [400, 0],
      [500, 2],
    ]);
  });

  it('emits the slots that passed meanwhile as one value, and none twice', () => {
    const { scheduler, waits, fire } = manualClock();
    const slots: Emitted[] = [];
    periodSlots(100, scheduler, true).subscribe((slot) => slots.push(slot));
    fire(100);
    fire(555);
    fire(600);
    expect(slots).to.deep.equal([
      due(0),
      due(100),
      { first: 200, last: 500, count: 4, due: 500, lateBy: 55, moreDue: false },
      due(600),
    ]);
    expect(waits).to.deep.equal([100, 100, 45, 100]);
  });

  it('keeps its period without drift when the clock is set back by an hour', () => {
    const { scheduler, waits, fire } = manualClock();
    const slots: number[] = [];
    periodSlots(100, scheduler, false).subscribe(({ last }) => slots.push(last));
    fire(100);
    fire(200 - 3_600_000);
    fire(300 - 3_600_000);
    fire(405 - 3_600_000);
    fire(512 - 3_600_000);
    expect(slots).to.deep.equal([100, 200, 300, 400, 500]);
    expect(waits).to.deep.equal([100, 100, 100, 100, 95, 88]);
  });

  it('clears its timer when it is unsubscribed, also from inside a slot', () => {
    const clock = sinon.useFakeTimers();
    try {
      const subscription = periodSlots(10, asyncScheduler, true).subscribe();
      expect(clock.countTimers()).to.equal(1);
      clock.tick(25);
      subscription.unsubscribe();
      expect(clock.countTimers()).to.equal(0);
      const slots: Emitted[][] = [];
      periodSlots(10, asyncScheduler, true)
        .pipe(take(2), toArray())
        .subscribe((all) => slots.push(all));
      clock.tick(100);
      expect([slots.length, clock.countTimers()]).to.deep.equal([1, 0]);
    } finally {
      clock.restore();
    }
  });

  it('does not wait when its subscriber has blocked past the next slot', () => {
    const { scheduler, waits, fire, set } = manualClock();
    periodSlots(100, scheduler, false).subscribe(({ last }) => last === 100 && set(250));
    fire(100);
    fire(250);
    expect(waits).to.deep.equal([100, 0, 50]);
  });

  /** Subscribes to the slots of a timetable on a manual clock. */
  const subscribed = (timetable: Partial<Timetable>) => {
    const clock = manualClock();
    const emitted: (Emitted | 'complete' | Error)[] = [];
    emittedSlots(
      {
        schedule: { next: (after) => Math.floor(after / 10) * 10 + 10 },
        immediate: undefined,
        after: 0,
        startAt: -Infinity,
        stopAt: Infinity,
        elapsed: false,
        jitter: 0,
        random: () => 0.5,
        ...timetable,
      },
      clock.scheduler,
    ).subscribe({
      next: (slots) => emitted.push(slots),
      error: (error: unknown) => emitted.push(error as Error),
      complete: () => emitted.push('complete'),
    });
    return { ...clock, emitted };
  };

  it('emits at most a thousand slots at once, with `moreDue`, and goes on without a wait', () => {
    const { waits, fire, emitted } = subscribed({});
    fire(15_003);
    fire(15_004);
    fire(15_010);
    expect(emitted).to.deep.equal([
      { first: 10, last: 10_000, count: 1000, due: 10_000, lateBy: 5003, moreDue: true },
      { first: 10_010, last: 15_000, count: 500, due: 15_000, lateBy: 4, moreDue: false },
      due(15_010),
    ]);
    expect(waits).to.deep.equal([10, 0, 6, 10]);
  });

  it('does not set `moreDue` when the thousandth slot is the last', () => {
    const { fire, emitted } = subscribed({});
    fire(10_000);
    expect(emitted).to.deep.equal([{ first: 10, last: 10_000, count: 1000, due: 10_000, lateBy: 0, moreDue: false }]);
  });

  it('waits again when its timer fires early by the clock', () => {
    const { waits, fire, emitted } = subscribed({});
    fire(9);
    expect([emitted, waits]).to.deep.equal([[], [10, 1]]);
    fire(10);
    expect(emitted).to.deep.equal([due(10)]);
  });

  it('waits 30 s at most, and then for the rest', () => {
    const { waits, fire, emitted } = subscribed({
      schedule: { next: (after) => (after < 70_000 ? 70_000 : undefined) },
    });
    fire(30_000);
    fire(60_000);
    fire(70_000);
    expect(waits).to.deep.equal([30_000, 30_000, 10_000]);
    expect(emitted).to.deep.equal([due(70_000), 'complete']);
  });

  it('completes after the last slot before stopAt', () => {
    const { waits, fire, emitted } = subscribed({ stopAt: 30 });
    fire(10);
    fire(20);
    expect([emitted, waits]).to.deep.equal([
      [due(10), due(20), 'complete'],
      [10, 10],
    ]);
  });

  it('emits no slot from stopAt on, even if it has passed', () => {
    const period = { schedule: toSchedule(10, undefined).from(0), elapsed: true };
    for (const timetable of [{}, period]) {
      const { fire, emitted } = subscribed({ ...timetable, stopAt: 40 });
      fire(1000);
      expect(emitted).to.deep.equal([
        { first: 10, last: 30, count: 3, due: 30, lateBy: 970, moreDue: false },
        'complete',
      ]);
    }
  });

  it('emits when a slot was due, with its jitter and by a clock that was set back', () => {
    const { waits, fire, emitted } = subscribed({
      schedule: toSchedule(100, undefined).from(0),
      elapsed: true,
      jitter: 20,
    });
    fire(110);
    fire(1210);
    // The clock is set back by 1000.
    fire(310);
    fire(415);
    expect(emitted).to.deep.equal([
      { first: 100, last: 100, count: 1, due: 110, lateBy: 0, moreDue: false },
      { first: 200, last: 1200, count: 11, due: 1210, lateBy: 0, moreDue: false },
      { first: 1300, last: 1300, count: 1, due: 310, lateBy: 0, moreDue: false },
      { first: 1400, last: 1400, count: 1, due: 410, lateBy: 5, moreDue: false },
    ]);
    expect(waits).to.deep.equal([110, 100, 100, 100, 95]);
  });

  it('counts the passed slots of a period in one step, also by a clock that was set back', () => {
    const { waits, fire, emitted } = subscribed({ schedule: toSchedule(10, undefined).from(0), elapsed: true });
    fire(10);
    fire(20 - 1_000_000);
    fire(25);
    expect(emitted.at(-1)).to.deep.equal({
      first: 30,
      last: 1_000_020,
      count: 100_000,
      due: 20,
      lateBy: 5,
      moreDue: false,
    });
    expect(waits).to.deep.equal([10, 10, 10, 5]);
  });

  it('errors with what its Schedule throws, and sets no further timer', () => {
    const boom = new Error('boom');
    const { waits, fire, emitted } = subscribed({
      schedule: {
        next: (after) => {
          if (after === 20) throw boom;
          return after + 10;
        },
      },
    });
    fire(10);
    fire(20);
    expect(emitted.at(-1)).to.equal(boom);
    expect(waits).to.deep.equal([10, 10]);
  });

  it('keeps its period when the clock is set back by seconds', () => {
    const { scheduler, waits, fire } = manualClock();
    periodSlots(100, scheduler, false).subscribe();
    fire(100);
    fire(200 - 5000);
    expect(waits).to.deep.equal([100, 100, 100]);
  });
});

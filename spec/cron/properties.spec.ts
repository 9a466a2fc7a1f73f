import { expect } from 'chai';
import fc from 'fast-check';
import {
  concat,
  concatMap,
  defer,
  EMPTY,
  exhaustMap,
  finalize,
  map,
  mergeMap,
  NEVER,
  Observable,
  of,
  switchMap,
  throwError,
  timer,
  type OperatorFunction,
  type SchedulerLike,
} from 'rxjs';
import {
  cron,
  task,
  withCancel,
  type Coordinator,
  type CronOptions,
  type RunContext,
  type Schedule,
} from '../../lib/index.js';
import { virtualClock, type VirtualClock } from '../../lib/testing/index.js';
import type { DueSlots } from '../../lib/cron/slot-clock.js';
import { dueSlots } from '../../lib/cron/slot-clock.js';
import { slotAfter, toSchedule } from '../../lib/cron/schedule.js';
import { collect, listenerCount } from '../helpers/collect.js';
import { events } from '../helpers/tasks.js';

const cases = { numRuns: 1000 };

type Overlap = NonNullable<CronOptions['overlap']>;
const overlaps: readonly Overlap[] = ['skip', 'bufferOne', 'bufferAll', 'cancelOther', 'allowAll'];

/** Due after gaps that repeat. */
class Uneven implements Schedule {
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

/** Schedules of gaps of some 10 units. */
const schedulesBy = (unit: number) =>
  fc.oneof(
    fc.integer({ min: 3, max: 20 }).map((period) => period * unit),
    fc.constantFrom(7.5 * unit, 10.25 * unit),
    fc
      .array(fc.integer({ min: 1, max: 25 }), { minLength: 1, maxLength: 5 })
      .map((gaps) => new Uneven(gaps.map((gap) => gap * unit))),
  );

type Step = { run: number } | { block: number } | { clock: number };
const steady: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ run: fc.integer({ min: 0, max: 60 }) }) },
  fc.record({ block: fc.integer({ min: 0, max: 60 }) }),
);
const unsteady: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: steady },
  { weight: 2, arbitrary: fc.record({ clock: fc.integer({ min: -200, max: 200 }) }) },
);

function scaled(step: Step, unit: number): Step {
  return Object.fromEntries(Object.entries(step).map(([what, ms]: [string, number]) => [what, ms * unit])) as Step;
}

function take(clock: VirtualClock, steps: readonly Step[]): void {
  for (const step of steps) {
    if ('run' in step) clock.advance(step.run);
    else if ('block' in step) clock.advanceSilently(step.block);
    else clock.adjust(step.clock);
  }
}

/** All slots from one to another, both included. */
function slotsBetween(schedule: Schedule, first: number, last: number): number[] {
  const slots: number[] = [];
  for (let slot: number | undefined = first; slot !== undefined && slot <= last; slot = slotAfter(schedule, slot))
    slots.push(slot);
  return slots;
}

/** What is random, the same each time, and in fractions that add up without rounding. */
const randoms = fc.array(
  fc.integer({ min: 0, max: 63 }).map((n) => n / 64),
  { minLength: 1, maxLength: 7 },
);
function turns<T>(values: readonly T[]): () => T {
  let n = 0;
  return () => values[n++ % values.length] as T;
}

describe('Properties of crons', () => {
  describe('the slots that fall due', () => {
    /** Timetables whose unit is 1 ms, or 5 s, which is longer than a wait may be. */
    const timetablesBy = (unit: number) =>
      fc.record({
        schedule: schedulesBy(unit),
        start: fc.integer({ min: -1000, max: 1000 }),
        immediate: fc.boolean(),
        jitter: fc.constantFrom(0, 0, 3 * unit, 15 * unit),
        random: randoms,
        stopAfter: fc.option(fc.integer({ min: 1, max: 500 * unit })),
        steps: fc.array(unsteady, { maxLength: 20 }).map((steps) => steps.map((step) => scaled(step, unit))),
      });
    const timetables = fc.oneof(timetablesBy(1), timetablesBy(5000));
    type Steps = typeof timetables extends fc.Arbitrary<infer T> ? T : never;

    /** Looks at the slots of a timetable while a clock takes its steps. */
    const watch = (
      { schedule, start, immediate, jitter, random, stopAfter, steps }: Steps,
      see: (slots: DueSlots, now: number) => void,
    ) => {
      const clock = virtualClock(start);
      const source = toSchedule(schedule, undefined);
      const from = source.from(start);
      const stopAt = stopAfter === null ? Infinity : start + stopAfter;
      const due$ = dueSlots(
        {
          schedule: from,
          immediate: immediate ? start : undefined,
          after: start,
          startAt: -Infinity,
          stopAt,
          elapsed: source.elapsed,
          jitter,
          random: turns(random),
        },
        clock,
      );
      const subscription = due$.subscribe((slots) => see(slots, clock.now()));
      take(clock, steps);
      return { clock, schedule: from, stopAt, subscription };
    };

    it('strictly increase, and none is left out, whatever steps the clock takes', () => {
      fc.assert(
        fc.property(timetables, (timetable) => {
          const told: DueSlots[] = [];
          const { schedule, stopAt } = watch(timetable, (slots) => told.push(slots));
          let before: number | undefined;
          for (const { first, last, count } of told) {
            if (before !== undefined) expect(first).to.equal(schedule.next(before));
            else expect(first).to.equal(timetable.immediate ? timetable.start : schedule.next(timetable.start));
            expect(slotsBetween(schedule, first, last)).to.have.length(count);
            expect(last).to.be.lessThan(stopAt);
            before = last;
          }
        }),
        cases,
      );
    });

    it('are told when they are due, and not before', () => {
      fc.assert(
        fc.property(timetables, (timetable) => {
          const told: [slots: DueSlots, now: number][] = [];
          watch(timetable, (slots, now) => told.push([slots, now]));
          // A period goes by the time that passes: the clock may have been set back by so little that it is let be.
          const early = typeof timetable.schedule === 'number' ? 50 : 0;
          for (const [{ last, due, lateBy }, now] of told) {
            expect(lateBy).to.equal(Math.max(0, now - due));
            expect(due).to.be.at.most(now + early);
            if (early === 0) expect(due).to.be.within(last, last + timetable.jitter);
          }
        }),
        cases,
      );
    });

    it('have all come 30 s after the clock’s last step', () => {
      fc.assert(
        fc.property(timetablesBy(5000), (timetable) => {
          let last = timetable.immediate ? timetable.start - 1 : timetable.start;
          const { clock, schedule, stopAt, subscription } = watch(timetable, (slots) => (last = slots.last));
          clock.advance(30_000);
          const isPeriod = typeof timetable.schedule === 'number';
          if (!isPeriod) {
            const following = last < timetable.start ? timetable.start : (schedule.next(last) ?? Infinity);
            // It is put off by no more than the jitter.
            if (following < stopAt) expect(following + timetable.jitter).to.be.greaterThan(clock.now());
          }
          // By a period there is one each time that it has passed, and its jitter.
          const before = last;
          if (isPeriod) clock.advance(Number(timetable.schedule) + timetable.jitter);
          if (isPeriod && stopAt === Infinity) expect(last).to.be.greaterThan(before);
          subscription.unsubscribe();
          expect(clock.timers).to.equal(0);
        }),
        cases,
      );
    });
  });

  type End = 'yields' | 'fails' | 'throws' | 'at once';
  type Answer = 'granted' | 'granted late' | 'refused' | 'error' | 'nothing' | 'taken back';
  interface Life {
    schedule: number | Uneven;
    options: CronOptions;
    /** The runs, in turns. */
    runs: readonly { length: number; end: End }[];
    grace: number;
    answers: readonly Answer[] | null;
    random: readonly number[];
    steps: readonly Step[];
  }

  const options = fc.record(
    {
      overlap: fc.constantFrom(...overlaps),
      missed: fc.constantFrom('skip' as const, 'runOnce' as const, 'runAll' as const),
      tolerance: fc.constantFrom(0, 5, 30, Infinity),
      jitter: fc.constantFrom(0, 0, 6),
      timeout: fc.constantFrom(10, 40, Infinity),
      onError: fc.constantFrom('continue' as const, 'continue' as const, 'stop' as const),
      immediate: fc.boolean(),
      maxRuns: fc.integer({ min: 1, max: 12 }),
      stopAt: fc.integer({ min: 1, max: 400 }),
    },
    { requiredKeys: ['overlap', 'missed', 'tolerance'] },
  );
  const lives = (steps: fc.Arbitrary<Step>): fc.Arbitrary<Life> =>
    fc.record({
      schedule: schedulesBy(1),
      options,
      runs: fc.array(
        fc.record({
          length: fc.integer({ min: 0, max: 50 }),
          end: fc.constantFrom<End>('yields', 'yields', 'yields', 'fails', 'throws', 'at once'),
        }),
        { minLength: 1, maxLength: 5 },
      ),
      grace: fc.constantFrom(0, 0, 8),
      answers: fc.option(
        fc.array(
          fc.constantFrom<Answer>('granted', 'granted', 'granted late', 'refused', 'error', 'nothing', 'taken back'),
          {
            minLength: 1,
            maxLength: 5,
          },
        ),
      ),
      random: randoms,
      steps: fc.array(steps, { minLength: 1, maxLength: 15 }),
    });

  const boom = () => throwError(() => new Error('boom'));
  const answerOf: Record<Answer, (scheduler: SchedulerLike) => Observable<boolean>> = {
    granted: () => concat(of(true), NEVER),
    'granted late': (scheduler) => concat(timer(7, scheduler).pipe(map(() => true)), NEVER),
    refused: () => of(false),
    error: boom,
    nothing: () => EMPTY,
    'taken back': (scheduler) => concat(of(true), timer(4, scheduler).pipe(map(() => false))),
  };

  interface Lived {
    /** Each slot that became a run, was skipped, or missed; as often as that was told. */
    readonly accounted: number[];
    readonly ticks: number[];
    readonly executed: number[];
    /** How many runs went at once, at most. */
    readonly most: number;
    /** How many leases are held. */
    readonly leases: number;
    readonly clock: VirtualClock;
    readonly schedule: Schedule;
    /** The first slot there is. */
    readonly first: number;
    readonly cancelledAt: number;
    /** Whether it ended before it was cancelled. */
    readonly endedBefore: boolean;
  }

  /** Lives a life to its end, and cancels it at the end of its steps, or from inside. */
  function live(life: Life, interfere?: { at: 'event' | 'value' | 'execute'; nth: number }): Lived {
    const clock = virtualClock();
    const [ctx, cancel] = withCancel(undefined, { scheduler: clock });
    const executed: number[] = [];
    let going = 0;
    let most = 0;
    let leases = 0;
    let n = 0;
    const happens = (what: 'event' | 'value' | 'execute') => {
      if (interfere?.at === what && n++ === interfere.nth) cancel();
    };
    const nextRun = turns(life.runs);
    const nextAnswer = turns(life.answers ?? ['granted' as const]);
    const execute = ({ slot = NaN, scheduler }: RunContext) => {
      executed.push(slot);
      happens('execute');
      const { length, end } = nextRun();
      if (end === 'at once') return slot;
      if (end === 'throws') throw new Error('boom');
      const ending$ = timer(length, scheduler).pipe(map(() => slot));
      return defer(() => {
        most = Math.max(most, ++going);
        return end === 'fails' ? concat(ending$, boom()) : ending$;
      }).pipe(finalize(() => going--));
    };
    const coordinator: Coordinator = {
      lease: () =>
        new Observable((subscriber) => {
          leases++;
          subscriber.add(() => leases--);
          answerOf[nextAnswer()](clock).subscribe(subscriber);
        }),
    };
    const runner = cron(task('x', { execute, grace: life.grace }), life.schedule, {
      ...life.options,
      random: turns(life.random),
      ...(life.answers && { coordinator }),
    });
    const told = events(runner);
    runner.events$.subscribe(({ type }) => {
      if (['slot-started', 'skipped', 'missed', 'overdue', 'slot-failed'].includes(type)) happens('event');
    });
    runner.results$.subscribe(() => happens('value'));
    const values = collect(runner.start(ctx));
    take(clock, life.steps);
    const cancelledAt = clock.now();
    const endedBefore = runner.status === 'done';
    cancel();
    // Its grace, or its timeout and then its grace.
    clock.advance(60);
    expect([runner.status, clock.timers, listenerCount(ctx), leases, going]).to.deep.equal(['done', 0, 0, 0, 0]);
    expect(values.at(-1)).to.satisfy((last: unknown) => last === 'complete' || last instanceof Error);

    const schedule = toSchedule(life.schedule, undefined).from(0);
    const { immediate = typeof life.schedule === 'number' } = life.options;
    const accounted: number[] = [];
    const ticks: number[] = [];
    for (const event of told) {
      if (event.type === 'slot-started') ticks.push(event.slot);
      if (event.type === 'slot-started' || event.type === 'skipped') accounted.push(event.slot);
      if (event.type !== 'missed') continue;
      let { slot } = event;
      for (let k = 0; k < event.count; k++, slot = slotAfter(schedule, slot) ?? NaN) accounted.push(slot);
    }
    accounted.sort((a, b) => a - b);
    const first = immediate ? 0 : (schedule.next(0) ?? NaN);
    return { accounted, ticks, executed, most, leases, clock, schedule, first, cancelledAt, endedBefore };
  }

  describe('runs + skipped + missed = slots due', () => {
    it('by a steady clock each slot until the end is told, once', () => {
      fc.assert(
        fc.property(lives(steady), (life) => {
          // What falls due while the process is blocked is seen when it goes on.
          const { accounted, schedule, first, cancelledAt, endedBefore } = live({
            ...life,
            steps: [...life.steps, { run: 0 }],
          });
          const { jitter = 0 } = life.options;
          const stopAt = Number(life.options.stopAt ?? Infinity);
          const all = slotsBetween(schedule, first, cancelledAt).filter((slot) => slot < stopAt);
          expect(accounted).to.deep.equal(all.slice(0, accounted.length));
          // A run that ends it leaves what comes after it, and a jitter puts the last one off.
          if (endedBefore || life.options.maxRuns !== undefined || life.options.onError === 'stop') return;
          expect(accounted.length).to.be.at.least(all.length - (jitter > 0 ? 1 : 0));
        }),
        cases,
      );
    });

    it('whatever steps the clock takes, each slot in turn is told, once', () => {
      fc.assert(
        fc.property(lives(unsteady), (life) => {
          const { accounted, schedule, first } = live(life);
          const last = accounted.at(-1);
          expect(accounted).to.deep.equal(last === undefined ? [] : slotsBetween(schedule, first, last));
        }),
        cases,
      );
    });

    it('whoever cancels it meanwhile: a subscriber of events or values, or a run', () => {
      const interferences = fc.record({
        at: fc.constantFrom('event' as const, 'value' as const, 'execute' as const),
        nth: fc.integer({ min: 0, max: 6 }),
      });
      fc.assert(
        fc.property(lives(unsteady), interferences, (life, interfere) => {
          const { accounted, schedule, first } = live(life, interfere);
          const last = accounted.at(-1);
          expect(accounted).to.deep.equal(last === undefined ? [] : slotsBetween(schedule, first, last));
        }),
        cases,
      );
    });
  });

  it('no slot is run twice, nor two at once unless they may, nor after the cancel, whatever steps the clock takes', () => {
    fc.assert(
      fc.property(lives(unsteady), (life) => {
        const { executed, ticks, most } = live(life);
        expect(executed).to.deep.equal(ticks);
        expect(new Set(ticks).size).to.equal(ticks.length);
        if (life.options.overlap === 'allowAll') return;
        expect(most).to.be.at.most(1);
        // What is caught up with comes before what fell due after it.
        expect(ticks).to.deep.equal([...ticks].sort((a, b) => a - b));
      }),
      cases,
    );
  });

  it('with maxRuns there are never more runs', () => {
    fc.assert(
      fc.property(lives(unsteady), fc.integer({ min: 1, max: 6 }), (life, maxRuns) => {
        const { ticks } = live({ ...life, options: { ...life.options, maxRuns } });
        expect(ticks.length).to.be.at.most(maxRuns);
      }),
      cases,
    );
  });

  it('each policy is the flattening operator that its reader expects', () => {
    const operators: readonly [
      Overlap,
      (run: (slot: number) => Observable<string>) => OperatorFunction<number, string>,
    ][] = [
      ['skip', (run) => exhaustMap((slot) => run(slot))],
      ['bufferAll', (run) => concatMap((slot) => run(slot))],
      ['cancelOther', (run) => switchMap((slot) => run(slot))],
      ['allowAll', (run) => mergeMap((slot) => run(slot))],
    ];
    fc.assert(
      fc.property(
        fc.constantFrom(...operators),
        fc.integer({ min: 2, max: 20 }),
        // No run ends at the instant of a slot, where the order would be anybody’s.
        fc.array(fc.array(fc.integer({ min: 0, max: 70 }), { maxLength: 3 }), { minLength: 1, maxLength: 6 }),
        ([overlap, operator], gap, runs) => {
          const flattened = (
            make: (clock: VirtualClock, run: (slot: number) => Observable<string>) => Observable<string>,
          ) => {
            const clock = virtualClock();
            const log: string[] = [];
            const run = (slot: number) => {
              const lengths = runs[(slot / gap) % runs.length] ?? [];
              return concat(
                ...lengths.map((length, k) => timer(length + 1 / 2 ** (k + 2), clock).pipe(map(() => `${slot}.${k}`))),
              );
            };
            make(clock, run).subscribe((value) => log.push(`${clock.now()}: ${value}`));
            clock.advance(12 * gap);
            return log;
          };
          const byCron = flattened((clock, run) => {
            const [ctx] = withCancel(undefined, { scheduler: clock });
            const execute = ({ slot = NaN }: RunContext) => run(slot);
            return cron(task('x', execute), gap, { overlap, stopAt: 10 * gap, tolerance: Infinity }).start(ctx);
          });
          const byOperator = flattened((clock, run) => {
            const slots = Array.from({ length: 10 }, (_, k) =>
              timer(k === 0 ? 0 : gap, clock).pipe(map(() => k * gap)),
            );
            return concat(...slots).pipe(operator(run));
          });
          expect(byCron).to.deep.equal(byOperator);
        },
      ),
      cases,
    );
  });
});

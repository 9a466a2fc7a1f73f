import { expect } from 'chai';
import { NEVER, Subscription, type SchedulerAction, type SchedulerLike } from 'rxjs';
import sinon from 'sinon';
import { cron, task, withCancel, type CronOptions, type Schedule } from '../../lib/index.js';
import { virtualClock } from '../../lib/testing/index.js';
import { collect } from '../helpers/collect.js';
import { lasting, play, storyOf, type Played } from '../helpers/cron-story.js';
import { Program } from '../helpers/program.js';
import { virtually } from '../helpers/virtual-time.js';

type Missed = NonNullable<CronOptions['missed']>;
const catchings: readonly Missed[] = ['skip', 'runOnce', 'runAll'];

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;

/** The slots of a story that were run. */
const ticks = (story: readonly string[]) =>
  story.filter((line) => line.includes(': started ')).map((line) => Number(line.split(' ')[2]));

describe('cron: the clock', () => {
  describe('a delay beyond 2³¹−1 ms waits', () => {
    const beyond = 2 ** 31 + 5000;

    it('by real timers: none of them fires at once', async () => {
      const start = Date.now();
      const far = new Date(start + beyond);
      const crons = [
        cron(
          task('startAt', () => expect.fail('It runs')),
          1000,
          { startAt: far },
        ),
        cron(
          task('period', () => expect.fail('It runs')),
          beyond,
          { immediate: false },
        ),
        cron(
          task('Schedule', () => expect.fail('It runs')),
          { next: () => far.getTime() },
        ),
        cron(
          task('expression', () => expect.fail('It runs')),
          `${far.getUTCMinutes()} ${far.getUTCHours()} ${far.getUTCDate()} ${far.getUTCMonth() + 1} *`,
          { timezone: 'UTC' },
        ),
        // Neither do timers of other kinds.
        cron(
          task('jitter', () => expect.fail('It runs')),
          10,
          { immediate: false, jitter: beyond, startAt: far },
        ),
        cron(
          task('lease', () => expect.fail('It runs')),
          10_000,
          {
            tolerance: beyond,
            timeout: beyond,
            coordinator: { lease: () => NEVER },
          },
        ),
        cron(
          task('run', () => NEVER),
          10_000,
          { timeout: beyond, overlap: 'bufferAll' },
        ),
      ];
      const stories = crons.map(storyOf);
      const subscriptions = crons.map((runner) =>
        runner.start().subscribe({ error: (error: unknown) => told.push(error) }),
      );
      const told: unknown[] = [];
      await new Promise((resolve) => setTimeout(resolve, 60));
      for (const subscription of subscriptions) subscription.unsubscribe();
      expect(told).to.deep.equal([]);
      expect(stories.map((story) => story.map((line) => line.replace(/^\d+: /, '').replace(/\d+/, '')))).to.deep.equal([
        ...Array.from({ length: 5 }, () => ['done cancelled']),
        ['skipped  ended', 'done cancelled'],
        ['started ', 'done cancelled'],
      ]);
    });

    it('in virtual time, and then the slot comes to the ms', () => {
      virtually(({ expectObservable }) => {
        const slots = (schedule: number | Schedule, options: CronOptions) =>
          cron(
            task('x', ({ slot }) => slot),
            schedule,
            { ...options, maxRuns: 1 },
          ).start();
        const marbles = `${beyond}ms (s|)`;
        expectObservable(slots(beyond, { immediate: false })).toBe(marbles, { s: beyond });
        expectObservable(slots(1000, { startAt: beyond })).toBe(marbles, { s: beyond });
        expectObservable(slots({ next: (after) => (after < beyond ? beyond : undefined) }, {})).toBe(marbles, {
          s: beyond,
        });
      });
    });
  });

  describe('a wait is looked at again at least every 30 s', () => {
    /** The waits of a cron, on a scheduler that does nothing but go on. */
    const waits = (schedule: number | string | Schedule, options: CronOptions, until: number) => {
      const machine = virtualClock();
      const asked: number[] = [];
      const scheduler: SchedulerLike = {
        now: () => machine.now(),
        schedule<T>(work: (this: SchedulerAction<T>, state: T) => void, delay = 0, state?: T): Subscription {
          asked.push(delay);
          return machine.schedule(work as (this: SchedulerAction<T>, state?: T) => void, delay, state);
        },
      };
      const [ctx, cancel] = withCancel(undefined, { scheduler });
      cron(
        task('x', () => 1),
        schedule,
        options,
      )
        .start(ctx)
        .subscribe();
      machine.advance(until);
      cancel();
      return asked;
    };

    it('however far the next slot is', () => {
      expect(waits(hour, { immediate: false }, 5 * minute)).to.deep.equal(Array.from({ length: 11 }, () => 30_000));
      for (const far of [31_000, day, 2 ** 31, 2 ** 40]) {
        expect(Math.max(...waits(far, {}, 2 * hour)), `period ${far}`).to.equal(30_000);
        const random = () => 0.25;
        expect(Math.max(...waits({ next: (at) => at + far }, { jitter: far, random }, 2 * hour))).to.equal(30_000);
      }
      expect(Math.max(...waits('0 3 * * *', {}, day))).to.equal(30_000);
    });

    it('and no oftener than it has to be', () => {
      expect(waits(70_000, { immediate: false }, 140_000)).to.deep.equal([
        30_000, 30_000, 10_000, 30_000, 30_000, 10_000, 30_000,
      ]);
      expect(waits(10, {}, 30)).to.deep.equal([10, 10, 10, 10]);
    });

    for (const period of [30_000, 30_001, 30_002, 60_001, 90_002, hour + 1]) {
      it(`and makes no slot early: a period of ${period} ms`, () => {
        const { machine, told, story } = play(({ slot, scheduler }) => [slot, scheduler.now()], period, { maxRuns: 4 });
        machine.advance(5 * period);
        expect(told.slice(0, -1)).to.deep.equal([0, 1, 2, 3].map((k) => [k * period, k * period]));
        expect(story).to.have.length(5);
      });
    }

    it('a timer that fires early by its clock’s rounding makes no slot early by that clock, nor any twice', () => {
      const { machine, story } = play(() => 1, { next: (at) => Math.floor(at / 100) * 100 + 100 });
      machine.advance(50);
      machine.adjust(-1);
      machine.advance(161);
      expect(story).to.deep.equal(['100: started 100', '200: started 200']);
    });

    it('a timer of a period that fires early by up to 2 ms is its slot’s', () => {
      const { machine, story } = play(() => 1, 100, { immediate: false });
      machine.advance(50);
      machine.adjust(-2);
      machine.advance(50);
      expect(story).to.deep.equal(['98: started 100']);
      machine.advance(102);
      expect(story).to.deep.equal(['98: started 100', '200: started 200']);
    });
  });

  describe('the clock steps forward one hour: no slot twice, and one run or a skip, per `missed`', () => {
    const start = Date.parse('2026-05-04T10:00:00Z');
    const lines = (story: readonly string[]) =>
      story.map((line) => line.replaceAll(/\d{13}/g, (time) => new Date(Number(time)).toISOString().slice(11, 19)));
    const forward = (schedule: number | string, options: CronOptions) => {
      const played = play(({ slot }) => slot, schedule, { immediate: false, ...options }, virtualClock(start));
      played.machine.advance(minute + 10_000);
      played.machine.adjust(hour);
      played.machine.advance(3 * minute);
      expect(new Set(played.told).size).to.equal(played.told.length);
      return lines(played.story);
    };
    // At 10:01:10 the clock is set to 11:01:10, which is noticed at the next look.
    const usual = ['11:02:00: started 11:02:00', '11:03:00: started 11:03:00', '11:04:00: started 11:04:00'];
    for (const [title, schedule, noticed] of [
      ['a period', minute, '11:01:30'],
      ['an expression', '* * * * *', '11:01:30'],
    ] as const) {
      it(`${title}, 'skip'`, () => {
        expect(forward(schedule, {})).to.deep.equal([
          '10:01:00: started 10:01:00',
          `${noticed}: missed 10:02:00 ×60`,
          ...usual,
        ]);
      });

      it(`${title}, 'skip', when the latest is in time`, () => {
        expect(forward(schedule, { tolerance: 30_000 })).to.deep.equal([
          '10:01:00: started 10:01:00',
          `${noticed}: missed 10:02:00 ×59`,
          `${noticed}: started 11:01:00`,
          ...usual,
        ]);
      });

      it(`${title}, 'runOnce'`, () => {
        expect(forward(schedule, { missed: 'runOnce' })).to.deep.equal([
          '10:01:00: started 10:01:00',
          `${noticed}: missed 10:02:00 ×59`,
          `${noticed}: overdue 11:01:00 by 30000`,
          `${noticed}: started 11:01:00`,
          ...usual,
        ]);
      });

      it(`${title}, 'runAll'`, () => {
        const story = forward(schedule, { missed: 'runAll', tolerance: 2 * hour });
        expect(story).to.have.length(64);
        expect(story[1]).to.equal(`${noticed}: started 10:02:00`);
        expect(story.slice(60)).to.deep.equal([`${noticed}: started 11:01:00`, ...usual]);
      });
    }

    it('a slot that falls into the gap is one run, or a skip', () => {
      // 10:30 comes in the hour that is left out.
      const once = (missed: Missed) => forward('30 10 * * *', { missed });
      expect(once('skip')).to.deep.equal(['11:01:30: missed 10:30:00 ×1']);
      expect(once('runOnce')).to.deep.equal(['11:01:30: overdue 10:30:00 by 1890000', '11:01:30: started 10:30:00']);
      expect(once('runAll')).to.deep.equal(['11:01:30: overdue 10:30:00 by 1890000', '11:01:30: started 10:30:00']);
    });

    it('and back again: no slot twice', () => {
      const forwardAndBack = (schedule: number | string) => {
        const { machine, story, told } = play(({ slot }) => slot, schedule, { immediate: false }, virtualClock(start));
        machine.advance(minute + 10_000);
        machine.adjust(hour);
        machine.advance(minute);
        const before = story.length;
        machine.adjust(-hour);
        machine.advance(2 * minute + 50_000);
        expect(new Set(told).size).to.equal(told.length);
        return lines(story.slice(before));
      };
      // By the time that passes it goes on, and by its own names. It is 10:02:10.
      expect(forwardAndBack(minute)).to.deep.equal([
        '10:03:00: started 11:03:00',
        '10:04:00: started 11:04:00',
        '10:05:00: started 11:05:00',
      ]);
      // What is past by the clock is to come again, and has been.
      expect(forwardAndBack('* * * * *')).to.deep.equal([]);
    });

    it('is noticed within 30 s, wherever the next slot would have been', () => {
      const { machine, story } = play(
        () => 1,
        '0 12 * * *',
        { missed: 'runOnce', timezone: 'UTC' },
        virtualClock(start),
      );
      machine.advance(10_000);
      machine.adjust(2 * hour);
      machine.advance(20_000);
      expect(lines(story)).to.deep.equal(['12:00:30: overdue 12:00:00 by 30000', '12:00:30: started 12:00:00']);
    });
  });

  describe('the clock steps back one hour: no slot twice, and one run or a skip, per `missed`', () => {
    it('a cron that is started again does not run a slot that it has run before', () => {
      const { machine, runner, ctx, cancel, told } = play(
        ({ slot }) => slot,
        '0 * * * *',
        {},
        virtualClock(10 * hour - 1000),
      );
      machine.advance(2000);
      cancel();
      machine.adjust(-3000);
      const [again] = withCancel(undefined, { scheduler: machine });
      const toldAgain = collect(runner.start(again));
      machine.advance(hour);
      expect([told, toldAgain, ctx.cancelled]).to.deep.equal([[10 * hour, 'complete'], [], true]);
      machine.advance(3000);
      expect(toldAgain).to.deep.equal([11 * hour]);
    });

    for (const missed of catchings) {
      it(`a period goes on by the time that passes, '${missed}'`, () => {
        const { machine, story, told } = play(({ slot }) => slot, minute, { missed }, virtualClock(10 * hour));
        machine.advance(minute + 10_000);
        machine.adjust(-hour);
        machine.advance(5 * minute);
        const slots = [0, 1, 2, 3, 4, 5, 6].map((k) => 10 * hour + k * minute);
        expect(told).to.deep.equal(slots);
        // By the clock they are an hour early, and in time.
        expect(story).to.deep.equal(slots.map((slot, k) => `${k > 1 ? slot - hour : slot}: started ${slot}`));
      });

      it(`an expression goes by the clock, and waits until that is past the last slot, '${missed}'`, () => {
        const { machine, story, told } = play(({ slot }) => slot, '* * * * *', { missed }, virtualClock(10 * hour));
        machine.advance(minute + 10_000);
        machine.adjust(-hour);
        machine.advance(hour - 10_001);
        expect(told).to.deep.equal([10 * hour + minute]);
        machine.advance(10_001 + 3 * minute);
        expect(told).to.deep.equal([1, 2, 3, 4].map((k) => 10 * hour + k * minute));
        expect(story).to.deep.equal(told.map((slot) => `${slot}: started ${slot}`));
      });
    }

    it('a period is not late by it, and catches nothing up', () => {
      const { machine, story } = play(
        ({ slot }) => slot,
        minute,
        { missed: 'runAll', tolerance: 0 },
        virtualClock(hour),
      );
      for (const step of [-hour, -5000, -51, -3 * hour, 0]) {
        machine.advance(20_000);
        machine.adjust(step);
        machine.advance(40_000);
      }
      expect(story.filter((line) => !line.includes('started'))).to.deep.equal([]);
      expect(ticks(story)).to.deep.equal([0, 1, 2, 3, 4, 5].map((k) => hour + k * minute));
    });

    it('a period keeps its pace when the clock is set back while a run keeps the process busy', () => {
      const machine = virtualClock(hour);
      const { told } = play(
        ({ slot }) => {
          if (slot === hour + minute) machine.adjust(-hour);
          return slot;
        },
        minute,
        {},
        machine,
      );
      machine.advance(3 * minute);
      expect(told).to.deep.equal([0, 1, 2, 3].map((k) => hour + k * minute));
    });

    it('a cron that is started in the past goes on from there', () => {
      const machine = virtualClock(hour);
      machine.adjust(-hour);
      const { told } = play(({ slot }) => slot, minute, {}, machine);
      machine.advance(minute);
      expect(told).to.deep.equal([0, minute]);
    });

    it('a run under way notices nothing, nor does what waits for it', () => {
      const { machine, story } = play(
        lasting(90_000),
        minute,
        { overlap: 'bufferAll', timeout: 100_000, maxRuns: 3 },
        virtualClock(hour),
      );
      machine.advance(70_000);
      machine.adjust(-hour);
      machine.advance(hour);
      expect(ticks(story)).to.deep.equal([hour, hour + minute, hour + 2 * minute]);
      expect(story.at(-1)).to.equal('270000: done completed');
      expect(story.filter((line) => line.includes('failed'))).to.deep.equal([]);
    });
  });

  it('a machine that sleeps over its slots: no burst, and the next one in its time', () => {
    for (const schedule of [minute, '* * * * *']) {
      const { machine, story } = play(() => 1, schedule, { immediate: false }, virtualClock(0));
      machine.advance(100_000);
      machine.adjust(8 * hour);
      machine.advance(100_000);
      expect(ticks(story)).to.deep.equal([minute, 8 * hour + 2 * minute, 8 * hour + 3 * minute]);
      expect(story[1]).to.equal(`${8 * hour + 120_000}: missed 120000 ×480`);
    }
  });

  describe('crons on one scheduler do not notice one another', () => {
    it('when their slots fall due at the same time: each is run', () => {
      const machine = virtualClock();
      const crons = Array.from({ length: 5 }, () => play(lasting(4), 10, { maxRuns: 3 }, machine));
      machine.advance(50);
      for (const { story } of crons)
        expect(story).to.deep.equal(['0: started 0', '10: started 10', '20: started 20', '24: done completed']);
      expect(machine.timers).to.equal(0);
    });

    it('nor when each run ends at the very instant of the next slot', () => {
      const machine = virtualClock();
      const crons = Array.from({ length: 3 }, () => play(lasting(10), 10, { maxRuns: 3 }, machine));
      machine.advance(50);
      for (const { story } of crons)
        expect(story).to.deep.equal(['0: started 0', '10: started 10', '20: started 20', '30: done completed']);
    });

    it('nor when one is cancelled, be it by another’s run at the same time', () => {
      const machine = virtualClock();
      const crons: Played<unknown>[] = [];
      for (const k of [0, 1, 2, 3])
        crons.push(
          play(({ slot }) => slot === 10 && k === 1 && [0, 2].forEach((n) => crons[n]?.cancel()), 10, {}, machine),
        );
      machine.advance(10);
      crons[3]?.cancel();
      machine.advance(15);
      expect(crons.map(({ story }) => ticks(story))).to.deep.equal([[0, 10], [0, 10, 20], [0], [0, 10]]);
      crons[1]?.cancel();
      expect(machine.timers).to.equal(0);
    });

    it('nor when one is started by another', () => {
      const machine = virtualClock();
      const second: Played<unknown>[] = [];
      const first = play(({ slot }) => slot === 10 && second.push(play(() => 1, 10, {}, machine)), 10, {}, machine);
      machine.advance(35);
      expect(ticks(first.story)).to.deep.equal([0, 10, 20, 30]);
      expect(ticks(second[0]?.story ?? [])).to.deep.equal([10, 20, 30]);
    });

    it('nor when the clock is set between their starts', () => {
      const machine = virtualClock();
      const first = play(() => 1, 20_000, { immediate: false }, machine);
      machine.advance(5000);
      machine.adjust(-10_000);
      // Both are due at 20,000 by the clock, but not at the same time.
      const second = play(() => 1, 25_000, { immediate: false }, machine);
      machine.advance(25_000);
      expect(first.story).to.deep.equal(['10000: started 20000']);
      expect(second.story).to.deep.equal(['20000: started 20000']);
    });

    it('nor on two schedulers', () => {
      const [one, two] = [virtualClock(), virtualClock()];
      const [first, second] = [one, two].map((machine) => play(() => 1, 10, {}, machine));
      one.advance(25);
      expect(ticks(first?.story ?? [])).to.deep.equal([0, 10, 20]);
      two.advance(15);
      expect(ticks(second?.story ?? [])).to.deep.equal([0, 10]);
    });

    it('nor when one takes the place of another in the same turn', () => {
      const clock = sinon.useFakeTimers();
      try {
        const start = () => {
          const runner = cron(
            task('x', () => 1),
            1000,
          );
          return { story: storyOf(runner), subscription: runner.start().subscribe() };
        };
        start().subscription.unsubscribe();
        const { story, subscription } = start();
        clock.tick(2000);
        expect(ticks(story)).to.deep.equal([0, 1000, 2000]);
        subscription.unsubscribe();
        expect(clock.countTimers()).to.equal(0);
      } finally {
        clock.restore();
      }
    });

    it('but in real time they share their timers', () => {
      const clock = sinon.useFakeTimers();
      try {
        let runs = 0;
        const subscriptions = Array.from({ length: 1000 }, () =>
          cron(
            task('x', () => ++runs),
            1000,
          )
            .start()
            .subscribe(),
        );
        expect(clock.countTimers()).to.equal(1);
        clock.tick(2000);
        expect([runs, clock.countTimers()]).to.deep.equal([3000, 1]);
        for (const subscription of subscriptions) subscription.unsubscribe();
        expect(clock.countTimers()).to.equal(0);
      } finally {
        clock.restore();
      }
    });

    it('nor on fake timers that come after others, on which one was left', async () => {
      for (const n of [1, 2, 3]) {
        const clock = sinon.useFakeTimers();
        try {
          const runner = cron(
            task('x', () => 1),
            1000,
          );
          const story = storyOf(runner);
          runner.start().subscribe();
          clock.tick(n * 1000);
          expect(ticks(story)).to.deep.equal([0, 1000, 2000, 3000].slice(0, n + 1));
        } finally {
          clock.restore();
        }
        // As between two tests.
        await Promise.resolve();
      }
    });
  });

  it('by the fake timers of sinon: a clock that is set back an hour lets no period wait', () => {
    const clock = sinon.useFakeTimers(10 * hour);
    try {
      const runner = cron(
        task('x', () => 1),
        minute,
      );
      const story = storyOf(runner);
      const subscription = runner.start().subscribe();
      clock.tick(70_000);
      clock.setSystemTime(Date.now() - hour);
      clock.tick(2 * minute);
      subscription.unsubscribe();
      expect(ticks(story)).to.deep.equal([0, 1, 2, 3].map((k) => 10 * hour + k * minute));
      expect(clock.countTimers()).to.equal(0);
    } finally {
      clock.restore();
    }
  });

  describe('the clock is set by an hour, and timers are real', () => {
    /** The slots that the crons tell of from when the clock is set on, in s after the start: all, and those that they run. */
    async function told(step: number): Promise<(schedule: number | string, missed: Missed) => Slots> {
      const { now } = Date;
      const start = Math.ceil(now() / 1000) * 1000;
      let set = false;
      const slotsOf = (schedule: number | string, missed: Missed) => {
        const slots: Slots = { all: [], run: [] };
        const runner = cron(
          task('x', () => 1),
          schedule,
          { missed, tolerance: 100, startAt: start, immediate: false },
        );
        runner.events$.subscribe((event) => {
          if (!set || (event.type !== 'slot-started' && event.type !== 'missed')) return;
          const slot = (event.slot - start) / 1000;
          const count = event.type === 'missed' ? event.count : 1;
          slots.all.push(...Array.from({ length: count }, (_, k) => slot + k));
          if (event.type === 'slot-started') slots.run.push(slot);
        });
        return { schedule, missed, slots, subscription: runner.start().subscribe() };
      };
      const crons = schedules.flatMap((schedule) => catchings.map((missed) => slotsOf(schedule, missed)));
      await new Promise((resolve) => setTimeout(resolve, start + 300 - now()));
      Date.now = () => now.call(Date) + step;
      set = true;
      try {
        await new Promise((resolve) => setTimeout(resolve, start + 2500 - now()));
      } finally {
        Date.now = now;
        for (const { subscription } of crons) subscription.unsubscribe();
      }
      return (schedule, missed) =>
        crons.find((one) => one.schedule === schedule && one.missed === missed)?.slots ?? expect.fail('There is none');
    }
    interface Slots {
      readonly all: number[];
      readonly run: number[];
    }
    const schedules = [1000, '* * * * * *'] as const;
    /** That no slot from the first on is left out, or there twice. */
    const expectEach = ([first = NaN, ...others]: readonly number[], last: number) => {
      expect(first).to.be.below(3);
      expect(others.at(-1) ?? first).to.be.at.least(last);
      others.forEach((slot, k) => expect(slot).to.equal(first + k + 1));
    };

    it('forward: no slot twice, and one run or a skip, per `missed`', async () => {
      // The next timer is of slot 1, and finds the clock 600 ms past slot 3600, or later where the machine is busy.
      const slots = await told(hour - 400);
      for (const schedule of schedules) {
        for (const missed of catchings) expectEach(slots(schedule, missed).all, 3600);
        expect(Math.min(...slots(schedule, 'skip').run)).to.be.above(3600);
        expect(Math.min(...slots(schedule, 'runOnce').run)).to.be.within(3600, 3602);
        expectEach(slots(schedule, 'runAll').run, 3600);
      }
    });

    it('back: no slot twice; a period goes on, an expression waits', async () => {
      const slots = await told(-hour);
      for (const missed of catchings) {
        expectEach(slots(1000, missed).all, 1);
        expect(slots('* * * * * *', missed).all).to.deep.equal([]);
      }
    });
  });

  it('the event loop blocked for 5 s: no burst; `missed` decides', async () => {
    const program = new Program(process.execPath, ['--import', 'tsx', 'spec/fixtures/blocked.ts']);
    const { stdout, stderr, code } = await program.ended;
    expect([stderr, code]).to.deep.equal(['', 0]);
    const stories = JSON.parse(stdout) as Record<string, string[]>;
    for (const schedule of ['1000', '* * * * * *']) {
      const story = (missed: Missed) => stories[`${schedule}, ${missed}`]?.map((line) => line.replace(/ by \d+$/, ''));
      expect(story('skip')).to.deep.equal(['missed 1000 ×5']);
      expect(story('runOnce')).to.deep.equal(['missed 1000 ×4', 'overdue 5000', 'started 5000']);
      expect(story('runAll')).to.deep.equal(
        [1000, 2000, 3000, 4000, 5000].flatMap((slot) => [`overdue ${slot}`, `started ${slot}`]),
      );
    }
  });
});

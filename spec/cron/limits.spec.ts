import { expect } from 'chai';
import { map, NEVER, Observable, Subject, throwError, timer } from 'rxjs';
import {
  cron,
  task,
  TaskError,
  type CronOptions,
  type RunContext,
  type Schedule,
  type TaskEvent,
  type TaskRunner,
} from '../../lib/index.js';
import { virtualClock } from '../../lib/testing/index.js';
import { listenerCount } from '../helpers/collect.js';
import { everyTen, lasting, overlapPolicies, runsOf, startCron } from '../helpers/cron-story.js';
import { deferred, settled } from '../helpers/tasks.js';
import { virtually } from '../helpers/virtual-time.js';

/** Returns the slots that a cron runs, each exactly on time. */
function slotsOf(schedule: number | string | Schedule, options: CronOptions, until: number, now = 0): number[] {
  return runsOf(schedule, options, until, now).map(([slot, at]) => {
    expect(at).to.equal(slot);
    return slot;
  });
}

describe('The cron option `immediate`', () => {
  it('is true by default for a period, which counts from the start', () => {
    expect(slotsOf(10, {}, 25, 3)).to.deep.equal([3, 13, 23]);
    expect(slotsOf(10, { immediate: true }, 25, 3)).to.deep.equal([3, 13, 23]);
    expect(slotsOf(10, { immediate: false }, 25, 3)).to.deep.equal([13, 23]);
  });

  it('adds a slot at the start to an expression or a Schedule, whose other slots stay', () => {
    for (const schedule of ['* * * * * *', { next: (after: number) => Math.floor(after / 1000) * 1000 + 1000 }]) {
      expect(slotsOf(schedule, {}, 2500, 300)).to.deep.equal([1000, 2000]);
      expect(slotsOf(schedule, { immediate: false }, 2500, 300)).to.deep.equal([1000, 2000]);
      expect(slotsOf(schedule, { immediate: true }, 2500, 300)).to.deep.equal([300, 1000, 2000]);
    }
  });

  it('adds no second slot when the start is a slot of the schedule', () => {
    expect(slotsOf('* * * * * *', { immediate: true }, 2500, 1000)).to.deep.equal([1000, 2000, 3000]);
    expect(slotsOf('* * * * * *', {}, 2500, 1000)).to.deep.equal([2000, 3000]);
  });

  it('adds the slot at `startAt` if that is in the future', () => {
    expect(slotsOf(10, { startAt: 15 }, 36)).to.deep.equal([15, 25, 35]);
    expect(slotsOf('* * * * * *', { startAt: 1500, immediate: true }, 3000)).to.deep.equal([1500, 2000, 3000]);
  });

  it('adds the slot when `initialize` has finished, and the period counts from there', () => {
    const opened = new Subject<void>();
    const { clock, story } = startCron({ initialize: () => opened, execute: () => 1 }, 10);
    clock.advance(7);
    opened.complete();
    clock.advance(10);
    expect(story).to.deep.equal(['7: started 7', '17: started 17']);
  });

  it('adds no slot at a past `startAt`, nor at or after `stopAt`', () => {
    expect(slotsOf('* * * * * *', { startAt: 1500 }, 3000, 4500)).to.deep.equal([5000, 6000, 7000]);
    expect(slotsOf(10, { stopAt: 3 }, 30, 3)).to.deep.equal([]);
  });
});

describe('The cron option `startAt`', () => {
  it('is the earliest time of a slot', () => {
    expect(slotsOf('* * * * * *', { startAt: 2000 }, 4000)).to.deep.equal([2000, 3000, 4000]);
    expect(slotsOf('* * * * * *', { startAt: 2001 }, 4000)).to.deep.equal([3000, 4000]);
    expect(slotsOf(everyTen, { startAt: new Date(30) }, 45)).to.deep.equal([30, 40]);
  });

  it('may be a fraction of a ms', () => {
    expect(slotsOf(everyTen, { startAt: 20.5 }, 45)).to.deep.equal([30, 40]);
  });

  it('is where a period counts from', () => {
    expect(slotsOf(10, { startAt: 15, immediate: false }, 50)).to.deep.equal([25, 35, 45]);
  });
});

describe('The cron option `stopAt`', () => {
  it('ends the schedule: no slot comes at it or after, and the runner finalizes and completes', () => {
    virtually(({ expectObservable }, scheduler) => {
      const log: string[] = [];
      const ends = (stopAt: number | Date) =>
        cron(task('x', { execute: () => 'v', finalize: () => log.push(`finalize ${scheduler.now()}`) }), 3, { stopAt });
      expectObservable(ends(6).start()).toBe('v--(v|)');
      expectObservable(ends(new Date(6)).start()).toBe('v--(v|)');
      expectObservable(ends(7).start()).toBe('v--v--(v|)');
      scheduler.schedule(() => expect(log).to.deep.equal(['finalize 3', 'finalize 3', 'finalize 6']), 10);
    });
  });

  it('ends an expression and a Schedule', () => {
    expect(slotsOf('* * * * * *', { stopAt: 3000 }, 5000)).to.deep.equal([1000, 2000]);
    expect(slotsOf('* * * * * *', { stopAt: 3001 }, 5000)).to.deep.equal([1000, 2000, 3000]);
    expect(slotsOf(everyTen, { stopAt: 30 }, 50)).to.deep.equal([10, 20]);
  });

  it('lets the last run end and the waiting slots run', () => {
    const { clock, story, emitted } = startCron(lasting(15), 10, { stopAt: 20, overlap: 'bufferAll' });
    clock.advance(50);
    expect(story).to.deep.equal(['0: started 0', '15: started 10', '30: done completed']);
    expect(emitted).to.deep.equal([0, 10, 'complete']);
  });

  it('completes the runner at once if it is in the past, as a Schedule without slots does', () => {
    const past = startCron(() => 1, 10, { stopAt: 5 }, virtualClock(5));
    const none = startCron(() => 1, { next: () => undefined });
    for (const { story, emitted, clock } of [past, none]) {
      expect([story.map((line) => line.slice(3)), emitted, clock.timers]).to.deep.equal([
        ['done completed'],
        ['complete'],
        0,
      ]);
    }
  });

  it('is not needed to complete the runner when a Schedule ends', () => {
    const { clock, story } = startCron(() => 1, { next: (after) => (after < 15 ? after + 5 : undefined) });
    clock.advance(100);
    expect(story).to.deep.equal(['5: started 5', '10: started 10', '15: started 15', '15: done completed']);
  });

  it('may leave no slot after `startAt`', () => {
    const { clock, emitted } = startCron(() => 1, '* * * * * *', { startAt: 1001, stopAt: 2000 });
    clock.advance(5000);
    expect(emitted).to.deep.equal(['complete']);
  });

  it('does not drop earlier slots that came due while the process could not run', () => {
    const { clock, story } = startCron(() => 1, 10, { stopAt: 40, immediate: false, missed: 'runOnce', tolerance: 50 });
    clock.adjust(100);
    clock.advance(10);
    expect(story).to.deep.equal([
      '110: missed 10 ×2',
      '110: overdue 30 by 80',
      '110: started 30',
      '110: done completed',
    ]);
  });
});

describe('A Schedule of a cron', () => {
  const failedBy = (schedule: Schedule, options?: CronOptions) => {
    const { clock, emitted, story } = startCron(({ slot }) => slot, schedule, options);
    clock.advance(100);
    expect(clock.timers).to.equal(0);
    expect(story.at(-1)).to.match(/done failed$/);
    return emitted;
  };

  for (const [title, second] of [
    ['the slot before', 10],
    ['one before that', 9],
    ['NaN', NaN],
    ['Infinity', Infinity],
    ['null', null as never],
  ] as const) {
    it(`makes the runner fail when its next slot is ${title}`, () => {
      const emitted = failedBy({ next: (after) => (after < 10 ? 10 : second) });
      expect(emitted.at(-1)).to.be.instanceOf(Error).and.include({ task: 'x', phase: 'execute' });
      const { cause } = emitted.at(-1) as Error;
      expect(cause).to.be.instanceOf(RangeError);
      expect(String(cause)).to.contain('Expected `schedule.next(10)` to be undefined or a time after 10, got');
    });
  }

  it('makes the runner fail with what it throws, at the start and with a jitter', () => {
    const boom = new Error('boom');
    const throws = () => {
      throw boom;
    };
    expect(failedBy({ next: throws })).to.have.length(1);
    for (const jitter of [0, 5]) {
      const emitted = failedBy({ next: (after) => (after < 20 ? after + 10 : throws()) }, { jitter });
      expect(emitted.at(-1)).to.be.instanceOf(Error).and.include({ task: 'x', phase: 'execute', cause: boom });
      expect(emitted.at(-1)).to.have.deep.property('suppressed', []);
    }
  });

  it('makes the runner fail with the TaskError that it throws', () => {
    const error = new TaskError('other', 'execute', 'boom');
    const throws = () => {
      throw error;
    };
    expect(failedBy({ next: throws })).to.deep.equal([error]);
  });

  it('does not replace the error of a slot that stops the cron when it throws during its event', () => {
    const work = new Subject();
    const next = (after: number) => {
      if (after === 20) throw new Error('second');
      return after + 10;
    };
    const { clock, runner, emitted } = startCron(() => work, { next }, { onError: 'stop' });
    clock.advance(10);
    runner.events$.subscribe(({ type }) => type === 'slot-failed' && clock.advance(10));
    work.error(new Error('first'));
    expect(emitted.map(String)).to.deep.equal(['TaskError: x failed in execute: first']);
  });

  /** A Schedule that is due at 1, 4, 9, 16 … */
  class Squares implements Schedule {
    readonly asked: number[] = [];

    next(after: number): number {
      this.asked.push(after);
      return (Math.floor(Math.sqrt(after)) + 1) ** 2;
    }
  }

  it('is asked for one slot after the other, by a method call', () => {
    const squares = new Squares();
    expect(slotsOf(squares, {}, 20)).to.deep.equal([1, 4, 9, 16]);
    expect(squares.asked).to.deep.equal([0, 1, 4, 9, 16]);
  });

  it('is asked for one slot in advance with a jitter, and for none twice', () => {
    const squares = new Squares();
    expect(runsOf(squares, { jitter: 1, random: () => 0.5 }, 20).map(([slot]) => slot)).to.deep.equal([1, 4, 9, 16]);
    expect(squares.asked).to.deep.equal([0, 1, 4, 9, 16, 25]);
  });

  it('is not asked for all the slots before a far `startAt`', () => {
    const squares = new Squares();
    const { clock, cancel } = startCron(() => 1, squares, { startAt: 1_000_000 });
    clock.advance(10);
    cancel();
    expect(squares.asked).to.deep.equal([999_999]);
  });
});

describe('The cron option `timezone`', () => {
  it('is the time zone of an expression', () => {
    const at = Date.parse('2026-07-01T00:00:00Z');
    const day = 86_400_000;
    const first = (timezone: string) =>
      slotsOf('0 3 * * *', { timezone, maxRuns: 1 }, day, at).map((slot) => new Date(slot).toISOString());
    expect(first('UTC')).to.deep.equal(['2026-07-01T03:00:00.000Z']);
    expect(first('Europe/Paris')).to.deep.equal(['2026-07-01T01:00:00.000Z']);
    expect(first('America/New_York')).to.deep.equal(['2026-07-01T07:00:00.000Z']);
    expect(first('Asia/Kolkata')).to.deep.equal(['2026-07-01T21:30:00.000Z']);
  });
});

describe('The cron option `maxRuns`', () => {
  for (const overlap of overlapPolicies) {
    it(`ends the runner after that many runs, with overlap '${overlap}'`, () => {
      for (const maxRuns of [1, 2, 5]) {
        const { clock, story, emitted } = startCron(({ slot }) => slot, 10, { overlap, maxRuns });
        clock.advance(100);
        const slots = Array.from({ length: maxRuns }, (_, n) => n * 10);
        expect(emitted).to.deep.equal([...slots, 'complete']);
        expect(story).to.deep.equal([
          ...slots.map((slot) => `${slot}: started ${slot}`),
          `${slots.at(-1)}: done completed`,
        ]);
        expect(clock.timers).to.equal(0);
      }
    });
  }

  it('skips the waiting slots when the last run starts, and awaits that run', () => {
    const { clock, story, emitted } = startCron(lasting(35), 10, { overlap: 'bufferAll', maxRuns: 2 });
    clock.advance(200);
    expect(story).to.deep.equal([
      '0: started 0',
      '35: started 10',
      '35: skipped 20 ended',
      '35: skipped 30 ended',
      '70: done completed',
    ]);
    expect(emitted).to.deep.equal([0, 10, 'complete']);
    expect(clock.timers).to.equal(0);
  });

  it("counts concurrent runs and awaits all of them, with overlap 'allowAll'", () => {
    const { clock, story, emitted, ctx } = startCron(lasting(35), 10, { overlap: 'allowAll', maxRuns: 3 });
    clock.advance(200);
    expect(story).to.deep.equal(['0: started 0', '10: started 10', '20: started 20', '55: done completed']);
    expect(emitted).to.deep.equal([0, 10, 20, 'complete']);
    expect(listenerCount(ctx)).to.equal(0);
  });

  it('counts failed and cancelled runs', () => {
    const fails = startCron(() => throwError(() => new Error('boom')), 10, { maxRuns: 2 });
    const overtaken = startCron(() => NEVER, 10, { maxRuns: 2, overlap: 'cancelOther' });
    for (const { clock } of [fails, overtaken]) clock.advance(50);
    expect(fails.emitted).to.deep.equal(['complete']);
    expect(overtaken.story).to.deep.equal(['0: started 0', '10: started 10']);
  });

  it('does not count skipped or missed slots', () => {
    const { clock, story } = startCron(lasting(15), 10, { maxRuns: 3 });
    clock.advance(25);
    clock.adjust(20);
    clock.advance(200);
    expect(story).to.deep.equal([
      '0: started 0',
      '10: skipped 10 overlap',
      '20: started 20',
      '50: missed 30 ×2',
      '50: skipped 50 overlap',
      '60: started 60',
      '75: done completed',
    ]);
  });

  it('ends the catching up with missed slots', () => {
    const { story, emitted } = startCron(({ slot }) => slot, 10, {
      lastRun: -55,
      missed: 'runAll',
      maxRuns: 2,
      tolerance: 60,
    });
    expect(story).to.deep.equal(['0: started -45', '0: started -35', '0: missed -25 ×3', '0: done completed']);
    expect(emitted).to.deep.equal([-45, -35, 'complete']);
  });

  it('counts from 0 at each start of the runner', () => {
    const clock = virtualClock();
    const { runner, emitted, ctx } = startCron(({ slot }) => slot, 10, { maxRuns: 2 }, clock);
    clock.advance(100);
    runner.start(ctx).subscribe((slot) => emitted.push(slot));
    clock.advance(100);
    expect(emitted).to.deep.equal([0, 10, 'complete', 100, 110]);
  });
});

describe('The cron option `jitter`', () => {
  it('delays each run by up to its value, and does not change the slot', () => {
    expect(runsOf(everyTen, { jitter: 4, random: () => 0.5 }, 35)).to.deep.equal([
      [10, 12],
      [20, 22],
      [30, 32],
    ]);
    expect(runsOf(everyTen, { jitter: 4, random: () => 0 }, 25)).to.deep.equal([
      [10, 10],
      [20, 20],
    ]);
  });

  it('does not delay the slot at the start', () => {
    expect(runsOf(10, { jitter: 4, random: () => 0.5 }, 25)).to.deep.equal([
      [0, 0],
      [10, 12],
      [20, 22],
    ]);
    expect(runsOf('* * * * * *', { jitter: 400, random: () => 0.5, immediate: true }, 2500, 700)).to.deep.equal([
      [700, 700],
      [1000, 1200],
      [2000, 2200],
      [3000, 3200],
    ]);
  });

  it('never delays a slot past the next one', () => {
    const uneven: Schedule = { next: (after) => [10, 12, 40, 41].find((slot) => slot > after) };
    expect(runsOf(uneven, { jitter: 20, random: () => 0.75 }, 100)).to.deep.equal([
      [10, 11.5],
      [12, 27],
      [40, 40.75],
      // No slot follows this one.
      [41, 56],
    ]);
    expect(runsOf(everyTen, { jitter: Infinity, random: () => 0.5 }, 30)).to.deep.equal([
      [10, 15],
      [20, 25],
    ]);
  });

  it('draws a random number for each slot', () => {
    const given = [0.2, 0.4, 0.6];
    let n = 0;
    expect(runsOf(everyTen, { jitter: 5, random: () => given[n++] ?? 0 }, 34)).to.deep.equal([
      [10, 11],
      [20, 22],
      [30, 33],
    ]);
  });

  it('uses Math.random by default', () => {
    for (const [slot, at] of runsOf(everyTen, { jitter: 5 }, 1000)) expect(at - slot).to.be.within(0, 5);
    const offsets = new Set(runsOf(everyTen, { jitter: 5 }, 1000).map(([slot, at]) => at - slot));
    expect(offsets.size).to.be.greaterThan(90);
  });

  it('does not make a slot late', () => {
    const { clock, story } = startCron(() => 1, everyTen, { jitter: 8, random: () => 0.5, tolerance: 0 });
    clock.advance(28);
    expect(story).to.deep.equal(['14: started 10', '24: started 20']);
    clock.adjust(10);
    clock.advance(7);
    // The slot of 30 was due at 34, that of 40 at 44.
    expect(story.slice(2)).to.deep.equal(['44: missed 30 ×1', '44: started 40']);
  });

  it('delays slots that are caught up with or missed', () => {
    const options: CronOptions = { jitter: 8, random: () => 0.5, tolerance: 0, immediate: false };
    const skips = startCron(() => 1, 10, options);
    const runs = startCron(() => 1, 10, { ...options, missed: 'runAll', tolerance: 100 });
    for (const { clock } of [skips, runs]) {
      clock.adjust(33);
      clock.advance(14);
    }
    expect(skips.story).to.deep.equal(['47: missed 10 ×4']);
    expect(runs.story).to.deep.equal(['47: started 10', '47: started 20', '47: started 30', '47: started 40']);
  });

  it('delays no slot past `stopAt`', () => {
    expect(runsOf(10, { jitter: 9, random: () => 0.5, stopAt: 22 }, 100)).to.deep.equal([
      [0, 0],
      [10, 14.5],
      [20, 21],
    ]);
  });

  it('of Infinity ends with its schedule', () => {
    const { clock, emitted } = startCron(() => 1, 10, { jitter: Infinity, random: () => 0.5, stopAt: 25 });
    clock.advance(1000);
    expect(emitted.at(-1)).to.equal('complete');
    expect(clock.timers).to.equal(0);
  });

  it('of Infinity does not delay the last slot of a Schedule', () => {
    const ends: Schedule = { next: (after) => (after < 20 ? after + 10 : undefined) };
    expect(runsOf(ends, { jitter: Infinity, random: () => 0.5 }, 100)).to.deep.equal([
      [10, 15],
      [20, 20],
    ]);
  });

  it('uses Math.random for a slot when `random` throws or returns no number from 0 to below 1', () => {
    const boom = new Error('boom');
    for (const [random, message] of [
      [() => NaN, 'Expected `random()` to be a number from 0 up to, but not including, 1, got `NaN` (number)'],
      [() => 1, 'got `1` (number)'],
      [() => -1, 'got `-1` (number)'],
      [() => '0.5' as never, "got `'0.5'` (string)"],
      [
        () => {
          throw boom;
        },
        'boom',
      ],
    ] satisfies [() => number, string][]) {
      const { clock, runner, emitted, cancel } = startCron(({ scheduler }) => scheduler.now(), everyTen, {
        jitter: 4,
        random,
      });
      const failures = optionFailures(runner);
      clock.advance(34);
      cancel();
      expect(emitted.slice(0, -1).map((at) => Math.floor(Number(at) / 10))).to.deep.equal([1, 2, 3]);
      expect(failures.map(({ option }) => option)).to.deep.equal(Array(3).fill('random'));
      for (const { error } of failures) expect((error as Error).message).to.contain(message);
      expect(clock.timers).to.equal(0);
    }
  });

  it('may be asked of a `random` that cancels the cron and throws', () => {
    let calls = 0;
    const { clock, runner, cancel, emitted } = startCron(() => 1, everyTen, {
      jitter: 4,
      random: () => {
        if (++calls < 2) return 0;
        cancel();
        throw new Error('boom');
      },
    });
    const failures = optionFailures(runner);
    clock.advance(50);
    expect([failures.length, emitted, runner.status, clock.timers]).to.deep.equal([1, ['complete'], 'done', 0]);
  });
});

function optionFailures(runner: TaskRunner): Extract<TaskEvent, { type: 'option-failed' }>[] {
  const failures: Extract<TaskEvent, { type: 'option-failed' }>[] = [];
  runner.events$.subscribe((event) => event.type === 'option-failed' && failures.push(event));
  return failures;
}

describe('The cron option `onError`', () => {
  const failsAt =
    (failing: number, ms: number) =>
    ({ slot, scheduler }: RunContext) =>
      timer(ms, scheduler).pipe(
        map(() => {
          if (slot === failing) throw new Error('boom');
          return slot;
        }),
      );

  it("lets the schedule go on by default and with 'continue'", () => {
    for (const options of [{}, { onError: 'continue' }] satisfies CronOptions[]) {
      const { clock, story, emitted } = startCron(failsAt(10, 5), 10, { ...options, maxRuns: 3 });
      clock.advance(100);
      expect(story).to.deep.equal([
        '0: started 0',
        '10: started 10',
        '15: failed 10 TaskError: x failed in execute: boom',
        '20: started 20',
        '25: done completed',
      ]);
      expect(emitted).to.deep.equal([0, 20, 'complete']);
    }
  });

  it("with 'stop' skips all waiting slots", () => {
    for (const overlap of ['bufferAll', 'bufferOne'] as const) {
      const executed: (number | undefined)[] = [];
      const { clock, story, emitted } = startCron((ctx) => (executed.push(ctx.slot), failsAt(0, 35)(ctx)), 10, {
        onError: 'stop',
        overlap,
      });
      clock.advance(200);
      expect(executed, overlap).to.deep.equal([0]);
      expect(story.filter((line) => line.startsWith('35'))).to.deep.equal([
        '35: failed 0 TaskError: x failed in execute: boom',
        ...(overlap === 'bufferAll' ? [10, 20, 30] : [10]).map((slot) => `35: skipped ${slot} ended`),
        '35: done failed',
      ]);
      expect(emitted.at(-1)).to.include({ phase: 'execute', message: 'x failed in execute: boom' });
    }
  });

  it("with 'stop' ends with the run’s error, and starts no other, if a listener of the failure ends that run", () => {
    for (const options of [{ maxRuns: 1 }, { overlap: 'bufferOne' }] satisfies CronOptions[]) {
      const output = new Subject<number>();
      const { clock, runner, story, emitted } = startCron({ execute: () => output, grace: 100 }, 10, {
        timeout: 15,
        onError: 'stop',
        ...options,
      });
      runner.events$.subscribe(({ type }) => type === 'slot-failed' && output.complete());
      clock.advance(200);
      expect(story.filter((line) => !line.includes('skipped'))).to.deep.equal([
        '0: started 0',
        '15: failed 0 TaskError: x failed in execute: Not done within 15 ms',
        '15: done failed',
      ]);
      expect(emitted.map(String)).to.deep.equal(['TaskError: x failed in execute: Not done within 15 ms']);
    }
  });

  it("with 'stop' ends the catching up with missed slots", () => {
    const executed: (number | undefined)[] = [];
    const { clock, story } = startCron((ctx) => (executed.push(ctx.slot), failsAt(-25, 5)(ctx)), 10, {
      onError: 'stop',
      lastRun: -35,
      missed: 'runAll',
      tolerance: 50,
    });
    clock.advance(50);
    expect(executed).to.deep.equal([-25]);
    expect(story).to.deep.equal([
      '0: started -25',
      '5: failed -25 TaskError: x failed in execute: boom',
      '5: missed -15 ×2',
      '5: done failed',
    ]);
  });

  it("with 'stop' cancels the other runs and awaits them before finalize", async () => {
    const works = new Map([0, 10, 20].map((slot) => [slot, deferred<string>()]));
    const causes: unknown[] = [];
    const log: string[] = [];
    const { clock, story, emitted } = startCron<string>(
      {
        execute: ({ slot = NaN, cancelled$ }) => {
          cancelled$.subscribe((cause) => causes.push([slot, String(cause)]));
          return works.get(slot)?.promise ?? 'none';
        },
        finalize: () => log.push('finalize'),
      },
      10,
      { overlap: 'allowAll', onError: 'stop' },
    );
    clock.advance(25);
    works.get(10)?.reject(new Error('boom'));
    await settled();
    works.get(0)?.resolve('a');
    await settled();
    expect([log, emitted]).to.deep.equal([[], ['a']]);
    works.get(20)?.reject(new Error('another'));
    await settled();
    expect(log).to.deep.equal(['finalize']);
    expect(story).to.deep.equal([
      '0: started 0',
      '10: started 10',
      '20: started 20',
      '25: failed 10 TaskError: x failed in execute: boom',
      '25: failed 20 TaskError: x failed in execute: another',
      '25: done failed',
    ]);
    const cause = 'TaskError: x failed in execute: boom';
    expect(causes).to.deep.equal([
      [0, cause],
      [10, cause],
      [20, cause],
    ]);
    expect(emitted).to.have.length(2);
    expect(emitted[1]).to.include({ message: 'x failed in execute: boom' });
    expect(clock.timers).to.equal(0);
  });

  it("with 'stop' errors with the run’s own error, which is the cause of cancelling the others", () => {
    const causes: unknown[] = [];
    const { clock, emitted, ctx } = startCron(
      ({ slot, cancelled$, scheduler }) => {
        if (slot !== 0) cancelled$.subscribe((cause) => causes.push(cause));
        return slot === 0
          ? failsAt(0, 25)({ slot, scheduler } as RunContext)
          : new Observable<never>(() => () => causes.push(`unsubscribed ${slot}`));
      },
      10,
      { overlap: 'allowAll', onError: 'stop' },
    );
    clock.advance(100);
    expect(causes).to.deep.equal([emitted[0], 'unsubscribed 10', emitted[0], 'unsubscribed 20']);
    expect([emitted.length, clock.timers, listenerCount(ctx), ctx.cancelled]).to.deep.equal([1, 0, 0, false]);
  });
});

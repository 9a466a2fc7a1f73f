import { expect } from 'chai';
import { map, NEVER, Observable, Subject, throwError, timer } from 'rxjs';
import { cron, task, type CronOptions, type RunContext, type Schedule } from '../../lib/index.js';
import { virtualClock } from '../../lib/testing/index.js';
import { listenerCount } from '../helpers/collect.js';
import { lasting, play } from '../helpers/cron-story.js';
import { deferred, settled } from '../helpers/tasks.js';
import { virtually } from '../helpers/virtual-time.js';

type Overlap = NonNullable<CronOptions['overlap']>;
const policies: readonly Overlap[] = ['skip', 'bufferOne', 'bufferAll', 'cancelOther', 'allowAll'];

/** The slots that a cron runs until some time, and when. */
function runsOf(
  schedule: number | string | Schedule,
  options: CronOptions,
  until: number,
  now = 0,
): [number, number][] {
  const runs: [number, number][] = [];
  const { machine, cancel } = play(
    ({ slot = NaN, scheduler }) => runs.push([slot, scheduler.now()]),
    schedule,
    options,
    virtualClock(now),
  );
  machine.advance(until);
  cancel();
  expect(machine.timers).to.equal(0);
  return runs;
}

/** The same, when each runs right at its slot. */
function slotsOf(schedule: number | string | Schedule, options: CronOptions, until: number, now = 0): number[] {
  return runsOf(schedule, options, until, now).map(([slot, at]) => {
    expect(at).to.equal(slot);
    return slot;
  });
}

/** Due every 10 ms. */
const tens: Schedule = { next: (after) => Math.floor(after / 10) * 10 + 10 };

describe('cron: immediate', () => {
  it('a period runs at once, and counts from then', () => {
    expect(slotsOf(10, {}, 25, 3)).to.deep.equal([3, 13, 23]);
    expect(slotsOf(10, { immediate: true }, 25, 3)).to.deep.equal([3, 13, 23]);
    expect(slotsOf(10, { immediate: false }, 25, 3)).to.deep.equal([13, 23]);
  });

  it('an expression and a Schedule do so if told, and count as ever', () => {
    for (const schedule of ['* * * * * *', { next: (after: number) => Math.floor(after / 1000) * 1000 + 1000 }]) {
      expect(slotsOf(schedule, {}, 2500, 300)).to.deep.equal([1000, 2000]);
      expect(slotsOf(schedule, { immediate: false }, 2500, 300)).to.deep.equal([1000, 2000]);
      expect(slotsOf(schedule, { immediate: true }, 2500, 300)).to.deep.equal([300, 1000, 2000]);
    }
  });

  it('at a slot of the schedule it is that slot, and no second one', () => {
    expect(slotsOf('* * * * * *', { immediate: true }, 2500, 1000)).to.deep.equal([1000, 2000, 3000]);
    expect(slotsOf('* * * * * *', {}, 2500, 1000)).to.deep.equal([2000, 3000]);
  });

  it('is at `startAt`, where that is to come', () => {
    expect(slotsOf(10, { startAt: 15 }, 36)).to.deep.equal([15, 25, 35]);
    expect(slotsOf('* * * * * *', { startAt: 1500, immediate: true }, 3000)).to.deep.equal([1500, 2000, 3000]);
  });

  it('comes when `initialize` has finished, from when the period counts', () => {
    const opened = new Subject<void>();
    const { machine, story } = play({ initialize: () => opened, execute: () => 1 }, 10);
    machine.advance(7);
    opened.complete();
    machine.advance(10);
    expect(story).to.deep.equal(['7: started 7', '17: started 17']);
  });

  it('does not come when `startAt` is past, as no slot before now does, nor when the end has', () => {
    expect(slotsOf('* * * * * *', { startAt: 1500 }, 3000, 4500)).to.deep.equal([5000, 6000, 7000]);
    expect(slotsOf(10, { stopAt: 3 }, 30, 3)).to.deep.equal([]);
  });
});

describe('cron: startAt', () => {
  it('no slot comes before it, and one may come at it', () => {
    expect(slotsOf('* * * * * *', { startAt: 2000 }, 4000)).to.deep.equal([2000, 3000, 4000]);
    expect(slotsOf('* * * * * *', { startAt: 2001 }, 4000)).to.deep.equal([3000, 4000]);
    expect(slotsOf(tens, { startAt: new Date(30) }, 45)).to.deep.equal([30, 40]);
  });

  it('no slot comes before it, though it be no whole number of ms', () => {
    expect(slotsOf(tens, { startAt: 20.5 }, 45)).to.deep.equal([30, 40]);
  });

  it('a period counts from there', () => {
    expect(slotsOf(10, { startAt: 15, immediate: false }, 50)).to.deep.equal([25, 35, 45]);
  });
});

describe('cron: stopAt', () => {
  it('no slot comes at it or after, and the runner completes and finalizes', () => {
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

  it('holds for an expression and a Schedule', () => {
    expect(slotsOf('* * * * * *', { stopAt: 3000 }, 5000)).to.deep.equal([1000, 2000]);
    expect(slotsOf('* * * * * *', { stopAt: 3001 }, 5000)).to.deep.equal([1000, 2000, 3000]);
    expect(slotsOf(tens, { stopAt: 30 }, 50)).to.deep.equal([10, 20]);
  });

  it('lets the last run end, and what waits run', () => {
    const { machine, story, told } = play(lasting(15), 10, { stopAt: 20, overlap: 'bufferAll' });
    machine.advance(50);
    expect(story).to.deep.equal(['0: started 0', '15: started 10', '30: done completed']);
    expect(told).to.deep.equal([0, 10, 'complete']);
  });

  it('completes at once when it is past, as when a Schedule has no slot at all', () => {
    const past = play(() => 1, 10, { stopAt: 5 }, virtualClock(5));
    const none = play(() => 1, { next: () => undefined });
    for (const { story, told, machine } of [past, none]) {
      expect([story.map((line) => line.slice(3)), told, machine.timers]).to.deep.equal([
        ['done completed'],
        ['complete'],
        0,
      ]);
    }
  });

  it('a Schedule that ends does so, too', () => {
    const { machine, story } = play(() => 1, { next: (after) => (after < 15 ? after + 5 : undefined) });
    machine.advance(100);
    expect(story).to.deep.equal(['5: started 5', '10: started 10', '15: started 15', '15: done completed']);
  });

  it('between `startAt` and it there may be no slot', () => {
    const { machine, told } = play(() => 1, '* * * * * *', { startAt: 1001, stopAt: 2000 });
    machine.advance(5000);
    expect(told).to.deep.equal(['complete']);
  });

  it('a slot that has fallen due while the process could not run counts when it is before it', () => {
    const { machine, story } = play(() => 1, 10, { stopAt: 40, immediate: false, missed: 'runOnce', tolerance: 50 });
    machine.adjust(100);
    machine.advance(10);
    expect(story).to.deep.equal([
      '110: missed 10 ×2',
      '110: overdue 30 by 80',
      '110: started 30',
      '110: done completed',
    ]);
  });
});

describe('cron: a Schedule', () => {
  const ends = (schedule: Schedule, options?: CronOptions) => {
    const { machine, told, story } = play(({ slot }) => slot, schedule, options);
    machine.advance(100);
    expect(machine.timers).to.equal(0);
    expect(story.at(-1)).to.match(/done failed$/);
    return told;
  };

  for (const [title, second] of [
    ['the slot before', 10],
    ['one before that', 9],
    ['NaN', NaN],
    ['Infinity', Infinity],
    ['null', null as never],
  ] as const) {
    it(`makes the runner fail when its next slot is ${title}`, () => {
      const told = ends({ next: (after) => (after < 10 ? 10 : second) });
      expect(told.at(-1)).to.be.instanceOf(Error).and.include({ task: 'x', phase: 'execute' });
      const { cause } = told.at(-1) as Error;
      expect(cause).to.be.instanceOf(RangeError);
      expect(String(cause)).to.contain('Expected `schedule.next(10)` to be undefined or a time after 10, got');
    });
  }

  it('makes the runner fail with what it throws, at the start too, and with a jitter', () => {
    const boom = new Error('boom');
    const throws = () => {
      throw boom;
    };
    expect(ends({ next: throws })).to.have.length(1);
    for (const jitter of [0, 5]) {
      const told = ends({ next: (after) => (after < 20 ? after + 10 : throws()) }, { jitter });
      expect(told.at(-1)).to.be.instanceOf(Error).and.include({ task: 'x', phase: 'execute', cause: boom });
    }
  });

  /** Due at 1, 4, 9, 16 … */
  class Squares implements Schedule {
    readonly asked: number[] = [];

    next(after: number): number {
      this.asked.push(after);
      return (Math.floor(Math.sqrt(after)) + 1) ** 2;
    }
  }

  it('is asked for one slot after the other, as its method', () => {
    const squares = new Squares();
    expect(slotsOf(squares, {}, 20)).to.deep.equal([1, 4, 9, 16]);
    expect(squares.asked).to.deep.equal([0, 1, 4, 9, 16]);
  });

  it('is asked for one more where a jitter has to know the gap, and for none twice', () => {
    const squares = new Squares();
    expect(runsOf(squares, { jitter: 1, random: () => 0.5 }, 20).map(([slot]) => slot)).to.deep.equal([1, 4, 9, 16]);
    expect(squares.asked).to.deep.equal([0, 1, 4, 9, 16, 25]);
  });

  it('is not asked for all the slots before a far `startAt`', () => {
    const squares = new Squares();
    const { machine, cancel } = play(() => 1, squares, { startAt: 1_000_000 });
    machine.advance(10);
    cancel();
    expect(squares.asked).to.deep.equal([999_999]);
  });
});

describe('cron: timezone', () => {
  it('is the one in which an expression is read', () => {
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

describe('cron: maxRuns', () => {
  for (const overlap of policies) {
    it(`is after how many runs the runner ends, with overlap '${overlap}'`, () => {
      for (const maxRuns of [1, 2, 5]) {
        const { machine, story, told } = play(({ slot }) => slot, 10, { overlap, maxRuns });
        machine.advance(100);
        const slots = Array.from({ length: maxRuns }, (_, n) => n * 10);
        expect(told).to.deep.equal([...slots, 'complete']);
        expect(story).to.deep.equal([
          ...slots.map((slot) => `${slot}: started ${slot}`),
          `${slots.at(-1)}: done completed`,
        ]);
        expect(machine.timers).to.equal(0);
      }
    });
  }

  it('awaits the last run, and skips what waits when that starts', () => {
    const { machine, story, told } = play(lasting(35), 10, { overlap: 'bufferAll', maxRuns: 2 });
    machine.advance(200);
    expect(story).to.deep.equal([
      '0: started 0',
      '35: started 10',
      '35: skipped 20 ended',
      '35: skipped 30 ended',
      '70: done completed',
    ]);
    expect(told).to.deep.equal([0, 10, 'complete']);
    expect(machine.timers).to.equal(0);
  });

  it("counts runs that go side by side, and awaits all of them, with 'allowAll'", () => {
    const { machine, story, told, ctx } = play(lasting(35), 10, { overlap: 'allowAll', maxRuns: 3 });
    machine.advance(200);
    expect(story).to.deep.equal(['0: started 0', '10: started 10', '20: started 20', '55: done completed']);
    expect(told).to.deep.equal([0, 10, 20, 'complete']);
    expect(listenerCount(ctx)).to.equal(0);
  });

  it('counts runs that fail, and such as are cancelled', () => {
    const fails = play(() => throwError(() => new Error('boom')), 10, { maxRuns: 2 });
    const overtaken = play(() => NEVER, 10, { maxRuns: 2, overlap: 'cancelOther' });
    for (const { machine } of [fails, overtaken]) machine.advance(50);
    expect(fails.told).to.deep.equal(['complete']);
    expect(overtaken.story).to.deep.equal(['0: started 0', '10: started 10']);
  });

  it('does not count slots that are dropped or missed', () => {
    const { machine, story } = play(lasting(15), 10, { maxRuns: 3 });
    machine.advance(25);
    machine.adjust(20);
    machine.advance(200);
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

  it('ends the catching up, too', () => {
    const { story, told } = play(({ slot }) => slot, 10, { lastRun: -55, missed: 'runAll', maxRuns: 2, tolerance: 60 });
    expect(story).to.deep.equal(['0: started -45', '0: started -35', '0: missed -25 ×3', '0: done completed']);
    expect(told).to.deep.equal([-45, -35, 'complete']);
  });

  it('holds for each start of the runner', () => {
    const machine = virtualClock();
    const { runner, told, ctx } = play(({ slot }) => slot, 10, { maxRuns: 2 }, machine);
    machine.advance(100);
    runner.start(ctx).subscribe((slot) => told.push(slot));
    machine.advance(100);
    expect(told).to.deep.equal([0, 10, 'complete', 100, 110]);
  });
});

describe('cron: jitter', () => {
  it('puts each slot off by up to that much, and leaves its name', () => {
    expect(runsOf(tens, { jitter: 4, random: () => 0.5 }, 35)).to.deep.equal([
      [10, 12],
      [20, 22],
      [30, 32],
    ]);
    expect(runsOf(tens, { jitter: 4, random: () => 0 }, 25)).to.deep.equal([
      [10, 10],
      [20, 20],
    ]);
  });

  it('does not put off the slot at the start', () => {
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

  it('never puts a slot off past the next one, and keeps the order', () => {
    const uneven: Schedule = { next: (after) => [10, 12, 40, 41].find((slot) => slot > after) };
    expect(runsOf(uneven, { jitter: 20, random: () => 0.75 }, 100)).to.deep.equal([
      [10, 11.5],
      [12, 27],
      [40, 40.75],
      // Nothing comes after it.
      [41, 56],
    ]);
    expect(runsOf(tens, { jitter: Infinity, random: () => 0.5 }, 30)).to.deep.equal([
      [10, 15],
      [20, 25],
    ]);
  });

  it('asks anew for each slot', () => {
    const given = [0.2, 0.4, 0.6];
    let n = 0;
    expect(runsOf(tens, { jitter: 5, random: () => given[n++] ?? 0 }, 34)).to.deep.equal([
      [10, 11],
      [20, 22],
      [30, 33],
    ]);
  });

  it('takes Math.random, unless given another', () => {
    for (const [slot, at] of runsOf(tens, { jitter: 5 }, 1000)) expect(at - slot).to.be.within(0, 5);
    const offsets = new Set(runsOf(tens, { jitter: 5 }, 1000).map(([slot, at]) => at - slot));
    expect(offsets.size).to.be.greaterThan(90);
  });

  it('does not make a slot late', () => {
    const { machine, story } = play(() => 1, tens, { jitter: 8, random: () => 0.5, tolerance: 0 });
    machine.advance(28);
    expect(story).to.deep.equal(['14: started 10', '24: started 20']);
    machine.adjust(10);
    machine.advance(7);
    // The slot of 30 was due at 34, that of 40 at 44.
    expect(story.slice(2)).to.deep.equal(['44: missed 30 ×1', '44: started 40']);
  });

  it('holds for slots that are caught up with and such as are missed', () => {
    const options: CronOptions = { jitter: 8, random: () => 0.5, tolerance: 0, immediate: false };
    const skips = play(() => 1, 10, options);
    const runs = play(() => 1, 10, { ...options, missed: 'runAll', tolerance: 100 });
    for (const { machine } of [skips, runs]) {
      machine.adjust(33);
      machine.advance(14);
    }
    expect(skips.story).to.deep.equal(['47: missed 10 ×4']);
    expect(runs.story).to.deep.equal(['47: started 10', '47: started 20', '47: started 30', '47: started 40']);
  });

  it('puts no slot off past stopAt, where there is none after it', () => {
    expect(runsOf(10, { jitter: 9, random: () => 0.5, stopAt: 22 }, 100)).to.deep.equal([
      [0, 0],
      [10, 14.5],
      [20, 21],
    ]);
  });

  it('of Infinity ends with its schedule, too', () => {
    const { machine, told } = play(() => 1, 10, { jitter: Infinity, random: () => 0.5, stopAt: 25 });
    machine.advance(1000);
    expect(told.at(-1)).to.equal('complete');
    expect(machine.timers).to.equal(0);
  });

  it('of Infinity does not put off a last slot after which nothing comes', () => {
    const ends: Schedule = { next: (after) => (after < 20 ? after + 10 : undefined) };
    expect(runsOf(ends, { jitter: Infinity, random: () => 0.5 }, 100)).to.deep.equal([
      [10, 15],
      [20, 20],
    ]);
  });

  it('makes the runner fail when `random` throws', () => {
    const boom = new Error('boom');
    const random = () => {
      throw boom;
    };
    const { machine, told } = play(() => 1, tens, { jitter: 1, random });
    machine.advance(100);
    expect(told.at(-1)).to.include({ phase: 'execute', cause: boom });
    expect(machine.timers).to.equal(0);
  });
});

describe('cron: onError', () => {
  const failsAt =
    (bad: number, ms: number) =>
    ({ slot, scheduler }: RunContext) =>
      timer(ms, scheduler).pipe(
        map(() => {
          if (slot === bad) throw new Error('boom');
          return slot;
        }),
      );

  it("goes on, unless said, and for 'continue'", () => {
    for (const options of [{}, { onError: 'continue' }] satisfies CronOptions[]) {
      const { machine, story, told } = play(failsAt(10, 5), 10, { ...options, maxRuns: 3 });
      machine.advance(100);
      expect(story).to.deep.equal([
        '0: started 0',
        '10: started 10',
        '15: failed 10 TaskError: x failed in execute: boom',
        '20: started 20',
        '25: done completed',
      ]);
      expect(told).to.deep.equal([0, 20, 'complete']);
    }
  });

  it("'stop' starts nothing that waits: each of it is skipped", () => {
    for (const overlap of ['bufferAll', 'bufferOne'] as const) {
      const executed: (number | undefined)[] = [];
      const { machine, story, told } = play((ctx) => (executed.push(ctx.slot), failsAt(0, 35)(ctx)), 10, {
        onError: 'stop',
        overlap,
      });
      machine.advance(200);
      expect(executed, overlap).to.deep.equal([0]);
      expect(story.filter((line) => line.startsWith('35'))).to.deep.equal([
        '35: failed 0 TaskError: x failed in execute: boom',
        ...(overlap === 'bufferAll' ? [10, 20, 30] : [10]).map((slot) => `35: skipped ${slot} ended`),
        '35: done failed',
      ]);
      expect(told.at(-1)).to.include({ phase: 'execute', message: 'x failed in execute: boom' });
    }
  });

  it("'stop' ends the catching up", () => {
    const executed: (number | undefined)[] = [];
    const { machine, story } = play((ctx) => (executed.push(ctx.slot), failsAt(-25, 5)(ctx)), 10, {
      onError: 'stop',
      lastRun: -35,
      missed: 'runAll',
      tolerance: 50,
    });
    machine.advance(50);
    expect(executed).to.deep.equal([-25]);
    expect(story).to.deep.equal([
      '0: started -25',
      '5: failed -25 TaskError: x failed in execute: boom',
      '5: missed -15 ×2',
      '5: done failed',
    ]);
  });

  it("'stop' cancels the other runs, and awaits them before finalize", async () => {
    const works = new Map([0, 10, 20].map((slot) => [slot, deferred<string>()]));
    const causes: unknown[] = [];
    const log: string[] = [];
    const { machine, story, told } = play<string>(
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
    machine.advance(25);
    works.get(10)?.reject(new Error('boom'));
    await settled();
    works.get(0)?.resolve('a');
    await settled();
    expect([log, told]).to.deep.equal([[], ['a']]);
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
      [10, cause],
      [0, cause],
      [20, cause],
    ]);
    expect(told).to.have.length(2);
    expect(told[1]).to.include({ message: 'x failed in execute: boom' });
    expect(machine.timers).to.equal(0);
  });

  it("'stop' errs with the error itself, which is the others’ cause", () => {
    const causes: unknown[] = [];
    const { machine, told, ctx } = play(
      ({ slot, cancelled$, scheduler }) => {
        if (slot !== 0) cancelled$.subscribe((cause) => causes.push(cause));
        return slot === 0
          ? failsAt(0, 25)({ slot, scheduler } as RunContext)
          : new Observable<never>(() => () => causes.push(`cut ${slot}`));
      },
      10,
      { overlap: 'allowAll', onError: 'stop' },
    );
    machine.advance(100);
    expect(causes).to.deep.equal([told[0], 'cut 10', told[0], 'cut 20']);
    expect([told.length, machine.timers, listenerCount(ctx), ctx.cancelled]).to.deep.equal([1, 0, 0, false]);
  });
});

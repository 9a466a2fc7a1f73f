import { expect } from 'chai';
import { NEVER, Subject, throwError } from 'rxjs';
import { cron, task } from '../../lib/index.js';
import { virtualClock } from '../../lib/testing/index.js';
import { listenerCount } from '../helpers/collect.js';
import { everyTen, overlapPolicies, slotsOf, startCron, takes } from '../helpers/start-cron.js';
import { virtually } from '../helpers/virtual-time.js';

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
    const { clock, log } = startCron({ initialize: () => opened, execute: () => 1 }, 10);
    clock.advance(7);
    opened.complete();
    clock.advance(10);
    expect(log).to.deep.equal(['7: started 7', '17: started 17']);
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
    const { clock, log, emitted } = startCron(takes(15), 10, { stopAt: 20, overlap: 'bufferAll' });
    clock.advance(50);
    expect(log).to.deep.equal(['0: started 0', '15: started 10', '30: done completed']);
    expect(emitted).to.deep.equal([0, 10, 'complete']);
  });

  it('completes the runner at once if it is in the past, as a Schedule without slots does', () => {
    const past = startCron(() => 1, 10, { stopAt: 5 }, virtualClock(5));
    const none = startCron(() => 1, { next: () => undefined });
    for (const { log, emitted, clock } of [past, none]) {
      expect([log.map((line) => line.slice(3)), emitted, clock.timers]).to.deep.equal([
        ['done completed'],
        ['complete'],
        0,
      ]);
    }
  });

  it('is not needed to complete the runner when a Schedule ends', () => {
    const { clock, log } = startCron(() => 1, { next: (after) => (after < 15 ? after + 5 : undefined) });
    clock.advance(100);
    expect(log).to.deep.equal(['5: started 5', '10: started 10', '15: started 15', '15: done completed']);
  });

  it('may leave no slot after `startAt`', () => {
    const { clock, emitted } = startCron(() => 1, '* * * * * *', { startAt: 1001, stopAt: 2000 });
    clock.advance(5000);
    expect(emitted).to.deep.equal(['complete']);
  });

  it('does not drop earlier slots that came due while the process could not run', () => {
    const { clock, log } = startCron(() => 1, 10, { stopAt: 40, immediate: false, missed: 'runOnce', tolerance: 50 });
    clock.adjust(100);
    clock.advance(10);
    expect(log).to.deep.equal(['110: missed 10 ×2', '110: overdue 30 by 80', '110: started 30', '110: done completed']);
  });
});

describe('The cron option `maxRuns`', () => {
  for (const overlap of overlapPolicies) {
    it(`ends the runner after that many runs, with overlap '${overlap}'`, () => {
      for (const maxRuns of [1, 2, 5]) {
        const { clock, log, emitted } = startCron(({ slot }) => slot, 10, { overlap, maxRuns });
        clock.advance(100);
        const slots = Array.from({ length: maxRuns }, (_, n) => n * 10);
        expect(emitted).to.deep.equal([...slots, 'complete']);
        expect(log).to.deep.equal([
          ...slots.map((slot) => `${slot}: started ${slot}`),
          `${slots.at(-1)}: done completed`,
        ]);
        expect(clock.timers).to.equal(0);
      }
    });
  }

  it('skips the waiting slots when the last run starts, and awaits that run', () => {
    const { clock, log, emitted } = startCron(takes(35), 10, { overlap: 'bufferAll', maxRuns: 2 });
    clock.advance(200);
    expect(log).to.deep.equal([
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
    const { clock, log, emitted, ctx } = startCron(takes(35), 10, { overlap: 'allowAll', maxRuns: 3 });
    clock.advance(200);
    expect(log).to.deep.equal(['0: started 0', '10: started 10', '20: started 20', '55: done completed']);
    expect(emitted).to.deep.equal([0, 10, 20, 'complete']);
    expect(listenerCount(ctx)).to.equal(0);
  });

  it('counts failed and cancelled runs', () => {
    const fails = startCron(() => throwError(() => new Error('boom')), 10, { maxRuns: 2 });
    const overtaken = startCron(() => NEVER, 10, { maxRuns: 2, overlap: 'cancelOther' });
    for (const { clock } of [fails, overtaken]) clock.advance(50);
    expect(fails.emitted).to.deep.equal(['complete']);
    expect(overtaken.log).to.deep.equal(['0: started 0', '10: started 10']);
  });

  it('does not count skipped or missed slots', () => {
    const { clock, log } = startCron(takes(15), 10, { maxRuns: 3 });
    clock.advance(25);
    clock.adjust(20);
    clock.advance(200);
    expect(log).to.deep.equal([
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
    const { log, emitted } = startCron(({ slot }) => slot, 10, {
      lastRun: -55,
      missed: 'runAll',
      maxRuns: 2,
      tolerance: 60,
    });
    expect(log).to.deep.equal(['0: started -45', '0: started -35', '0: missed -25 ×3', '0: done completed']);
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

import { expect } from 'chai';
import { finalize, NEVER, timer } from 'rxjs';
import sinon from 'sinon';
import { cron, task, withCancel, type CronOptions, type Schedule } from '../../lib/index.js';
import { virtualClock } from '../../lib/testing/index.js';
import {
  everyTen,
  overlapPolicies,
  slotEvents,
  startCron,
  startedSlots,
  takes,
  type Overlap,
} from '../helpers/start-cron.js';

type Missed = NonNullable<CronOptions['missed']>;

describe('A cron that misses slots', () => {
  describe('runs or drops them by `missed` and `tolerance`:', () => {
    // The clock steps forward by 34 ms during the wait for slot 10. The timer fires at 44, when slot 40 is 4 ms late.
    const table: readonly [missed: Missed | undefined, tolerance: number, log: readonly string[]][] = [
      [undefined, 4, ['44: missed 10 ×3', '44: started 40']],
      ['skip', 4, ['44: missed 10 ×3', '44: started 40']],
      ['skip', 3, ['44: missed 10 ×4']],
      ['skip', 0, ['44: missed 10 ×4']],
      ['runOnce', 4, ['44: missed 10 ×3', '44: started 40']],
      ['runOnce', 0, ['44: missed 10 ×3', '44: overdue 40 by 4', '44: started 40']],
      ['runAll', 100, ['44: started 10', '44: started 20', '44: started 30', '44: started 40']],
      [
        'runAll',
        4,
        ['44: overdue 10 by 34', '44: started 10', '44: overdue 20 by 24', '44: started 20']
          .concat(['44: overdue 30 by 14', '44: started 30'])
          .concat(['44: started 40']),
      ],
    ];
    for (const [title, schedule] of [
      ['a period', 10],
      ['a Schedule', everyTen],
    ] as const) {
      for (const [missed, tolerance, log] of table) {
        it(`${title}, missed ${missed ?? 'left out'}, tolerance ${tolerance}`, () => {
          const played = startCron(({ slot }) => slot, schedule, {
            immediate: false,
            tolerance,
            ...(missed && { missed }),
          });
          played.clock.advance(5);
          played.clock.adjust(34);
          played.clock.advance(5);
          expect(played.log).to.deep.equal(log);
          played.clock.advance(6);
          expect(played.log.slice(log.length)).to.deep.equal(['50: started 50']);
        });
      }
    }
  });

  it('has a default tolerance of 1,000 ms', () => {
    for (const [late, log] of [
      [1000, ['6000: started 5000']],
      [1001, ['6001: missed 5000 ×1']],
    ] as const) {
      const played = startCron(({ slot }) => slot, 5000, { immediate: false });
      played.clock.adjust(late);
      played.clock.advance(5000);
      expect(played.log).to.deep.equal(log);
    }
  });

  it('drops or runs a single late slot by `missed`', () => {
    const late = (missed: Missed) => {
      const { clock, log } = startCron(({ slot }) => slot, 100, { immediate: false, missed, tolerance: 10 });
      clock.adjust(50);
      clock.advance(100);
      return log;
    };
    expect(late('skip')).to.deep.equal(['150: missed 100 ×1']);
    expect(late('runOnce')).to.deep.equal(['150: overdue 100 by 50', '150: started 100']);
    expect(late('runAll')).to.deep.equal(['150: overdue 100 by 50', '150: started 100']);
  });

  it('counts the slots that passed during a synchronous run as missed', () => {
    const clock = virtualClock();
    const { log, emitted } = startCron(({ slot }) => (slot === 10 && clock.advanceSilently(34), slot), 10, {}, clock);
    clock.advance(50);
    expect(log).to.deep.equal([
      '0: started 0',
      '10: started 10',
      '44: missed 20 ×2',
      '44: started 40',
      '50: started 50',
    ]);
    expect(emitted).to.deep.equal([0, 10, 40, 50]);
  });

  it('emits one missed event for each sleep on sinon’s fake timers', () => {
    const clock = sinon.useFakeTimers(1_000_000);
    try {
      const runner = cron(
        task('x', ({ slot }) => slot),
        2000,
        { missed: 'runOnce', tolerance: 10 },
      );
      const log = slotEvents(runner);
      const subscription = runner.start().subscribe();
      // The process is suspended: the clock advances, and the timer fires when the process resumes.
      const sleep = (ms: number) => {
        clock.setSystemTime(Date.now() + ms - 2000);
        clock.tick(2000);
      };
      sleep(6500);
      sleep(5200);
      subscription.unsubscribe();
      expect(log).to.deep.equal([
        '1000000: started 1000000',
        '1006500: missed 1002000 ×2',
        '1006500: overdue 1006000 by 500',
        '1006500: started 1006000',
        '1011200: missed 1008000 ×1',
        '1011200: overdue 1010000 by 1200',
        '1011200: started 1010000',
        '1011700: done cancelled',
      ]);
      expect(clock.countTimers()).to.equal(0);
    } finally {
      clock.restore();
    }
  });

  describe("with missed: 'runAll'", () => {
    for (const overlap of overlapPolicies) {
      for (const [title, schedule] of [
        ['a period', 10],
        ['a Schedule', everyTen],
      ] as const) {
        it(`runs the slots of ${title} in order, one at a time, with overlap '${overlap}'`, () => {
          const slots: [slot: number | undefined, at: number][] = [];
          let current = 0;
          let maxConcurrent = 0;
          const { clock } = startCron(
            ({ scheduler, slot }) => {
              slots.push([slot, scheduler.now()]);
              maxConcurrent = Math.max(maxConcurrent, ++current);
              return timer(2, scheduler).pipe(finalize(() => current--));
            },
            schedule,
            { immediate: false, missed: 'runAll', overlap, tolerance: 3 },
          );
          clock.advance(1);
          clock.adjust(31);
          clock.advance(9);
          clock.advance(8);
          expect(slots).to.deep.equal([
            [10, 41],
            [20, 43],
            [30, 45],
            [40, 47],
          ]);
          clock.advance(11);
          expect(slots.slice(4)).to.deep.equal([
            [50, 50],
            [60, 60],
          ]);
          expect(maxConcurrent).to.equal(1);
        });
      }
    }

    // The four missed slots take from 41 to 69. Meanwhile the slots of 50 and 60 come due.
    const meanwhile: Record<Overlap, readonly string[]> = {
      skip: ['50: skipped 50 overlap', '55: started 30', '60: skipped 60 overlap', '62: started 40', '70: started 70'],
      bufferOne: ['55: started 30', '60: skipped 60 overlap', '62: started 40', '69: started 50'],
      bufferAll: ['55: started 30', '62: started 40', '69: started 50'],
      cancelOther: ['55: started 30', '60: skipped 50 overlap', '62: started 40', '69: started 60', '70: started 70'],
      allowAll: ['50: started 50', '55: started 30', '60: started 60', '62: started 40', '70: started 70'],
    };
    for (const overlap of overlapPolicies) {
      it(`applies overlap '${overlap}' to later slots, which do not disturb the catching up`, () => {
        const { clock, log, emitted } = startCron(takes(7), 10, {
          immediate: false,
          missed: 'runAll',
          overlap,
          tolerance: 100,
        });
        clock.adjust(31);
        clock.advance(39);
        expect(log).to.deep.equal(['41: started 10', '48: started 20', ...meanwhile[overlap]]);
        expect(emitted.filter((slot) => Number(slot) < 50)).to.deep.equal([10, 20, 30, 40]);
      });
    }

    it('is not disturbed by a slot that comes due during the last run of a missed slot', () => {
      const { clock, log, emitted } = startCron(takes(7), 10, {
        immediate: false,
        missed: 'runAll',
        overlap: 'cancelOther',
        tolerance: 3,
      });
      clock.adjust(7);
      clock.advance(20);
      expect(log).to.deep.equal(['17: overdue 10 by 7', '17: started 10', '23: overdue 20 by 3', '24: started 20']);
      expect(emitted).to.deep.equal([10]);
    });

    it("waits for the current run and does not cancel it, except with overlap 'allowAll'", () => {
      const log = (overlap: Overlap) => {
        const played = startCron(takes(25), 10, { missed: 'runAll', overlap, maxRuns: 3 });
        played.clock.adjust(31);
        played.clock.advance(100);
        return played.log.find((line) => line.endsWith('started 10'));
      };
      for (const overlap of ['skip', 'bufferOne', 'bufferAll', 'cancelOther'] as const)
        expect(log(overlap), overlap).to.equal('56: started 10');
      expect(log('allowAll')).to.equal('41: started 10');
    });

    it('catches up in order with slots that are missed while it catches up', () => {
      for (const overlap of overlapPolicies) {
        const { clock, emitted } = startCron(takes(3), 10, {
          immediate: false,
          missed: 'runAll',
          overlap,
          tolerance: 0,
        });
        clock.adjust(21);
        clock.advance(12);
        clock.adjust(31);
        clock.advance(20);
        expect(emitted.slice(0, 5), overlap).to.deep.equal([10, 20, 30, 40, 50]);
      }
    });

    it('reports how late the slots are by a clock that was set back', () => {
      const { clock, log } = startCron(({ slot }) => slot, 1000, { missed: 'runAll', tolerance: 100 });
      clock.advance(500);
      clock.adjust(-10_000);
      clock.advance(1000);
      clock.adjust(2000);
      clock.advance(1000);
      expect(log).to.deep.equal([
        '0: started 0',
        '-9000: started 1000',
        '-6000: overdue 2000 by 2000',
        '-6000: started 2000',
        '-6000: overdue 3000 by 1000',
        '-6000: started 3000',
        '-6000: started 4000',
      ]);
    });

    it('goes on after a failed run', () => {
      const { clock, log } = startCron(
        ({ slot }) => {
          if (slot === 20) throw new Error('boom');
        },
        10,
        { immediate: false, missed: 'runAll' },
      );
      clock.adjust(25);
      clock.advance(10);
      expect(log).to.deep.equal([
        '35: started 10',
        '35: started 20',
        '35: failed 20 TaskError: x failed in execute: boom',
        '35: started 30',
      ]);
    });

    it('reports how many slots it has not caught up with when it is cancelled', () => {
      const { clock, log, cancel } = startCron(takes(5), 10, { immediate: false, missed: 'runAll' });
      clock.adjust(85);
      clock.advance(16);
      cancel();
      expect(log).to.deep.equal([
        '95: started 10',
        '100: started 20',
        '100: skipped 100 overlap',
        '101: missed 30 ×7',
        '101: done cancelled',
      ]);
    });

    it('ends with the error of a Schedule that fails during the catching up', () => {
      const boom = new Error('boom');
      let caughtUp = false;
      const { clock, log, emitted } = startCron(
        () => (caughtUp = true),
        {
          next: (after) => {
            if (caughtUp) throw boom;
            return everyTen.next(after);
          },
        },
        { missed: 'runAll', immediate: false },
      );
      clock.adjust(25);
      clock.advance(10);
      expect(log).to.deep.equal(['35: started 10', '35: missed 20 ×2', '35: done failed']);
      expect(emitted.at(-1)).to.include({ task: 'x', phase: 'execute', cause: boom });
    });
  });

  it('takes the age of a slot from when it was due with its jitter', () => {
    for (const [missedWithin, first] of [
      [149, 400],
      [150, 300],
    ]) {
      const { clock, log } = startCron(({ slot }) => slot, 100, {
        immediate: false,
        jitter: 50,
        random: () => 0.5,
        missed: 'runAll',
        missedWithin,
      });
      clock.adjust(350);
      clock.advance(125);
      expect(startedSlots(log)[0]).to.equal(first);
    }
  });

  describe('and misses more than 1,000 of a Schedule', () => {
    const sleep = (options: CronOptions) => {
      const played = startCron(({ slot }) => slot, everyTen, { immediate: false, ...options });
      played.clock.adjust(25_004);
      played.clock.advance(10);
      return played;
    };

    it('drops all but the latest, as one event', () => {
      for (const missed of ['skip', 'runOnce'] as const) {
        const { log, emitted } = sleep({ missed });
        expect(log).to.deep.equal(['25014: missed 10 ×2500', '25014: started 25010']);
        expect(emitted).to.deep.equal([25_010]);
      }
    });

    it('drops the latest as well if it is too late', () => {
      const { log } = sleep({ missed: 'skip', tolerance: 3 });
      expect(log).to.deep.equal(['25014: missed 10 ×2501']);
    });

    it('drops those that are older than `missedWithin` as one event', () => {
      const { log } = sleep({ missed: 'runAll', missedWithin: 20 });
      expect(log).to.deep.equal(['25014: missed 10 ×2499', '25014: started 25000', '25014: started 25010']);
    });

    for (const overlap of overlapPolicies) {
      it(`runs all of them in order with missed: 'runAll' and overlap '${overlap}'`, () => {
        const { emitted } = sleep({ missed: 'runAll', overlap });
        expect(emitted).to.deep.equal(Array.from({ length: 2501 }, (_, n) => (n + 1) * 10));
      });
    }

    it('lets the event loop turn between two batches', () => {
      const clock = virtualClock();
      const log: string[] = [];
      let computed = 0;
      const counted = {
        next(after: number) {
          if (++computed % 1000 === 0) clock.schedule(() => log.push('turn'));
          return everyTen.next(after);
        },
      };
      const { runner } = startCron(({ slot }) => slot, counted, { immediate: false }, clock);
      runner.events$.subscribe(({ type }) => log.push(type));
      clock.adjust(25_000);
      clock.advance(10);
      expect(log).to.deep.equal(['turn', 'turn', 'missed', 'slot-started']);
    });

    it('reports those that were computed when it is cancelled in between', () => {
      const clock = virtualClock();
      let computed = 0;
      const counted = {
        next(after: number) {
          if (++computed === 1500) started.cancel();
          return everyTen.next(after);
        },
      };
      const started = startCron(({ slot }) => slot, counted, { immediate: false }, clock);
      clock.adjust(25_000);
      clock.advance(10);
      expect(started.log).to.deep.equal(['25010: missed 10 ×1000', '25010: done cancelled']);
    });
  });

  describe('and misses 10 million of a period of 10 ms', () => {
    const hundredMillion = 100_000_000;
    const sleep = (options: CronOptions) => {
      const played = startCron(() => NEVER, 10, { immediate: false, ...options });
      played.clock.adjust(hundredMillion - 6);
      played.clock.advance(10);
      return played;
    };

    it('counts them in one step', () => {
      expect(sleep({}).log).to.deep.equal(['100000004: missed 10 ×9999999', '100000004: started 100000000']);
      expect(sleep({ tolerance: 3 }).log).to.deep.equal(['100000004: missed 10 ×10000000']);
      expect(sleep({ missed: 'runOnce', tolerance: 3 }).log).to.deep.equal([
        '100000004: missed 10 ×9999999',
        '100000004: overdue 100000000 by 4',
        '100000004: started 100000000',
      ]);
    });

    it('queues them in one step', () => {
      const { clock, log, cancel } = sleep({ missed: 'runAll', tolerance: Infinity });
      cancel();
      expect(log).to.deep.equal([
        '100000004: started 10',
        '100000004: missed 20 ×9999999',
        '100000004: done cancelled',
      ]);
      expect(clock.timers).to.equal(0);
    });
  });

  describe('since its `lastRun`', () => {
    it('counts from its own last slot when it is started again', () => {
      const clock = virtualClock(100_000);
      const { runner, log } = startCron(() => 1, 10_000, { lastRun: 75_000, missed: 'runAll', maxRuns: 3 }, clock);
      clock.advance(10_000);
      runner.start(withCancel(undefined, { scheduler: clock })[0]).subscribe();
      clock.advance(20_000);
      expect(log.filter((line) => line.includes('started'))).to.deep.equal([
        '100000: started 85000',
        '100000: started 95000',
        '105000: started 105000',
        '115000: started 115000',
        '125000: started 125000',
      ]);
    });

    // The process starts again at 100,000. The last slot before was 65,000.
    const restart = (schedule: number | string | Schedule, options: CronOptions) => {
      const played = startCron(({ slot }) => slot, schedule, { lastRun: 65_000, ...options }, virtualClock(100_000));
      played.clock.advance(20_000);
      return played.log.map((line) => line.replaceAll(/000\b/g, 'k'));
    };
    const everyTenSeconds: readonly [title: string, schedule: number | string | Schedule, offset: number][] = [
      ['a period that continues from there', 10_000, 5],
      ['an expression', '5-59/10 * * * * *', 5],
      ['a Schedule', { next: (after) => Math.floor((after - 5000) / 10_000) * 10_000 + 15_000 }, 5],
    ];
    for (const [title, schedule] of everyTenSeconds) {
      const then = ['105k: started 105k', '115k: started 115k'];

      it(`runs the latest of them if it is in time, with missed: 'skip' and ${title}`, () => {
        expect(restart(schedule, {})).to.deep.equal(['100k: missed 75k ×3', ...then]);
        expect(restart(schedule, { tolerance: 4999 })).to.deep.equal(['100k: missed 75k ×3', ...then]);
        expect(restart(schedule, { tolerance: 5000 })).to.deep.equal([
          '100k: missed 75k ×2',
          '100k: started 95k',
          ...then,
        ]);
      });

      it(`runs the latest of them at once with missed: 'runOnce' and ${title}`, () => {
        expect(restart(schedule, { missed: 'runOnce' })).to.deep.equal([
          '100k: missed 75k ×2',
          '100k: overdue 95k by 5k',
          '100k: started 95k',
          ...then,
        ]);
      });

      it(`runs all of them one after another with missed: 'runAll' and ${title}`, () => {
        expect(restart(schedule, { missed: 'runAll', tolerance: 60_000 })).to.deep.equal([
          '100k: started 75k',
          '100k: started 85k',
          '100k: started 95k',
          ...then,
        ]);
      });
    }

    it('goes on with the schedule if there were none', () => {
      const { clock, log } = startCron(() => 1, 10_000, { lastRun: 95_000 }, virtualClock(100_000));
      clock.advance(20_000);
      expect(log).to.deep.equal(['105000: started 105000', '115000: started 115000']);
    });

    it('does not run the slot of `lastRun`, but a slot that is due at the start', () => {
      const { log } = startCron(() => 1, 10_000, { lastRun: 90_000 }, virtualClock(100_000));
      expect(log).to.deep.equal(['100000: started 100000']);
    });

    it('runs no slot before a `lastRun` in the future', () => {
      const { clock, log } = startCron(() => 1, 10_000, { lastRun: new Date(115_000) }, virtualClock(100_000));
      clock.advance(40_000);
      expect(log).to.deep.equal(['125000: started 125000', '135000: started 135000']);
    });

    it('counts from `startAt` if that is later', () => {
      const { log } = startCron(
        () => 1,
        '*/10 * * * * *',
        { lastRun: 65_000, startAt: 80_000, missed: 'runAll', tolerance: 60_000 },
        virtualClock(105_000),
      );
      expect(log).to.deep.equal(['105000: started 80000', '105000: started 90000', '105000: started 100000']);
    });

    it('takes `lastRun` as a Date or as a number of ms', () => {
      for (const lastRun of [80_000, new Date(80_000)]) {
        const { log } = startCron(() => 1, 10_000, { lastRun }, virtualClock(85_000));
        expect(log).to.deep.equal([]);
      }
    });

    it('does not run the slots from `stopAt` on', () => {
      const { log, emitted } = startCron(
        ({ slot }) => slot,
        10_000,
        { lastRun: 65_000, stopAt: 95_000, missed: 'runAll', tolerance: 60_000 },
        virtualClock(100_000),
      );
      expect(log).to.deep.equal(['100000: started 75000', '100000: started 85000', '100000: done completed']);
      expect(emitted).to.deep.equal([75_000, 85_000, 'complete']);
    });
  });

  it('counts the slots of a fractional period up to `stopAt`', () => {
    const { clock, log } = startCron(() => 1, 1.25, { immediate: false, tolerance: 0, stopAt: 6.3 });
    clock.advanceSilently(10);
    clock.advance(1);
    expect(log).to.deep.equal(['10: missed 1.25 ×5', '10: done completed']);
  });

  it('keeps one waiting slot with bufferOne and cancelOther while missed slots wait as well', () => {
    const waits = (overlap: 'bufferOne' | 'cancelOther') => {
      const { clock, log } = startCron({ execute: () => NEVER, grace: 100 }, 10, {
        overlap,
        missed: 'runAll',
        tolerance: 0,
      });
      clock.advance(10);
      clock.adjust(1);
      clock.advance(19);
      return log.filter((line) => line.includes('skipped'));
    };
    expect(waits('bufferOne')).to.deep.equal(['30: skipped 30 overlap']);
    expect(waits('cancelOther')).to.deep.equal(['30: skipped 10 overlap']);
  });
});

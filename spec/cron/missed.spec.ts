import { expect } from 'chai';
import { finalize, NEVER, timer } from 'rxjs';
import sinon from 'sinon';
import { cron, task, withCancel, type CronOptions, type Schedule } from '../../lib/index.js';
import { virtualClock } from '../../lib/testing/index.js';
import { lasting, play, storyOf } from '../helpers/cron-story.js';

type Missed = NonNullable<CronOptions['missed']>;
type Overlap = NonNullable<CronOptions['overlap']>;
const policies: readonly Overlap[] = ['skip', 'bufferOne', 'bufferAll', 'cancelOther', 'allowAll'];

/** Due every 10 ms, and of no kind that could say how many have passed. */
const tens: Schedule = { next: (after) => Math.floor(after / 10) * 10 + 10 };

describe('cron: missed', () => {
  describe('the latest of the slots that passed meanwhile runs when it is late by no more than `tolerance`', () => {
    // The clock goes on by 34 ms while the slot of 10 is waited for, and the timer fires at 44: the latest slot is late by 4.
    const table: readonly [missed: Missed | undefined, tolerance: number, story: readonly string[]][] = [
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
      ['a Schedule', tens],
    ] as const) {
      for (const [missed, tolerance, story] of table) {
        it(`missed ${missed ?? 'left out'}, tolerance ${tolerance}, of ${title}`, () => {
          const played = play(({ slot }) => slot, schedule, {
            immediate: false,
            tolerance,
            ...(missed && { missed }),
          });
          played.machine.advance(5);
          played.machine.adjust(34);
          played.machine.advance(5);
          expect(played.story).to.deep.equal(story);
          played.machine.advance(6);
          expect(played.story.slice(story.length)).to.deep.equal(['50: started 50']);
        });
      }
    }
  });

  it('tolerance is 1000 ms, unless said', () => {
    for (const [late, story] of [
      [1000, ['6000: started 5000']],
      [1001, ['6001: missed 5000 ×1']],
    ] as const) {
      const played = play(({ slot }) => slot, 5000, { immediate: false });
      played.machine.adjust(late);
      played.machine.advance(5000);
      expect(played.story).to.deep.equal(story);
    }
  });

  it('a single slot that comes too late is missed, run late, or caught up with', () => {
    const late = (missed: Missed) => {
      const { machine, story } = play(({ slot }) => slot, 100, { immediate: false, missed, tolerance: 10 });
      machine.adjust(50);
      machine.advance(100);
      return story;
    };
    expect(late('skip')).to.deep.equal(['150: missed 100 ×1']);
    expect(late('runOnce')).to.deep.equal(['150: overdue 100 by 50', '150: started 100']);
    expect(late('runAll')).to.deep.equal(['150: overdue 100 by 50', '150: started 100']);
  });

  it('slots that a synchronous run kept from being seen are missed, too', () => {
    const machine = virtualClock();
    const { story, told } = play(({ slot }) => (slot === 10 && machine.advanceSilently(34), slot), 10, {}, machine);
    machine.advance(50);
    expect(story).to.deep.equal([
      '0: started 0',
      '10: started 10',
      '44: missed 20 ×2',
      '44: started 40',
      '50: started 50',
    ]);
    expect(told).to.deep.equal([0, 10, 40, 50]);
  });

  it('says so once for each sleep, by the fake timers of sinon as well', () => {
    const clock = sinon.useFakeTimers(1_000_000);
    try {
      const runner = cron(
        task('x', ({ slot }) => slot),
        2000,
        { missed: 'runOnce', tolerance: 10 },
      );
      const story = storyOf(runner);
      const subscription = runner.start().subscribe();
      // The process is stopped: the clock goes on, the timer fires when it is back.
      const sleep = (ms: number) => {
        clock.setSystemTime(Date.now() + ms - 2000);
        clock.tick(2000);
      };
      sleep(6500);
      sleep(5200);
      subscription.unsubscribe();
      expect(story).to.deep.equal([
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

  describe("'runAll'", () => {
    for (const overlap of policies) {
      for (const [title, schedule] of [
        ['a period', 10],
        ['a Schedule', tens],
      ] as const) {
        it(`queues the slots of ${title}, in order, one at a time, with overlap '${overlap}'`, () => {
          const slots: [slot: number | undefined, at: number][] = [];
          let going = 0;
          let most = 0;
          const { machine } = play(
            ({ scheduler, slot }) => {
              slots.push([slot, scheduler.now()]);
              most = Math.max(most, ++going);
              return timer(2, scheduler).pipe(finalize(() => going--));
            },
            schedule,
            { immediate: false, missed: 'runAll', overlap, tolerance: 3 },
          );
          machine.advance(1);
          machine.adjust(31);
          machine.advance(9);
          machine.advance(8);
          expect(slots).to.deep.equal([
            [10, 41],
            [20, 43],
            [30, 45],
            [40, 47],
          ]);
          machine.advance(11);
          expect(slots.slice(4)).to.deep.equal([
            [50, 50],
            [60, 60],
          ]);
          expect(most).to.equal(1);
        });
      }
    }

    // Of those that fall due while it catches up, 50 comes at 50 and 60 at 60; it is done with the four at 41 + 28.
    const meanwhile: Record<Overlap, readonly string[]> = {
      skip: ['50: skipped 50 overlap', '55: started 30', '60: skipped 60 overlap', '62: started 40', '70: started 70'],
      bufferOne: ['55: started 30', '60: skipped 60 overlap', '62: started 40', '69: started 50'],
      bufferAll: ['55: started 30', '62: started 40', '69: started 50'],
      cancelOther: ['55: started 30', '60: skipped 50 overlap', '62: started 40', '69: started 60', '70: started 70'],
      allowAll: ['50: started 50', '55: started 30', '60: started 60', '62: started 40', '70: started 70'],
    };
    for (const overlap of policies) {
      it(`leaves the slots that come meanwhile to overlap '${overlap}', and is not disturbed by them`, () => {
        const { machine, story, told } = play(lasting(7), 10, {
          immediate: false,
          missed: 'runAll',
          overlap,
          tolerance: 100,
        });
        machine.adjust(31);
        machine.advance(39);
        expect(story).to.deep.equal(['41: started 10', '48: started 20', ...meanwhile[overlap]]);
        expect(told.filter((slot) => Number(slot) < 50)).to.deep.equal([10, 20, 30, 40]);
      });
    }

    it('is not disturbed by the slot that comes during its last run either', () => {
      const { machine, story, told } = play(lasting(7), 10, {
        immediate: false,
        missed: 'runAll',
        overlap: 'cancelOther',
        tolerance: 3,
      });
      machine.adjust(7);
      machine.advance(20);
      expect(story).to.deep.equal(['17: overdue 10 by 7', '17: started 10', '23: overdue 20 by 3', '24: started 20']);
      expect(told).to.deep.equal([10]);
    });

    it('waits for the run under way, whatever overlap says but for allowing all, and does not cancel it', () => {
      const story = (overlap: Overlap) => {
        const played = play(lasting(25), 10, { missed: 'runAll', overlap, maxRuns: 3 });
        played.machine.adjust(31);
        played.machine.advance(100);
        return played.story.find((line) => line.endsWith('started 10'));
      };
      for (const overlap of ['skip', 'bufferOne', 'bufferAll', 'cancelOther'] as const)
        expect(story(overlap), overlap).to.equal('56: started 10');
      expect(story('allowAll')).to.equal('41: started 10');
    });

    it('catches up with what is missed while it catches up, in order', () => {
      for (const overlap of policies) {
        const { machine, told } = play(lasting(3), 10, {
          immediate: false,
          missed: 'runAll',
          overlap,
          tolerance: 0,
        });
        machine.adjust(21);
        machine.advance(12);
        machine.adjust(31);
        machine.advance(20);
        expect(told.slice(0, 5), overlap).to.deep.equal([10, 20, 30, 40, 50]);
      }
    });

    it('knows how late they are by a clock that was set back', () => {
      const { machine, story } = play(({ slot }) => slot, 1000, { missed: 'runAll', tolerance: 100 });
      machine.advance(500);
      machine.adjust(-10_000);
      machine.advance(1000);
      machine.adjust(2000);
      machine.advance(1000);
      expect(story).to.deep.equal([
        '0: started 0',
        '-9000: started 1000',
        '-6000: overdue 2000 by 2000',
        '-6000: started 2000',
        '-6000: overdue 3000 by 1000',
        '-6000: started 3000',
        '-6000: started 4000',
      ]);
    });

    it('goes on after a run that fails', () => {
      const { machine, story } = play(
        ({ slot }) => {
          if (slot === 20) throw new Error('boom');
        },
        10,
        { immediate: false, missed: 'runAll' },
      );
      machine.adjust(25);
      machine.advance(10);
      expect(story).to.deep.equal([
        '35: started 10',
        '35: started 20',
        '35: failed 20 TaskError: x failed in execute: boom',
        '35: started 30',
      ]);
    });

    it('tells how many were not caught up with when the cron ends', () => {
      const { machine, story, cancel } = play(lasting(5), 10, { immediate: false, missed: 'runAll' });
      machine.adjust(85);
      machine.advance(16);
      cancel();
      expect(story).to.deep.equal([
        '95: started 10',
        '100: started 20',
        '100: skipped 100 overlap',
        '101: missed 30 ×7',
        '101: done cancelled',
      ]);
    });

    it('ends with the error of a Schedule that fails while it is looked up again', () => {
      const boom = new Error('boom');
      let caughtUp = false;
      const { machine, story, told } = play(
        () => (caughtUp = true),
        {
          next: (after) => {
            if (caughtUp) throw boom;
            return tens.next(after);
          },
        },
        { missed: 'runAll', immediate: false },
      );
      machine.adjust(25);
      machine.advance(10);
      expect(story).to.deep.equal(['35: started 10', '35: missed 20 ×2', '35: done failed']);
      expect(told.at(-1)).to.include({ task: 'x', phase: 'execute', cause: boom });
    });
  });

  describe('more than 1,000 slots of a Schedule', () => {
    const sleep = (options: CronOptions) => {
      const played = play(({ slot }) => slot, tens, { immediate: false, ...options });
      played.machine.adjust(25_004);
      played.machine.advance(10);
      return played;
    };

    it('are looked up a thousand at a time, and all of them missed but the latest', () => {
      for (const missed of ['skip', 'runOnce'] as const) {
        const { story, told } = sleep({ missed });
        expect(story).to.deep.equal([
          '25014: missed 10 ×1000',
          '25014: missed 10010 ×1000',
          '25014: missed 20010 ×500',
          '25014: started 25010',
        ]);
        expect(told).to.deep.equal([25_010]);
      }
    });

    it('and the latest, too, if it is too late', () => {
      const { story } = sleep({ missed: 'skip', tolerance: 3 });
      expect(story.at(-1)).to.equal('25014: missed 20010 ×501');
    });

    for (const overlap of policies) {
      it(`are all run, in order, for 'runAll', with overlap '${overlap}'`, () => {
        const { told } = sleep({ missed: 'runAll', overlap });
        expect(told).to.deep.equal(Array.from({ length: 2501 }, (_, n) => (n + 1) * 10));
      });
    }

    it('leave the event loop a turn between two looks', () => {
      const { machine, runner } = play(({ slot }) => slot, tens, { immediate: false });
      const log: string[] = [];
      runner.events$.subscribe(({ type }) => {
        log.push(type);
        machine.schedule(() => log.push('turn'));
      });
      machine.adjust(25_000);
      machine.advance(10);
      expect(log).to.deep.equal(['missed', 'turn', 'missed', 'turn', 'missed', 'slot-started', 'turn', 'turn']);
    });
  });

  describe('10 million slots of a period of 10 ms', () => {
    const hundredMillion = 100_000_000;
    const sleep = (options: CronOptions) => {
      const played = play(() => NEVER, 10, { immediate: false, ...options });
      played.machine.adjust(hundredMillion - 6);
      played.machine.advance(10);
      return played;
    };

    it('are counted in no time, and in one go', () => {
      expect(sleep({}).story).to.deep.equal(['100000004: missed 10 ×9999999', '100000004: started 100000000']);
      expect(sleep({ tolerance: 3 }).story).to.deep.equal(['100000004: missed 10 ×10000000']);
      expect(sleep({ missed: 'runOnce', tolerance: 3 }).story).to.deep.equal([
        '100000004: missed 10 ×9999999',
        '100000004: overdue 100000000 by 4',
        '100000004: started 100000000',
      ]);
    });

    it('are queued in no time', () => {
      const { machine, story, cancel } = sleep({ missed: 'runAll', tolerance: Infinity });
      cancel();
      expect(story).to.deep.equal([
        '100000004: started 10',
        '100000004: missed 20 ×9999999',
        '100000004: done cancelled',
      ]);
      expect(machine.timers).to.equal(0);
    });
  });

  describe('lastRun', () => {
    it('is what the cron itself ran last, when it is started again', () => {
      const machine = virtualClock(100_000);
      const { runner, story } = play(() => 1, 10_000, { lastRun: 75_000, missed: 'runAll', maxRuns: 3 }, machine);
      machine.advance(10_000);
      runner.start(withCancel(undefined, { scheduler: machine })[0]).subscribe();
      machine.advance(20_000);
      expect(story.filter((line) => line.includes('started'))).to.deep.equal([
        '100000: started 85000',
        '100000: started 95000',
        '105000: started 105000',
        '115000: started 115000',
        '125000: started 125000',
      ]);
    });

    // It is 100,000, the last slot before the restart was 65,000.
    const restart = (schedule: number | string | Schedule, options: CronOptions) => {
      const played = play(({ slot }) => slot, schedule, { lastRun: 65_000, ...options }, virtualClock(100_000));
      played.machine.advance(20_000);
      return played.story.map((line) => line.replaceAll(/000\b/g, 'k'));
    };
    const everyTenSeconds: readonly [title: string, schedule: number | string | Schedule, offset: number][] = [
      ['a period, which goes on from there', 10_000, 5],
      ['an expression', '5-59/10 * * * * *', 5],
      ['a Schedule', { next: (after) => Math.floor((after - 5000) / 10_000) * 10_000 + 15_000 }, 5],
    ];
    for (const [title, schedule] of everyTenSeconds) {
      const then = ['105k: started 105k', '115k: started 115k'];

      it(`the slots since then are dropped but for the latest, if that is in time, for 'skip', with ${title}`, () => {
        expect(restart(schedule, {})).to.deep.equal(['100k: missed 75k ×3', ...then]);
        expect(restart(schedule, { tolerance: 4999 })).to.deep.equal(['100k: missed 75k ×3', ...then]);
        expect(restart(schedule, { tolerance: 5000 })).to.deep.equal([
          '100k: missed 75k ×2',
          '100k: started 95k',
          ...then,
        ]);
      });

      it(`the latest of them runs at once for 'runOnce', with ${title}`, () => {
        expect(restart(schedule, { missed: 'runOnce' })).to.deep.equal([
          '100k: missed 75k ×2',
          '100k: overdue 95k by 5k',
          '100k: started 95k',
          ...then,
        ]);
      });

      it(`all of them run, one after another, for 'runAll', with ${title}`, () => {
        expect(restart(schedule, { missed: 'runAll', tolerance: 60_000 })).to.deep.equal([
          '100k: started 75k',
          '100k: started 85k',
          '100k: started 95k',
          ...then,
        ]);
      });
    }

    it('the schedule goes on when nothing was missed', () => {
      const { machine, story } = play(() => 1, 10_000, { lastRun: 95_000 }, virtualClock(100_000));
      machine.advance(20_000);
      expect(story).to.deep.equal(['105000: started 105000', '115000: started 115000']);
    });

    it('is no slot itself, and a slot that is due at the very start is', () => {
      const { story } = play(() => 1, 10_000, { lastRun: 90_000 }, virtualClock(100_000));
      expect(story).to.deep.equal(['100000: started 100000']);
    });

    it('in the future no slot comes before it', () => {
      const { machine, story } = play(() => 1, 10_000, { lastRun: new Date(115_000) }, virtualClock(100_000));
      machine.advance(40_000);
      expect(story).to.deep.equal(['125000: started 125000', '135000: started 135000']);
    });

    it('counts from `startAt` when that is later', () => {
      const { story } = play(
        () => 1,
        '*/10 * * * * *',
        { lastRun: 65_000, startAt: 80_000, missed: 'runAll', tolerance: 60_000 },
        virtualClock(105_000),
      );
      expect(story).to.deep.equal(['105000: started 80000', '105000: started 90000', '105000: started 100000']);
    });

    it('is a Date or ms', () => {
      for (const lastRun of [80_000, new Date(80_000)]) {
        const { story } = play(() => 1, 10_000, { lastRun }, virtualClock(85_000));
        expect(story).to.deep.equal([]);
      }
    });

    it('leaves the slots from stopAt on alone', () => {
      const { story, told } = play(
        ({ slot }) => slot,
        10_000,
        { lastRun: 65_000, stopAt: 95_000, missed: 'runAll', tolerance: 60_000 },
        virtualClock(100_000),
      );
      expect(story).to.deep.equal(['100000: started 75000', '100000: started 85000', '100000: done completed']);
      expect(told).to.deep.equal([75_000, 85_000, 'complete']);
    });
  });

  it('counts the slots of a period that is no whole number right up to stopAt', () => {
    const { machine, story } = play(() => 1, 0.25, { immediate: false, tolerance: 0, stopAt: 1.3 });
    machine.advanceSilently(10);
    machine.advance(1);
    expect(story).to.deep.equal(['10: missed 0.25 ×5', '10: done completed']);
  });

  it('what is caught up with does not make room for a second slot under bufferOne, nor keep one under cancelOther', () => {
    const waits = (overlap: 'bufferOne' | 'cancelOther') => {
      const { machine, story } = play({ execute: () => NEVER, grace: 100 }, 10, {
        overlap,
        missed: 'runAll',
        tolerance: 0,
      });
      machine.advance(10);
      machine.adjust(1);
      machine.advance(19);
      return story.filter((line) => line.includes('skipped'));
    };
    expect(waits('bufferOne')).to.deep.equal(['30: skipped 30 overlap']);
    expect(waits('cancelOther')).to.deep.equal(['30: skipped 10 overlap']);
  });
});

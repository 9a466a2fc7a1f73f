import { expect } from 'chai';
import type { CronOptions, Schedule, TaskEvent, TaskRunner } from '../../lib/index.js';
import { everyTen, runsOf, startCron } from '../helpers/start-cron.js';

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
    const { clock, log } = startCron(() => 1, everyTen, { jitter: 8, random: () => 0.5, tolerance: 0 });
    clock.advance(28);
    expect(log).to.deep.equal(['14: started 10', '24: started 20']);
    clock.adjust(10);
    clock.advance(7);
    // The slot of 30 was due at 34, that of 40 at 44.
    expect(log.slice(2)).to.deep.equal(['44: missed 30 ×1', '44: started 40']);
  });

  it('delays slots that are caught up with or missed', () => {
    const options: CronOptions = { jitter: 8, random: () => 0.5, tolerance: 0, immediate: false };
    const skips = startCron(() => 1, 10, options);
    const runs = startCron(() => 1, 10, { ...options, missed: 'runAll', tolerance: 100 });
    for (const { clock } of [skips, runs]) {
      clock.adjust(33);
      clock.advance(14);
    }
    expect(skips.log).to.deep.equal(['47: missed 10 ×4']);
    expect(runs.log).to.deep.equal(['47: started 10', '47: started 20', '47: started 30', '47: started 40']);
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

  it('asks neither `random` nor the schedule again after `random` has cancelled the cron', () => {
    let calls = 0;
    const asked: number[] = [];
    const schedule: Schedule = {
      next: (after) => {
        asked.push(after);
        return after + 10;
      },
    };
    const { clock, runner, cancel } = startCron(() => 1, schedule, {
      jitter: 4,
      random: () => {
        if (++calls === 2) cancel();
        return 0;
      },
    });
    clock.advanceSilently(500);
    clock.advance(0);
    expect([calls, asked, runner.status]).to.deep.equal([2, [0, 10, 20], 'done']);
  });
});

function optionFailures(runner: TaskRunner): Extract<TaskEvent, { type: 'option-failed' }>[] {
  const failures: Extract<TaskEvent, { type: 'option-failed' }>[] = [];
  runner.events$.subscribe((event) => event.type === 'option-failed' && failures.push(event));
  return failures;
}

import { expect } from 'chai';
import sinon from 'sinon';
import { cron, supervise, task, withCancel, type CronOptions } from '../../lib/index.js';
import { virtualClock } from '../../lib/testing/index.js';
import { collect } from '../helpers/collect.js';
import { everyTen, slotEvents, startCron, startedSlots, takes } from '../helpers/start-cron.js';

type Missed = NonNullable<CronOptions['missed']>;
const missedPolicies: readonly Missed[] = ['skip', 'runOnce', 'runAll'];

const minute = 60_000;
const hour = 60 * minute;

describe('A cron whose clock steps forward by an hour', () => {
  const start = Date.parse('2026-05-04T10:00:00Z');
  const lines = (log: readonly string[]) =>
    log.map((line) => line.replaceAll(/\d{13}/g, (time) => new Date(Number(time)).toISOString().slice(11, 19)));
  const forward = (schedule: number | string, options: CronOptions) => {
    const played = startCron(({ slot }) => slot, schedule, { immediate: false, ...options }, virtualClock(start));
    played.clock.advance(minute + 10_000);
    played.clock.adjust(hour);
    played.clock.advance(3 * minute);
    expect(new Set(played.emitted).size).to.equal(played.emitted.length);
    return lines(played.log);
  };
  // At 10:01:10 the clock is set to 11:01:10. The cron notices it when it reads the clock next.
  const usual = ['11:02:00: started 11:02:00', '11:03:00: started 11:03:00', '11:04:00: started 11:04:00'];
  for (const [title, schedule, noticed] of [
    ['a period', minute, '11:01:30'],
    ['an expression', '* * * * *', '11:01:30'],
  ] as const) {
    it(`drops the missed slots, with ${title} and missed: 'skip'`, () => {
      expect(forward(schedule, {})).to.deep.equal([
        '10:01:00: started 10:01:00',
        `${noticed}: missed 10:02:00 ×60`,
        ...usual,
      ]);
    });

    it(`runs the latest missed slot if it is in time, with ${title} and missed: 'skip'`, () => {
      expect(forward(schedule, { tolerance: 30_000 })).to.deep.equal([
        '10:01:00: started 10:01:00',
        `${noticed}: missed 10:02:00 ×59`,
        `${noticed}: started 11:01:00`,
        ...usual,
      ]);
    });

    it(`runs the latest missed slot, overdue, with ${title} and missed: 'runOnce'`, () => {
      expect(forward(schedule, { missed: 'runOnce' })).to.deep.equal([
        '10:01:00: started 10:01:00',
        `${noticed}: missed 10:02:00 ×59`,
        `${noticed}: overdue 11:01:00 by 30000`,
        `${noticed}: started 11:01:00`,
        ...usual,
      ]);
    });

    it(`runs all missed slots, with ${title} and missed: 'runAll'`, () => {
      const log = forward(schedule, { missed: 'runAll', tolerance: 2 * hour });
      expect(log).to.have.length(64);
      expect(log[1]).to.equal(`${noticed}: started 10:02:00`);
      expect(log.slice(60)).to.deep.equal([`${noticed}: started 11:01:00`, ...usual]);
    });
  }

  it('runs or drops a slot of the skipped hour once, by `missed`', () => {
    // 10:30 is in the skipped hour.
    const once = (missed: Missed) => forward('30 10 * * *', { missed });
    expect(once('skip')).to.deep.equal(['11:01:30: missed 10:30:00 ×1']);
    expect(once('runOnce')).to.deep.equal(['11:01:30: overdue 10:30:00 by 1890000', '11:01:30: started 10:30:00']);
    expect(once('runAll')).to.deep.equal(['11:01:30: overdue 10:30:00 by 1890000', '11:01:30: started 10:30:00']);
  });

  it('runs no slot twice when the clock steps back again', () => {
    const forwardAndBack = (schedule: number | string) => {
      const { clock, log, emitted } = startCron(
        ({ slot }) => slot,
        schedule,
        { immediate: false },
        virtualClock(start),
      );
      clock.advance(minute + 10_000);
      clock.adjust(hour);
      clock.advance(minute);
      const before = log.length;
      clock.adjust(-hour);
      clock.advance(2 * minute + 50_000);
      expect(new Set(emitted).size).to.equal(emitted.length);
      return lines(log.slice(before));
    };
    // A period follows elapsed time and keeps its slots. The clock shows 10:02:10.
    expect(forwardAndBack(minute)).to.deep.equal([
      '10:03:00: started 11:03:00',
      '10:04:00: started 11:04:00',
      '10:05:00: started 11:05:00',
    ]);
    // An expression waits until the clock has passed the last slot.
    expect(forwardAndBack('* * * * *')).to.deep.equal([]);
  });

  it('notices it within 30 s, wherever the next slot is', () => {
    const { clock, log } = startCron(
      () => 1,
      '0 12 * * *',
      { missed: 'runOnce', timezone: 'UTC' },
      virtualClock(start),
    );
    clock.advance(10_000);
    clock.adjust(2 * hour);
    clock.advance(20_000);
    expect(lines(log)).to.deep.equal(['12:00:30: overdue 12:00:00 by 30000', '12:00:30: started 12:00:00']);
  });
});

describe('A cron whose clock steps back by an hour', () => {
  it('does not run a slot again when it is started again, and again, with an immediate slot each time', () => {
    const clock = virtualClock(hour);
    const slots: number[] = [];
    const runner = cron(
      task('x', ({ slot = NaN }) => void slots.push(slot)),
      '* * * * *',
      { immediate: true, timezone: 'UTC' },
    );
    const run = (ms: number, setBackBy: number) => {
      const [ctx, cancel] = withCancel(undefined, { scheduler: clock });
      runner.start(ctx).subscribe();
      clock.advance(ms);
      cancel();
      clock.adjust(-setBackBy);
    };
    run(2 * minute, 3 * minute);
    run(0, 0);
    run(5 * minute, 0);
    const [first, second] = [hour, hour - minute];
    const runs = [first, first + minute, first + 2 * minute, second, second, first + 3 * minute, first + 4 * minute];
    expect(slots).to.deep.equal(runs);
  });

  it('does not run a slot again when it is started again', () => {
    const { clock, runner, ctx, cancel, emitted } = startCron(
      ({ slot }) => slot,
      '0 * * * *',
      {},
      virtualClock(10 * hour - 1000),
    );
    clock.advance(2000);
    cancel();
    clock.adjust(-3000);
    const [again] = withCancel(undefined, { scheduler: clock });
    const emittedAgain = collect(runner.start(again));
    clock.advance(hour);
    expect([emitted, emittedAgain, ctx.cancelled]).to.deep.equal([[10 * hour, 'complete'], [], true]);
    clock.advance(3000);
    expect(emittedAgain).to.deep.equal([11 * hour]);
  });

  for (const missed of missedPolicies) {
    it(`goes on by elapsed time with a period and missed: '${missed}'`, () => {
      const { clock, log, emitted } = startCron(({ slot }) => slot, minute, { missed }, virtualClock(10 * hour));
      clock.advance(minute + 10_000);
      clock.adjust(-hour);
      clock.advance(5 * minute);
      const slots = [0, 1, 2, 3, 4, 5, 6].map((k) => 10 * hour + k * minute);
      expect(emitted).to.deep.equal(slots);
      // The clock shows an hour less; by elapsed time the slots are on time.
      expect(log).to.deep.equal(slots.map((slot, k) => `${k > 1 ? slot - hour : slot}: started ${slot}`));
    });

    it(`waits until the clock has passed the last slot, with an expression and missed: '${missed}'`, () => {
      const { clock, log, emitted } = startCron(({ slot }) => slot, '* * * * *', { missed }, virtualClock(10 * hour));
      clock.advance(minute + 10_000);
      clock.adjust(-hour);
      clock.advance(hour - 10_001);
      expect(emitted).to.deep.equal([10 * hour + minute]);
      clock.advance(10_001 + 3 * minute);
      expect(emitted).to.deep.equal([1, 2, 3, 4].map((k) => 10 * hour + k * minute));
      expect(log).to.deep.equal(emitted.map((slot) => `${slot}: started ${slot}`));
    });
  }

  it('is not late and catches up with nothing, with a period', () => {
    const { clock, log } = startCron(
      ({ slot }) => slot,
      minute,
      { missed: 'runAll', tolerance: 0 },
      virtualClock(hour),
    );
    for (const step of [-hour, -5000, -51, -3 * hour, 0]) {
      clock.advance(20_000);
      clock.adjust(step);
      clock.advance(40_000);
    }
    expect(log.filter((line) => !line.includes('started'))).to.deep.equal([]);
    expect(startedSlots(log)).to.deep.equal([0, 1, 2, 3, 4, 5].map((k) => hour + k * minute));
  });

  it('keeps its pace when the clock is set back during a synchronous run, with a period', () => {
    const clock = virtualClock(hour);
    const { emitted } = startCron(
      ({ slot }) => {
        if (slot === hour + minute) clock.adjust(-hour);
        return slot;
      },
      minute,
      {},
      clock,
    );
    clock.advance(3 * minute);
    expect(emitted).to.deep.equal([0, 1, 2, 3].map((k) => hour + k * minute));
  });

  it('goes on from there if it is started after the step', () => {
    const clock = virtualClock(hour);
    clock.adjust(-hour);
    const { emitted } = startCron(({ slot }) => slot, minute, {}, clock);
    clock.advance(minute);
    expect(emitted).to.deep.equal([0, minute]);
  });

  it('does not affect the current run or the waiting slots', () => {
    const { clock, log } = startCron(
      takes(90_000),
      minute,
      { overlap: 'bufferAll', timeout: 100_000, maxRuns: 3 },
      virtualClock(hour),
    );
    clock.advance(70_000);
    clock.adjust(-hour);
    clock.advance(hour);
    expect(startedSlots(log)).to.deep.equal([hour, hour + minute, hour + 2 * minute]);
    expect(log.at(-1)).to.equal('270000: done completed');
    expect(log.filter((line) => line.includes('failed'))).to.deep.equal([]);
  });

  it('goes on by elapsed time with a period on sinon’s fake timers', () => {
    const clock = sinon.useFakeTimers(10 * hour);
    try {
      const runner = cron(
        task('x', () => 1),
        minute,
      );
      const log = slotEvents(runner);
      const subscription = runner.start().subscribe();
      clock.tick(70_000);
      clock.setSystemTime(Date.now() - hour);
      clock.tick(2 * minute);
      subscription.unsubscribe();
      expect(startedSlots(log)).to.deep.equal([0, 1, 2, 3].map((k) => 10 * hour + k * minute));
      expect(clock.countTimers()).to.equal(0);
    } finally {
      clock.restore();
    }
  });
});

describe('A cron whose machine sleeps over several slots', () => {
  it('runs no burst of slots afterwards, and the next slot on time', () => {
    for (const schedule of [minute, '* * * * *']) {
      const { clock, log } = startCron(() => 1, schedule, { immediate: false }, virtualClock(0));
      clock.advance(100_000);
      clock.adjust(8 * hour);
      clock.advance(100_000);
      expect(startedSlots(log)).to.deep.equal([minute, 8 * hour + 2 * minute, 8 * hour + 3 * minute]);
      expect(log[1]).to.equal(`${8 * hour + 120_000}: missed 120000 ×480`);
    }
  });
});

describe('A period whose clock was set back', () => {
  it('is replaced by a schedule of the wall clock without a wait until the clock shows the old time again', () => {
    const { clock, runner, log } = startCron(({ slot }) => slot, 1000);
    clock.advance(5500);
    clock.adjust(-hour);
    clock.advance(1000);
    runner.reschedule(everyTen);
    clock.advance(15);
    // The slots of the period keep their numbers; those of the schedule are times of the clock.
    expect(startedSlots(log)).to.deep.equal([0, 1000, 2000, 3000, 4000, 5000, 6000, 6510 - hour]);
  });

  it('continues its grid after a restart, with a `lastRun`', () => {
    const clock = virtualClock();
    const [ctx, cancel] = withCancel(undefined, { scheduler: clock });
    const starts: number[] = [];
    const work = task('x', () => {
      starts.push(clock.now());
      if (clock.now() === 2000 - hour) throw new Error('boom');
    });
    const options: CronOptions = { lastRun: 0, onError: 'stop' };
    const backoff = { initial: 300, jitter: 0 };
    collect(supervise(cron(work, 1000, options), { backoff }).start(ctx));
    clock.advance(1500);
    clock.adjust(-hour);
    clock.advance(2600);
    cancel();
    expect(starts).to.deep.equal([1000, 2000 - hour, 3000 - hour, 4000 - hour]);
  });
});

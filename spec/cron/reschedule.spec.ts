import { expect } from 'chai';
import { map, NEVER, timer } from 'rxjs';
import { cron, task, withCancel, type CronOptions, type Schedule } from '../../lib/index.js';
import { virtualClock } from '../../lib/testing/index.js';
import { everyTen, startCron, startedSlots, takes, type StartedCron } from '../helpers/start-cron.js';
import { events, throwing } from '../helpers/tasks.js';

const noon = Date.parse('2026-06-01T12:00:00Z');

describe('The `reschedule` of a cron', () => {
  it('starts a period from now: its first slot is one period later', () => {
    const { clock, runner, log } = startCron(({ slot }) => slot, 10);
    clock.advance(12);
    runner.reschedule(7, { by: 'operator' });
    clock.advance(15);
    expect(log).to.deep.equal([
      '0: started 0',
      '10: started 10',
      '12: rescheduled to 19 by operator',
      '19: started 19',
      '26: started 26',
    ]);
  });

  it('replaces an expression by a period, a Schedule and another expression', () => {
    const { clock, runner, log } = startCron(({ slot }) => slot, '* * * * *', { timezone: 'UTC' }, virtualClock(noon));
    clock.advance(60_000);
    runner.reschedule(1000);
    clock.advance(2000);
    runner.reschedule({ next: (after) => (after < noon + 65_000 ? noon + 65_000 : undefined) });
    clock.advance(2999);
    runner.reschedule('30 * * * * *');
    clock.advance(60_000);
    expect(startedSlots(log).map((slot) => slot - noon)).to.deep.equal([60_000, 61_000, 62_000, 90_000]);
  });

  it('keeps the time zone of the expression, unless another is given', () => {
    const clock = virtualClock(noon);
    const { runner } = startCron(() => NEVER, '0 3 * * *', { timezone: 'Europe/Paris' }, clock);
    const next = () => runner.nextRuns()[0]?.toISOString();
    runner.reschedule('0 4 * * *');
    expect(next()).to.equal('2026-06-02T02:00:00.000Z');
    runner.reschedule(1000);
    runner.reschedule('0 5 * * *');
    expect(next()).to.equal('2026-06-02T03:00:00.000Z');
    runner.reschedule('0 5 * * *', { timezone: 'America/New_York' });
    expect(next()).to.equal('2026-06-02T09:00:00.000Z');
    runner.reschedule('0 6 * * *');
    expect(next()).to.equal('2026-06-02T10:00:00.000Z');
  });

  it('is refused like the first schedule, and then changes nothing', () => {
    const { clock, runner, log } = startCron(({ slot }) => slot, 10);
    for (const [schedule, message] of [
      [0, 'Expected `schedule` to be a period from 1 ms'],
      ['* * *', 'Expected `schedule`'],
      ['0 0 30 2 *', 'Expected `schedule`'],
      [{}, 'Expected `schedule` to be a period in ms, a cron expression, or a Schedule'],
    ] as const)
      expect(() => runner.reschedule(schedule as never)).to.throw(message);
    expect(() => runner.reschedule(5, { timezone: 'UTC' })).to.throw('Expected `timezone` to be left out');
    expect(() => runner.reschedule('* * * * *', { timezone: 'Mars/Base' })).to.throw(RangeError);
    expect(() => runner.reschedule(5, { zone: 'UTC' } as never)).to.throw('Expected an option of `reschedule`');
    clock.advance(10);
    expect(log).to.deep.equal(['0: started 0', '10: started 10']);
  });

  it('reads its options once', () => {
    const zones = ['UTC', 'Mars/Base'];
    const { runner } = startCron(() => NEVER, '0 3 * * *', { timezone: 'UTC' });
    runner.reschedule('0 4 * * *', {
      get timezone() {
        return zones.shift();
      },
    });
    expect(zones).to.deep.equal(['Mars/Base']);
  });

  it('changes nothing, for later starts either, when the Schedule throws', () => {
    const { clock, runner, log, cancel } = startCron(({ slot }) => slot, 10);
    const boom = new Error('boom');
    expect(() => runner.reschedule({ next: throwing(boom) })).to.throw(boom);
    clock.advance(10);
    cancel();
    runner.start(withCancel(undefined, { scheduler: clock })[0]).subscribe();
    clock.advance(10);
    expect(startedSlots(log)).to.deep.equal([0, 10, 10, 20]);
  });

  it('lets current and waiting runs go on, and slots that are due', () => {
    const { clock, runner, log } = startCron(takes(25), 10, { overlap: 'bufferOne' });
    clock.advance(15);
    runner.reschedule(100);
    clock.advance(30);
    expect(log).to.deep.equal(['0: started 0', '15: rescheduled to 115', '25: started 10']);

    const blocked = startCron(({ slot }) => slot, 10, { immediate: false, missed: 'runAll' });
    blocked.clock.advanceSilently(25);
    blocked.runner.reschedule(100);
    expect(blocked.log).to.deep.equal(['25: started 10', '25: started 20', '25: rescheduled to 125']);
  });

  it('holds for later starts, and may come before the first', () => {
    const clock = virtualClock();
    const start = () => {
      const slots: unknown[] = [];
      const [ctx, cancel] = withCancel(undefined, { scheduler: clock });
      runner.start(ctx).subscribe((slot) => slots.push(slot));
      return { slots, cancel };
    };
    const runner = cron(
      task('x', ({ slot }) => slot),
      1000,
    );
    runner.reschedule(10);
    const first = start();
    clock.advance(15);
    first.cancel();
    expect(first.slots).to.deep.equal([0, 10]);
    const second = start();
    clock.advance(5);
    runner.reschedule(20);
    second.cancel();
    const third = start();
    clock.advance(25);
    expect(third.slots).to.deep.equal([20, 40]);
  });

  it('is not an event when a listener of `paused` has rescheduled the cron again', () => {
    const clock = virtualClock();
    const runner = cron(
      task('x', () => NEVER),
      1000,
    );
    runner.pause();
    runner.reschedule(20, { by: 'before the start' });
    runner.events$.subscribe(({ type }) => type === 'paused' && runner.reschedule(30, { by: 'listener' }));
    const rescheduled: unknown[] = [];
    runner.events$.subscribe((event) => event.type === 'rescheduled' && rescheduled.push([event.nextAt, event.by]));
    runner.start(withCancel(undefined, { scheduler: clock })[0]).subscribe();
    expect(rescheduled).to.deep.equal([[30, 'listener']]);
  });

  it('keeps `startAt`, `stopAt`, the jitter and the pause', () => {
    const { clock, runner, log } = startCron(({ slot }) => slot, 1000, { startAt: 50, stopAt: 100 });
    runner.pause();
    runner.reschedule(20);
    clock.advance(55);
    runner.resume();
    clock.advance(100);
    expect(log).to.deep.equal(
      ['0: paused', '0: rescheduled to 70', '55: resumed', '70: started 70', '90: started 90'].concat(
        '90: done completed',
      ),
    );
  });

  it('may be called by a listener of `rescheduled`, whose schedule then holds', () => {
    const onceAtFive: Schedule = { next: (after) => (after < 5 ? 5 : undefined) };
    for (const schedule of [10, onceAtFive]) {
      const { clock, runner, log } = startCron(() => NEVER, schedule, { immediate: false, overlap: 'allowAll' });
      clock.advance(8);
      const listening = runner.events$.subscribe(({ type }) => {
        if (type !== 'rescheduled') return;
        listening.unsubscribe();
        runner.reschedule(7);
      });
      runner.reschedule(50);
      expect(runner.nextRuns(2).map(Number)).to.deep.equal([15, 22]);
      clock.advance(20);
      expect(log.slice(-4)).to.deep.equal([
        '8: rescheduled to 58',
        '8: rescheduled to 15',
        '15: started 15',
        '22: started 22',
      ]);
    }
  });

  it('may be called by a run, for the slots after it', () => {
    const started: StartedCron<unknown> = startCron<unknown>(
      ({ slot }) => (slot === 20 && started.runner.reschedule(5), slot),
      everyTen,
    );
    started.clock.advance(31);
    expect(startedSlots(started.log)).to.deep.equal([10, 20, 25, 30]);
  });

  for (const [title, schedule] of [
    ['a period', 10],
    ['a Schedule', everyTen],
  ] as const)
    for (const missed of ['skip', 'runAll'] as const)
      it(`loses none of a thousand slots that were due before (${title}, missed ${missed})`, () => {
        const { clock, runner } = startCron(({ slot }) => slot, schedule, { immediate: false, missed });
        clock.adjust(25_000);
        runner.reschedule(1000);
        const { runs, missed: dropped } = runner.history;
        expect([runs, dropped]).to.deep.equal(missed === 'skip' ? [1, 2499] : [2500, 0]);
        clock.advance(1000);
        expect(runner.history.last?.slot).to.equal(26_000);
      });

  it('right after a start with `lastRun` loses none of the slots since then', () => {
    const options: CronOptions = { timezone: 'UTC', missed: 'runAll', lastRun: noon - 3_600_000 };
    const { clock, runner } = startCron(({ slot }) => slot, '* * * * * *', options, virtualClock(noon));
    runner.reschedule('0 0 * * *');
    clock.advance(10);
    expect(runner.history).to.include({ runs: 3600, missed: 0 });
  });

  it('runs a slot that its jitter delays, at once', () => {
    for (const delay of [0, 1000]) {
      const clock = virtualClock(noon - 1000);
      const { runner, log } = startCron(
        () => 1,
        '0 12 * * *',
        { timezone: 'UTC', jitter: 600_000, random: () => 0.5 },
        clock,
      );
      clock.advance(500);
      runner.reschedule('0 12 * * *');
      expect(log).to.have.length(1);
      clock.advance(500 + delay);
      runner.reschedule('0 12 * * *');
      expect(runner.history.runs).to.equal(1);
      expect(runner.history.last).to.include({ slot: noon, startedAt: noon + delay });
      expect(runner.nextRuns()).to.deep.equal([new Date(noon + 86_400_000)]);
    }
  });

  it('runs a slot of a period that its jitter delays, at once, also by a clock that was set back', () => {
    for (const setBackBy of [0, 60_000]) {
      const clock = virtualClock(noon);
      const options: CronOptions = { immediate: false, jitter: 8000, random: () => 0.5 };
      const { runner } = startCron(() => 1, 10_000, options, clock);
      clock.adjust(-setBackBy);
      clock.advance(14_000);
      expect(runner.history.runs).to.equal(1);
      clock.advance(7000);
      runner.reschedule(10_000);
      expect(runner.history).to.include({ runs: 2, missed: 0 });
    }
  });

  for (const [title, duration] of [
    ['a synchronous', 0],
    ['an asynchronous', 2],
  ] as const)
    it(`by ${title} run of the last slot of a schedule goes on with the new one`, () => {
      const once = (slot: number) => ({ next: (after: number) => (after < slot ? slot : undefined) });
      const started: StartedCron<unknown> = startCron<unknown>((run) => {
        const renew = () => started.runner.reschedule(once((run.slot ?? 0) + 10));
        return duration === 0 ? renew() : timer(duration, run.scheduler).pipe(map(renew));
      }, once(10));
      started.clock.advance(45);
      expect(startedSlots(started.log)).to.deep.equal([10, 20, 30, 40]);
      expect(started.runner.nextRuns()).to.deep.equal(duration === 0 ? [new Date(50)] : [new Date(50)]);
      started.runner.reschedule({ next: () => undefined });
      started.clock.advance(10);
      expect(started.log.at(-1)).to.equal('45: done completed');
    });

  it('by a run goes on with the new schedule, although the old one throws', () => {
    const started: StartedCron<unknown> = startCron<unknown>(() => started.runner.reschedule(10), {
      next: (after) => (after < 10 ? 10 : throwing()()),
    });
    started.clock.advance(35);
    expect(startedSlots(started.log)).to.deep.equal([10, 20, 30]);
  });

  it('by a listener of the pause at the start runs each slot once', () => {
    const clock = virtualClock();
    const runner = cron(
      task('x', () => 1),
      10,
    );
    runner.pause();
    runner.events$.subscribe(({ type }) => type === 'paused' && runner.reschedule(5));
    runner.start(withCancel(undefined, { scheduler: clock })[0]).subscribe();
    runner.resume();
    clock.advance(12);
    expect(runner.history.runs).to.equal(2);
  });

  it('during the last run goes on with the new schedule when that run ends', () => {
    const { clock, runner, log } = startCron(takes(10), { next: (after) => (after < 10 ? 10 : undefined) });
    clock.advance(15);
    runner.reschedule(30, { by: 'operator' });
    clock.advance(31);
    expect(log).to.deep.equal(['10: started 10', '15: rescheduled to 45 by operator', '45: started 45']);
  });

  it('has no next slot at or after `stopAt`', () => {
    const { runner } = startCron(({ slot }) => slot, 10, { stopAt: 50 });
    const emitted = events(runner);
    for (const period of [49, 50, 51]) runner.reschedule(period);
    expect(emitted[0]).to.have.property('nextAt', 49);
    expect(emitted[1]).to.not.have.property('nextAt');
  });

  it('ends the cron when the new schedule has no slot', () => {
    const { clock, runner, log } = startCron(({ slot }) => slot, 10);
    const emitted = events(runner);
    runner.reschedule({ next: () => undefined });
    clock.advance(20);
    expect(emitted[0]).to.deep.equal({ type: 'rescheduled', task: 'x', runId: 1, at: 0 });
    expect(log).to.deep.equal(['0: started 0', '0: rescheduled to undefined', '0: done completed']);
    expect(runner.nextRuns(3)).to.deep.equal([]);
  });
});

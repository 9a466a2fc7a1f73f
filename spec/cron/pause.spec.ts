import { expect } from 'chai';
import { NEVER, Subject, throwError } from 'rxjs';
import { cron, supervise, task, withCancel } from '../../lib/index.js';
import { virtualClock } from '../../lib/testing/index.js';
import { everyTen, slotEvents, startCron, startedSlots, takes, type StartedCron } from '../helpers/start-cron.js';

describe('The pause of a cron', () => {
  for (const missed of ['skip', 'runOnce', 'runAll'] as const)
    for (const [title, schedule] of [
      ['a period', 10],
      ['a Schedule', everyTen],
    ] as const)
      it(`drops what comes due meanwhile, as one event at the resume (${title}, missed ${missed})`, () => {
        const { clock, runner, log } = startCron(({ slot }) => slot, schedule, { missed, immediate: false });
        clock.advance(15);
        runner.pause({ by: 'operator' });
        clock.advance(30);
        expect(runner.paused).to.equal(true);
        runner.resume({ by: 'operator' });
        clock.advance(10);
        expect(log).to.deep.equal([
          '10: started 10',
          '15: paused by operator',
          '45: resumed by operator',
          '45: missed 20 ×3 paused',
          '50: started 50',
        ]);
      });

  it('lets current and waiting runs go on', () => {
    const { clock, runner, log } = startCron(takes(15), 10, { overlap: 'bufferOne' });
    clock.advance(12);
    runner.pause();
    clock.advance(30);
    expect(log).to.deep.equal(['0: started 0', '12: paused', '15: started 10']);
    runner.resume();
    expect(log.slice(3)).to.deep.equal(['42: resumed', '42: missed 20 ×3 paused']);
  });

  it('counts slots that came due while the process was blocked to the side of the pause on which they were due', () => {
    const { clock, runner, log } = startCron(({ slot }) => slot, 10, { immediate: false, missed: 'runAll' });
    clock.advanceSilently(25);
    runner.pause();
    expect(log).to.deep.equal(['25: started 10', '25: started 20', '25: paused']);
    clock.advanceSilently(20);
    runner.resume();
    expect(log.slice(3)).to.deep.equal(['45: resumed', '45: missed 30 ×2 paused']);
    clock.advance(5);
    expect(log.at(-1)).to.equal('50: started 50');
  });

  for (const [title, schedule] of [
    ['a period', 10],
    ['a Schedule', everyTen],
  ] as const)
    it(`counts more than a thousand slots to the side of the pause on which they were due (${title})`, () => {
      const { clock, runner, log } = startCron(({ slot }) => slot, schedule, { immediate: false, missed: 'runAll' });
      clock.advanceSilently(25_000);
      runner.pause();
      expect(startedSlots(log)).to.have.length(2500);
      clock.adjust(35_000);
      runner.resume();
      clock.advance(10);
      expect(log.slice(log.indexOf('25000: paused'))).to.deep.equal([
        '25000: paused',
        '60000: resumed',
        '60000: missed 25010 ×3500 paused',
        '60010: started 60010',
      ]);
    });

  it('names who has changed it between two runs, or during `initialize`', () => {
    const clock = virtualClock();
    const initialized = new Subject<never>();
    const runner = cron(
      task('x', { initialize: () => initialized, execute: () => throwError(() => new Error('no')) }),
      10,
      { onError: 'stop' },
    );
    const log = slotEvents(runner);
    const [ctx, cancel] = withCancel(undefined, { scheduler: clock });
    const supervised = supervise(runner, { backoff: { initial: 20, jitter: 0 } });
    // With a listener, the console remains empty.
    supervised.events$.subscribe();
    supervised.start(ctx).subscribe();
    runner.pause({ by: 'ann' });
    runner.reschedule(7, { by: 'eve' });
    initialized.complete();
    expect(log).to.deep.equal(['0: paused by ann', '0: rescheduled to 0 by eve']);
    runner.resume({ by: 'bob' });
    clock.advance(7);
    log.splice(0);
    clock.advance(5);
    runner.pause({ by: 'ann' });
    runner.resume({ by: 'bob' });
    runner.reschedule(3, { by: 'eve' });
    runner.pause({ by: 'dan' });
    clock.advance(20);
    expect(log).to.deep.equal(['27: paused by dan', '27: rescheduled to 27 by eve']);
    cancel();
  });

  it('that ends between two runs is an event of the next', () => {
    const clock = virtualClock();
    const runner = cron(
      task('x', ({ slot }) => slot),
      10,
    );
    const log = slotEvents(runner);
    const start = () => {
      const [ctx, cancel] = withCancel(undefined, { scheduler: clock });
      runner.start(ctx).subscribe();
      return cancel;
    };
    const cancel = start();
    runner.pause({ by: 'ann' });
    cancel();
    runner.resume({ by: 'bob' });
    start()();
    start()();
    expect(log.filter((line) => line.includes('e'))).to.deep.equal(
      ['0: started 0', '0: paused by ann', '0: done cancelled', '0: resumed by bob'].concat(log.slice(4)),
    );
  });

  it('may begin before the start, and lasts over restarts', () => {
    const clock = virtualClock();
    const runner = cron(
      task('x', ({ slot }) => slot),
      10,
    );
    const log = slotEvents(runner);
    runner.pause();
    const [ctx, cancel] = withCancel(undefined, { scheduler: clock });
    runner.start(ctx).subscribe();
    clock.advance(25);
    cancel();
    runner.start(withCancel(undefined, { scheduler: clock })[0]).subscribe();
    clock.advance(5);
    runner.resume();
    clock.advance(5);
    expect(log).to.deep.equal([
      '0: paused',
      '25: missed 0 ×3 paused',
      '25: done cancelled',
      '25: paused',
      '30: resumed',
      '30: missed 25 ×1 paused',
      '35: started 35',
    ]);
  });

  it('lets a listener cancel the cron before it asks the coordinator and the schedule', () => {
    const asked: string[] = [];
    const schedule = {
      next(): never {
        throw new Error('asked for a slot');
      },
    };
    const coordinator = {
      lease: () => NEVER,
      watchPause: (name: string) => {
        asked.push(name);
        return NEVER;
      },
    };
    const runner = cron(
      task('x', () => 1),
      schedule,
      { coordinator },
    );
    const [ctx, cancel] = withCancel(undefined, { scheduler: virtualClock() });
    const log = slotEvents(runner);
    runner.events$.subscribe(({ type }) => {
      if (type === 'paused') cancel();
    });
    runner.pause();
    runner.start(ctx).subscribe();
    expect(log).to.deep.equal(['0: paused', '0: done cancelled']);
    expect(asked).to.deep.equal([]);
  });

  it('lasts over the restarts of a supervisor', () => {
    const clock = virtualClock();
    const failing = cron(
      task('x', () => {
        throw new Error('boom');
      }),
      10,
      { onError: 'stop' },
    );
    const log = slotEvents(failing);
    const supervised = supervise(failing, { backoff: { initial: 5, jitter: 0 } });
    supervised.events$.subscribe();
    supervised.start(withCancel(undefined, { scheduler: clock })[0]).subscribe();
    failing.pause();
    clock.advance(100);
    expect(log.filter((line) => line.includes('started'))).to.deep.equal(['0: started 0']);
    expect(supervised.status).to.equal('running');
  });

  it('does not keep a cron from ending at `stopAt`, which reports what was dropped', () => {
    const { clock, runner, log } = startCron(({ slot }) => slot, 10, { stopAt: 35 });
    runner.pause();
    clock.advance(100);
    expect(log).to.deep.equal(['0: started 0', '0: paused', '30: missed 10 ×3 paused', '30: done completed']);
    expect(runner.status).to.equal('done');
  });

  it('emits one event for a repeated pause or resume', () => {
    const { runner, log } = startCron(() => NEVER, 10, { immediate: false });
    runner.resume();
    runner.pause();
    runner.pause();
    runner.resume();
    runner.resume();
    expect(log).to.deep.equal(['0: paused', '0: resumed']);
  });

  it('may be begun and ended by a run', () => {
    const started: StartedCron<unknown> = startCron<unknown>(
      ({ slot }) => (slot === 10 && started.runner.pause(), slot),
      10,
    );
    started.clock.advance(25);
    started.runner.resume();
    started.clock.advance(5);
    expect(started.log).to.deep.equal([
      '0: started 0',
      '10: started 10',
      '10: paused',
      '25: resumed',
      '25: missed 20 ×1 paused',
      '30: started 30',
    ]);
  });

  it('keeps the grid of a period when the clock is set back', () => {
    const { clock, runner, log } = startCron(({ slot }) => slot, 100, { immediate: false });
    clock.advance(50);
    clock.adjust(-1000);
    runner.pause();
    runner.resume();
    clock.advance(60);
    expect(log.slice(2).map((line) => line.split(': ')[1])).to.deep.equal(['started 100']);
  });
});

import { expect } from 'chai';
import { NEVER } from 'rxjs';
import { cron, launch, nextRuns, snapshot, supervise, task, withCancel } from '../../lib/index.js';
import { virtualClock } from '../../lib/testing/index.js';
import { everyTen, startCron, takes } from '../helpers/start-cron.js';
import { outcomeOf } from '../helpers/tasks.js';

describe('The history of a cron', () => {
  it('counts runs, failures, skipped and missed slots, and has the last run', () => {
    const { clock, runner } = startCron(({ slot }) => {
      if (slot === 10) throw new Error('boom');
      return slot;
    }, 10);
    runner.events$.subscribe();
    clock.advance(10);
    const { last, ...counts } = runner.history;
    expect(counts).to.deep.equal({ runs: 2, failures: 1, skipped: 0, missed: 0 });
    expect(last).to.include({ slot: 10, trigger: 'schedule', status: 'failed', startedAt: 10, endedAt: 10 });
    expect(String(last?.error)).to.equal('TaskError: x failed in execute: boom');
    clock.advanceSilently(5000);
    clock.advance(0);
    runner.pause();
    clock.advance(20);
    runner.resume();
    expect(runner.history).to.deep.include({ runs: 3, failures: 1, missed: 500 + 1 });
  });

  it('counts skipped slots, which are not the last run', () => {
    const { clock, runner } = startCron(takes(25), 10);
    clock.advance(29);
    expect(runner.history).to.deep.equal({
      runs: 1,
      failures: 0,
      skipped: 2,
      missed: 0,
      last: { slot: 0, trigger: 'schedule', status: 'completed', startedAt: 0, endedAt: 25 },
    });
  });

  it('says which runs were missed before, and which were triggered', async () => {
    const { clock, runner } = startCron(({ slot }) => slot, 10, { missed: 'runOnce', immediate: false, tolerance: 1 });
    clock.advanceSilently(25);
    clock.advance(0);
    expect(runner.history.last).to.include({ slot: 20, trigger: 'missed' });
    await runner.trigger();
    expect(runner.history.last).to.include({ slot: 25, trigger: 'manual' });
    const all = startCron(({ slot }) => slot, 10, { missed: 'runAll', immediate: false });
    all.clock.advanceSilently(25);
    all.clock.advance(0);
    expect(all.runner.history.last).to.include({ slot: 20, trigger: 'missed' });
  });

  it('is in the outcome of a cron that has run as many slots as it has skipped, without members', () => {
    const { clock, runner, cancel } = startCron(takes(15), 10);
    clock.advance(19);
    cancel();
    const { slots, ...rest } = outcomeOf(runner) ?? {};
    expect(slots).to.deep.include({ runs: 1, failures: 0, skipped: 1, missed: 0 });
    expect(rest).to.not.have.property('members');
  });

  it('is in the outcome of a cron whose slots were all missed', () => {
    const { clock, runner, cancel } = startCron(({ slot }) => slot, 10, { immediate: false, tolerance: 1 });
    clock.advanceSilently(25);
    clock.advance(0);
    cancel();
    expect(outcomeOf(runner)?.slots).to.deep.equal({ runs: 0, failures: 0, skipped: 0, missed: 2 });
  });

  it('has only the next runs before `stopAt`', () => {
    const { runner } = startCron(({ slot }) => slot, 10, { stopAt: 20 });
    expect(runner.nextRuns(2).map(Number)).to.deep.equal([10]);
  });

  it('has no next runs when the cron has ended', () => {
    const { runner, cancel } = startCron(({ slot }) => slot, 10);
    expect(runner.nextRuns(2).map(Number)).to.deep.equal([10, 20]);
    cancel();
    expect(runner.nextRuns(2)).to.deep.equal([]);
  });

  it('goes on over restarts', () => {
    const clock = virtualClock();
    const runner = cron(
      task('x', ({ slot }) => slot),
      10,
    );
    for (let start = 0; start < 2; start++) {
      const [ctx, cancel] = withCancel(undefined, { scheduler: clock });
      runner.start(ctx).subscribe();
      clock.advance(15);
      cancel();
    }
    expect(runner.history.runs).to.equal(4);
  });

  it('is not changed by later runs when it was read', () => {
    const { clock, runner } = startCron(({ slot }) => slot, 10);
    const { history } = runner;
    clock.advance(10);
    expect([history.runs, runner.history.runs]).to.deep.equal([1, 2]);
  });

  it('is in the snapshot, with the pause and the number of running slots, also of a supervised cron', () => {
    const clock = virtualClock();
    const runner = cron(
      task('x', () => NEVER),
      10,
      { overlap: 'allowAll' },
    );
    const supervised = supervise(runner);
    supervised.start(withCancel(undefined, { scheduler: clock })[0]).subscribe();
    clock.advance(10);
    const history = { runs: 0, failures: 0, skipped: 0, missed: 0 };
    for (const each of [runner, supervised])
      expect(snapshot(each)).to.deep.include({ paused: false, running: 2, history, nextAt: 20 });
    expect(runner.running).to.equal(2);
    runner.pause();
    for (const each of [runner, supervised]) {
      expect(snapshot(each)).to.deep.include({ paused: true, running: 2 });
      expect(snapshot(each)).to.not.have.property('nextAt');
    }
    expect(
      snapshot(
        cron(
          task('y', () => 1),
          10,
        ),
      ),
    ).to.deep.include({ paused: false, running: 0, history });
  });

  it('is in the outcome and in the report, which is clean although every run has failed', async () => {
    const clock = virtualClock();
    const failing = cron(
      task('sync', () => {
        throw new Error('boom');
      }),
      10,
    );
    const quiet = cron(
      task('quiet', () => 1),
      everyTen,
      { startAt: 1000 },
    );
    const app = launch([failing, quiet], { scheduler: clock, observer: () => undefined });
    clock.advance(25);
    const stopped = app.stop();
    clock.advance(0);
    const report = await stopped;
    expect(report.clean).to.equal(true);
    expect(report.outcomes.map(({ slots }) => slots?.runs)).to.deep.equal([3, undefined]);
    expect(String(report))
      .to.match(/^ {2}sync {3}cancelled, runs 3, failed 3 /m)
      .and.match(/^ {2}quiet {2}cancelled {2}/m);
  });
});

describe('The `nextRuns` of a cron', () => {
  const times = (runs: readonly Date[]) => runs.map((run) => run.getTime());

  it('returns the next slots while it runs, one by default, up to the end', () => {
    const { clock, runner } = startCron(({ slot }) => slot, 10, { stopAt: 45 });
    clock.advance(15);
    expect(times(runner.nextRuns())).to.deep.equal([20]);
    expect(times(runner.nextRuns(9))).to.deep.equal([20, 30, 40]);
    expect(runner.nextRuns(0)).to.deep.equal([]);
    clock.advance(100);
    expect(runner.nextRuns(9)).to.deep.equal([]);
  });

  it('returns no more than `maxRuns` leaves', () => {
    const { clock, runner } = startCron(({ slot }) => slot, 10, { maxRuns: 4 });
    clock.advance(15);
    expect(times(runner.nextRuns(9))).to.deep.equal([20, 30]);
  });

  it('returns none while it is paused', () => {
    const { runner } = startCron(({ slot }) => slot, 10);
    runner.pause();
    expect(runner.nextRuns(2)).to.deep.equal([]);
    runner.resume();
    expect(times(runner.nextRuns(2))).to.deep.equal([10, 20]);
  });

  it('returns those of a start now before the start', () => {
    const runner = cron(
      task('x', () => 1),
      '0 0 1 1 *',
      { timezone: 'UTC' },
    );
    const [next] = runner.nextRuns();
    expect(next?.toISOString()).to.match(/^\d{4}-01-01T00:00:00\.000Z$/);
  });

  it('returns those of a start now while it initializes', () => {
    const runner = cron(task('x', { initialize: () => NEVER, execute: () => 1 }), '0 3 * * *', { timezone: 'UTC' });
    runner.start(withCancel()[0]).subscribe();
    expect(runner.nextRuns(2)).to.deep.equal(nextRuns('0 3 * * *', 2, { timezone: 'UTC' }));
  });

  it('follows a period when the clock was set back', () => {
    const { clock, runner } = startCron(({ slot }) => slot, 60_000, { immediate: false }, virtualClock(3_600_000));
    clock.advance(90_000);
    clock.adjust(-600_000);
    clock.advance(30_000);
    const [next, following] = runner.nextRuns(2).map(Number);
    expect([next, snapshot(runner).nextAt]).to.deep.equal([clock.now() + 60_000, clock.now() + 60_000]);
    expect(following).to.equal(clock.now() + 120_000);
    const { runs } = runner.history;
    clock.advance(59_999);
    expect(runner.history.runs).to.equal(runs);
    clock.advance(1);
    expect(runner.history.runs).to.equal(runs + 1);
  });

  it('refuses a negative number', () => {
    expect(() => startCron(() => 1, 10).runner.nextRuns(-1)).to.throw(RangeError, 'Expected `n`');
  });
});

describe('A cron with `missedWithin`', () => {
  for (const [title, schedule] of [
    ['a period', 10],
    ['a Schedule', everyTen],
  ] as const) {
    it(`runs all missed slots that are not older, and drops the others (${title})`, () => {
      const { clock, log } = startCron(({ slot }) => slot, schedule, {
        immediate: false,
        missed: 'runAll',
        missedWithin: 25,
      });
      clock.advanceSilently(55);
      clock.advance(0);
      expect(log).to.deep.equal(['55: missed 10 ×2', '55: started 30', '55: started 40', '55: started 50']);
    });

    it(`looks no further back than that from \`lastRun\` (${title})`, () => {
      const { log } = startCron(
        ({ slot }) => slot,
        schedule,
        { missed: 'runAll', missedWithin: 20, lastRun: 0 },
        virtualClock(1000),
      );
      expect(log).to.deep.equal([
        '1000: missed 10 ×97',
        '1000: started 980',
        '1000: started 990',
        '1000: started 1000',
      ]);
    });

    for (const missed of ['skip', 'runOnce', 'runAll'] as const)
      it(`runs the latest slot within the tolerance, although it is older (${title}, missed ${missed})`, () => {
        const { clock, log } = startCron(({ slot }) => slot, schedule, {
          immediate: false,
          missed,
          missedWithin: 2,
          tolerance: 5,
        });
        clock.advanceSilently(24);
        clock.advance(0);
        expect(log).to.deep.equal(['24: missed 10 ×1', '24: started 20']);
      });

    it(`drops a late slot that is older, with \`runOnce\` (${title})`, () => {
      const late = (missedWithin: number) => {
        const { clock, log } = startCron(({ slot }) => slot, schedule, {
          immediate: false,
          missed: 'runOnce',
          tolerance: 1,
          missedWithin,
        });
        clock.advanceSilently(25);
        clock.advance(0);
        return log;
      };
      expect(late(4)).to.deep.equal(['25: missed 10 ×2']);
      expect(late(5)).to.deep.equal(['25: missed 10 ×1', '25: overdue 20 by 5', '25: started 20']);
    });
  }

  it('refuses what is no time', () => {
    const make = (missedWithin: unknown) => () =>
      cron(
        task('x', () => 1),
        10,
        { missedWithin: missedWithin as number },
      );
    expect(make(-1)).to.throw(RangeError, 'Expected `missedWithin`');
    expect(make('1h')).to.throw(TypeError, 'Expected `missedWithin`');
  });
});

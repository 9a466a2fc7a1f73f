import { expect } from 'chai';
import { NEVER, Subject, throwError } from 'rxjs';
import { cron, supervise, task, withCancel } from '../../lib/index.js';
import { virtualClock } from '../../lib/testing/index.js';
import { everyTen, lasting, startCron, startedSlots, storyOf, type StartedCron } from '../helpers/cron-story.js';

describe('The pause of a cron', () => {
  for (const missed of ['skip', 'runOnce', 'runAll'] as const)
    for (const [title, schedule] of [
      ['a period', 10],
      ['a Schedule', everyTen],
    ] as const)
      it(`drops what comes due meanwhile, as one event at the resume (${title}, missed ${missed})`, () => {
        const { clock, runner, story } = startCron(({ slot }) => slot, schedule, { missed, immediate: false });
        clock.advance(15);
        runner.pause({ by: 'operator' });
        clock.advance(30);
        expect(runner.paused).to.equal(true);
        runner.resume({ by: 'operator' });
        clock.advance(10);
        expect(story).to.deep.equal([
          '10: started 10',
          '15: paused by operator',
          '45: resumed by operator',
          '45: missed 20 ×3 paused',
          '50: started 50',
        ]);
      });

  it('lets current and waiting runs go on', () => {
    const { clock, runner, story } = startCron(lasting(15), 10, { overlap: 'bufferOne' });
    clock.advance(12);
    runner.pause();
    clock.advance(30);
    expect(story).to.deep.equal(['0: started 0', '12: paused', '15: started 10']);
    runner.resume();
    expect(story.slice(3)).to.deep.equal(['42: resumed', '42: missed 20 ×3 paused']);
  });

  it('counts slots that came due while the process was blocked to the side of the pause on which they were due', () => {
    const { clock, runner, story } = startCron(({ slot }) => slot, 10, { immediate: false, missed: 'runAll' });
    clock.advanceSilently(25);
    runner.pause();
    expect(story).to.deep.equal(['25: started 10', '25: started 20', '25: paused']);
    clock.advanceSilently(20);
    runner.resume();
    expect(story.slice(3)).to.deep.equal(['45: resumed', '45: missed 30 ×2 paused']);
    clock.advance(5);
    expect(story.at(-1)).to.equal('50: started 50');
  });

  for (const [title, schedule] of [
    ['a period', 10],
    ['a Schedule', everyTen],
  ] as const)
    it(`counts more than a thousand slots to the side of the pause on which they were due (${title})`, () => {
      const { clock, runner, story } = startCron(({ slot }) => slot, schedule, { immediate: false, missed: 'runAll' });
      clock.advanceSilently(25_000);
      runner.pause();
      expect(startedSlots(story)).to.have.length(2500);
      clock.adjust(35_000);
      runner.resume();
      clock.advance(10);
      expect(story.slice(story.indexOf('25000: paused'))).to.deep.equal([
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
    const story = storyOf(runner);
    const [ctx, cancel] = withCancel(undefined, { scheduler: clock });
    supervise(runner, { backoff: { initial: 20, jitter: 0 } })
      .start(ctx)
      .subscribe();
    runner.pause({ by: 'ann' });
    runner.reschedule(7, { by: 'eve' });
    initialized.complete();
    expect(story).to.deep.equal(['0: paused by ann', '0: rescheduled to 0 by eve']);
    runner.resume({ by: 'bob' });
    clock.advance(7);
    story.splice(0);
    clock.advance(5);
    runner.pause({ by: 'ann' });
    runner.resume({ by: 'bob' });
    runner.reschedule(3, { by: 'eve' });
    runner.pause({ by: 'dan' });
    clock.advance(20);
    expect(story).to.deep.equal(['27: paused by dan', '27: rescheduled to 27 by eve']);
    cancel();
  });

  it('that ends between two runs is an event of the next', () => {
    const clock = virtualClock();
    const runner = cron(
      task('x', ({ slot }) => slot),
      10,
    );
    const story = storyOf(runner);
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
    expect(story.filter((line) => line.includes('e'))).to.deep.equal(
      ['0: started 0', '0: paused by ann', '0: done cancelled', '0: resumed by bob'].concat(story.slice(4)),
    );
  });

  it('may begin before the start, and lasts over restarts', () => {
    const clock = virtualClock();
    const runner = cron(
      task('x', ({ slot }) => slot),
      10,
    );
    const story = storyOf(runner);
    runner.pause();
    const [ctx, cancel] = withCancel(undefined, { scheduler: clock });
    runner.start(ctx).subscribe();
    clock.advance(25);
    cancel();
    runner.start(withCancel(undefined, { scheduler: clock })[0]).subscribe();
    clock.advance(5);
    runner.resume();
    clock.advance(5);
    expect(story).to.deep.equal([
      '0: paused',
      '25: missed 0 ×3 paused',
      '25: done cancelled',
      '25: paused',
      '30: resumed',
      '30: missed 25 ×1 paused',
      '35: started 35',
    ]);
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
    const story = storyOf(failing);
    const supervised = supervise(failing, { backoff: { initial: 5, jitter: 0 } });
    supervised.events$.subscribe();
    supervised.start(withCancel(undefined, { scheduler: clock })[0]).subscribe();
    failing.pause();
    clock.advance(100);
    expect(story.filter((line) => line.includes('started'))).to.deep.equal(['0: started 0']);
    expect(supervised.status).to.equal('running');
  });

  it('does not keep a cron from ending at `stopAt`, which reports what was dropped', () => {
    const { clock, runner, story } = startCron(({ slot }) => slot, 10, { stopAt: 35 });
    runner.pause();
    clock.advance(100);
    expect(story).to.deep.equal(['0: started 0', '0: paused', '30: missed 10 ×3 paused', '30: done completed']);
    expect(runner.status).to.equal('done');
  });

  it('emits one event for a repeated pause or resume', () => {
    const { runner, story } = startCron(() => NEVER, 10, { immediate: false });
    runner.resume();
    runner.pause();
    runner.pause();
    runner.resume();
    runner.resume();
    expect(story).to.deep.equal(['0: paused', '0: resumed']);
  });

  it('may be begun and ended by a run', () => {
    const started: StartedCron<unknown> = startCron<unknown>(
      ({ slot }) => (slot === 10 && started.runner.pause(), slot),
      10,
    );
    started.clock.advance(25);
    started.runner.resume();
    started.clock.advance(5);
    expect(started.story).to.deep.equal([
      '0: started 0',
      '10: started 10',
      '10: paused',
      '25: resumed',
      '25: missed 20 ×1 paused',
      '30: started 30',
    ]);
  });

  it('keeps the grid of a period when the clock is set back', () => {
    const { clock, runner, story } = startCron(({ slot }) => slot, 100, { immediate: false });
    clock.advance(50);
    clock.adjust(-1000);
    runner.pause();
    runner.resume();
    clock.advance(60);
    expect(story.slice(2).map((line) => line.split(': ')[1])).to.deep.equal(['started 100']);
  });
});

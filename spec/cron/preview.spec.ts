import { expect } from 'chai';
import { NEVER } from 'rxjs';
import { cron, task } from '../../lib/index.js';
import { virtualClock } from '../../lib/testing/index.js';
import { startCron } from '../helpers/start-cron.js';

const noon = Date.parse('2026-06-01T12:00:00Z');

describe('The `nextRuns` of a cron with a schedule', () => {
  it('returns the slots that the reschedule then has, and changes nothing', () => {
    for (const schedule of [7, '*/10 * * * * *', { next: (after: number) => after + 13 }]) {
      const { clock, runner, log } = startCron(() => NEVER, 10, { overlap: 'skip' }, virtualClock(noon));
      clock.advance(12);
      const preview = runner.nextRuns(3, { schedule });
      expect([log.length, runner.nextRuns().map(Number)]).to.deep.equal([2, [noon + 20]]);
      runner.reschedule(schedule);
      expect(preview).to.deep.equal(runner.nextRuns(3));
      expect(preview).to.have.length(3);
    }
  });

  it('keeps the time zone, `startAt`, `stopAt` and `maxRuns` of the cron', () => {
    const timezone = 'Europe/Paris';
    const { runner } = startCron(() => NEVER, '0 3 * * *', { timezone, maxRuns: 2 }, virtualClock(noon));
    const previewed = (options: object) => runner.nextRuns(5, options).map((run) => run.toISOString());
    expect(previewed({ schedule: '0 4 * * *' })).to.deep.equal([
      '2026-06-02T02:00:00.000Z',
      '2026-06-03T02:00:00.000Z',
    ]);
    expect(previewed({ schedule: '0 4 * * *', timezone: 'UTC' })[0]).to.equal('2026-06-02T04:00:00.000Z');
    const limits = { immediate: false, startAt: noon + 50, stopAt: noon + 75 };
    const limited = startCron(() => NEVER, 10, limits, virtualClock(noon)).runner;
    expect(limited.nextRuns(5, { schedule: 10 }).map((run) => Number(run) - noon)).to.deep.equal([60, 70]);
  });

  it('returns them during a pause, too, and before the start; none after the end', () => {
    const { clock, runner, cancel } = startCron(() => NEVER, 10);
    runner.pause();
    expect([runner.nextRuns(2), runner.nextRuns(2, { schedule: 5 }).map(Number)]).to.deep.equal([[], [5, 10]]);
    cancel();
    clock.advance(1);
    expect(runner.nextRuns(2, { schedule: 5 })).to.deep.equal([]);
    const idle = cron(
      task('idle', () => 1),
      '@daily',
    );
    expect(idle.nextRuns(2, { schedule: '@hourly' })).to.have.length(2);
  });

  it('is refused as the reschedule is', () => {
    const { runner } = startCron(() => NEVER, 10);
    for (const options of [
      { schedule: 0 },
      { schedule: '* * *' },
      { schedule: 5, timezone: 'UTC' },
      { timezone: 'UTC' },
    ])
      expect(() => runner.nextRuns(1, options), JSON.stringify(options)).to.throw(RangeError);
    expect(() => runner.nextRuns(1, { schedule: {} } as never)).to.throw(TypeError, 'Expected `schedule`');
    expect(() => runner.nextRuns(1, { zone: 'UTC' } as never)).to.throw(
      TypeError,
      'Expected an option of `nextRuns`, got `zone`; did you mean `timezone`?',
    );
    expect(() => runner.nextRuns(-1, { schedule: 5 })).to.throw(RangeError, 'Expected `n`');
  });
});

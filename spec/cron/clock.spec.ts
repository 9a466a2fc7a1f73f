import { expect } from 'chai';
import { NEVER, Subscription, type SchedulerAction, type SchedulerLike } from 'rxjs';
import { cron, task, withCancel, type CronOptions, type Schedule } from '../../lib/index.js';
import { virtualClock } from '../../lib/testing/index.js';
import { slotEvents, startCron } from '../helpers/start-cron.js';
import { virtually } from '../helpers/virtual-time.js';
import { outlastOverflow } from '../helpers/wait.js';

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;

describe('A cron that waits longer than a timer can (2³¹−1 ms)', () => {
  const beyond = 2 ** 31 + 5000;

  it('does not fire at once with real timers', async () => {
    const start = Date.now();
    const far = new Date(start + beyond);
    const crons = [
      cron(
        task('startAt', () => expect.fail('It runs')),
        1000,
        { startAt: far },
      ),
      cron(
        task('period', () => expect.fail('It runs')),
        beyond,
        { immediate: false },
      ),
      cron(
        task('Schedule', () => expect.fail('It runs')),
        { next: () => far.getTime() },
      ),
      cron(
        task('expression', () => expect.fail('It runs')),
        `${far.getUTCMinutes()} ${far.getUTCHours()} ${far.getUTCDate()} ${far.getUTCMonth() + 1} *`,
        { timezone: 'UTC' },
      ),
      // The timers of jitter, lease and timeout are as long.
      cron(
        task('jitter', () => expect.fail('It runs')),
        10,
        { immediate: false, jitter: beyond, startAt: far },
      ),
      cron(
        task('lease', () => expect.fail('It runs')),
        hour,
        {
          tolerance: beyond,
          timeout: beyond,
          coordinator: { lease: () => NEVER },
        },
      ),
      cron(
        task('run', () => NEVER),
        hour,
        { timeout: beyond, overlap: 'bufferAll' },
      ),
    ];
    const logs = crons.map(slotEvents);
    const errors: unknown[] = [];
    const subscriptions = crons.map((runner) =>
      runner.start().subscribe({ error: (error: unknown) => errors.push(error) }),
    );
    await outlastOverflow();
    for (const subscription of subscriptions) subscription.unsubscribe();
    expect(errors).to.deep.equal([]);
    expect(logs.map((log) => log.map((line) => line.replace(/^\d+: /, '').replace(/\d+/, '')))).to.deep.equal([
      ...Array.from({ length: 5 }, () => ['done cancelled']),
      ['skipped  ended', 'done cancelled'],
      ['started ', 'done cancelled'],
    ]);
  });

  it('fires on the exact ms in virtual time', () => {
    virtually(({ expectObservable }) => {
      const slots = (schedule: number | Schedule, options: CronOptions) =>
        cron(
          task('x', ({ slot }) => slot),
          schedule,
          { ...options, maxRuns: 1 },
        ).start();
      const marbles = `${beyond}ms (s|)`;
      expectObservable(slots(beyond, { immediate: false })).toBe(marbles, { s: beyond });
      expectObservable(slots(1000, { startAt: beyond })).toBe(marbles, { s: beyond });
      expectObservable(slots({ next: (after) => (after < beyond ? beyond : undefined) }, {})).toBe(marbles, {
        s: beyond,
      });
    });
  });
});

describe('A waiting cron', () => {
  /** Returns the delays of all timers that a cron sets within some ms. */
  const waits = (schedule: number | string | Schedule, options: CronOptions, ms: number) => {
    const clock = virtualClock();
    const delays: number[] = [];
    const scheduler: SchedulerLike = {
      now: () => clock.now(),
      schedule<T>(work: (this: SchedulerAction<T>, state: T) => void, delay = 0, state?: T): Subscription {
        delays.push(delay);
        return clock.schedule(work as (this: SchedulerAction<T>, state?: T) => void, delay, state);
      },
    };
    const [ctx, cancel] = withCancel(undefined, { scheduler });
    cron(
      task('x', () => 1),
      schedule,
      options,
    )
      .start(ctx)
      .subscribe();
    clock.advance(ms);
    cancel();
    return delays;
  };

  it('reads the clock at least every 30 s, however far the next slot is', () => {
    expect(waits(hour, { immediate: false }, 5 * minute)).to.deep.equal(Array.from({ length: 11 }, () => 30_000));
    for (const far of [31_000, day, 2 ** 31, 2 ** 40]) {
      expect(Math.max(...waits(far, {}, 2 * hour)), `period ${far}`).to.equal(30_000);
      const random = () => 0.25;
      expect(Math.max(...waits({ next: (at) => at + far }, { jitter: far, random }, 2 * hour))).to.equal(30_000);
    }
    expect(Math.max(...waits('0 3 * * *', {}, day))).to.equal(30_000);
  });

  it('sets no more timers than it needs', () => {
    expect(waits(70_000, { immediate: false }, 140_000)).to.deep.equal([
      30_000, 30_000, 10_000, 30_000, 30_000, 10_000, 30_000,
    ]);
    expect(waits(10, {}, 30)).to.deep.equal([10, 10, 10, 10]);
  });

  for (const period of [30_000, 30_001, 30_002, 60_001, 90_002, hour + 1]) {
    it(`runs no slot early with a period of ${period} ms`, () => {
      const { clock, emitted, log } = startCron(({ slot, scheduler }) => [slot, scheduler.now()], period, {
        maxRuns: 4,
      });
      clock.advance(5 * period);
      expect(emitted.slice(0, -1)).to.deep.equal([0, 1, 2, 3].map((k) => [k * period, k * period]));
      expect(log).to.have.length(5);
    });
  }

  it('runs no slot early or twice when a timer fires early because its clock rounds', () => {
    const { clock, log } = startCron(() => 1, { next: (at) => Math.floor(at / 100) * 100 + 100 });
    clock.advance(50);
    clock.adjust(-1);
    clock.advance(161);
    expect(log).to.deep.equal(['100: started 100', '200: started 200']);
  });

  it('runs the slot of a period when its timer fires up to 2 ms early', () => {
    const { clock, log } = startCron(() => 1, 100, { immediate: false });
    clock.advance(50);
    clock.adjust(-2);
    clock.advance(50);
    expect(log).to.deep.equal(['98: started 100']);
    clock.advance(102);
    expect(log).to.deep.equal(['98: started 100', '200: started 200']);
  });
});

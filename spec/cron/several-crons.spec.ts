import { expect } from 'chai';
import sinon from 'sinon';
import { cron, task } from '../../lib/index.js';
import { virtualClock } from '../../lib/testing/index.js';
import { slotEvents, startCron, startedSlots, takes, type StartedCron } from '../helpers/start-cron.js';

describe('Several crons', () => {
  it('all run when their slots come due at the same time', () => {
    const clock = virtualClock();
    const crons = Array.from({ length: 5 }, () => startCron(takes(4), 10, { maxRuns: 3 }, clock));
    clock.advance(50);
    for (const { log } of crons)
      expect(log).to.deep.equal(['0: started 0', '10: started 10', '20: started 20', '24: done completed']);
    expect(clock.timers).to.equal(0);
  });

  it('all run when each run ends at the instant of the next slot', () => {
    const clock = virtualClock();
    const crons = Array.from({ length: 3 }, () => startCron(takes(10), 10, { maxRuns: 3 }, clock));
    clock.advance(50);
    for (const { log } of crons)
      expect(log).to.deep.equal(['0: started 0', '10: started 10', '20: started 20', '30: done completed']);
  });

  it('go on when one is cancelled by the run of another at the same time', () => {
    const clock = virtualClock();
    const crons: StartedCron<unknown>[] = [];
    for (const k of [0, 1, 2, 3])
      crons.push(
        startCron(({ slot }) => slot === 10 && k === 1 && [0, 2].forEach((n) => crons[n]?.cancel()), 10, {}, clock),
      );
    clock.advance(10);
    crons[3]?.cancel();
    clock.advance(15);
    expect(crons.map(({ log }) => startedSlots(log))).to.deep.equal([[0, 10], [0, 10, 20], [0], [0, 10]]);
    crons[1]?.cancel();
    expect(clock.timers).to.equal(0);
  });

  it('go on when one starts another', () => {
    const clock = virtualClock();
    const second: StartedCron<unknown>[] = [];
    const first = startCron(({ slot }) => slot === 10 && second.push(startCron(() => 1, 10, {}, clock)), 10, {}, clock);
    clock.advance(35);
    expect(startedSlots(first.log)).to.deep.equal([0, 10, 20, 30]);
    expect(startedSlots(second[0]?.log ?? [])).to.deep.equal([10, 20, 30]);
  });

  it('keep their own slots when the clock is set between their starts', () => {
    const clock = virtualClock();
    const first = startCron(() => 1, 20_000, { immediate: false }, clock);
    clock.advance(5000);
    clock.adjust(-10_000);
    // Both are due at 20,000 by the clock, but not at the same time.
    const second = startCron(() => 1, 25_000, { immediate: false }, clock);
    clock.advance(25_000);
    expect(first.log).to.deep.equal(['10000: started 20000']);
    expect(second.log).to.deep.equal(['20000: started 20000']);
  });

  it('run independently on two schedulers', () => {
    const [firstClock, secondClock] = [virtualClock(), virtualClock()];
    const [first, second] = [firstClock, secondClock].map((clock) => startCron(() => 1, 10, {}, clock));
    firstClock.advance(25);
    expect(startedSlots(first?.log ?? [])).to.deep.equal([0, 10, 20]);
    secondClock.advance(15);
    expect(startedSlots(second?.log ?? [])).to.deep.equal([0, 10]);
  });

  it('keep their slots when one replaces another in the same turn of the event loop', () => {
    const clock = sinon.useFakeTimers();
    try {
      const start = () => {
        const runner = cron(
          task('x', () => 1),
          1000,
        );
        return { log: slotEvents(runner), subscription: runner.start().subscribe() };
      };
      start().subscription.unsubscribe();
      const { log, subscription } = start();
      clock.tick(2000);
      expect(startedSlots(log)).to.deep.equal([0, 1000, 2000]);
      subscription.unsubscribe();
      expect(clock.countTimers()).to.equal(0);
    } finally {
      clock.restore();
    }
  });

  it('share their timers in real time', () => {
    const clock = sinon.useFakeTimers();
    try {
      let runs = 0;
      const subscriptions = Array.from({ length: 1000 }, () =>
        cron(
          task('x', () => ++runs),
          1000,
        )
          .start()
          .subscribe(),
      );
      expect(clock.countTimers()).to.equal(1);
      clock.tick(2000);
      expect([runs, clock.countTimers()]).to.deep.equal([3000, 1]);
      for (const subscription of subscriptions) subscription.unsubscribe();
      expect(clock.countTimers()).to.equal(0);
    } finally {
      clock.restore();
    }
  });

  it('run on new fake timers after one was left behind on old ones', async () => {
    for (const n of [1, 2, 3]) {
      const clock = sinon.useFakeTimers();
      try {
        const runner = cron(
          task('x', () => 1),
          1000,
        );
        const log = slotEvents(runner);
        runner.start().subscribe();
        clock.tick(n * 1000);
        expect(startedSlots(log)).to.deep.equal([0, 1000, 2000, 3000].slice(0, n + 1));
      } finally {
        clock.restore();
      }
      // The event loop turns, as it does between two tests.
      await Promise.resolve();
    }
  });
});

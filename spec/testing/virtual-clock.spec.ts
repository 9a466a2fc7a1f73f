import { expect } from 'chai';
import { AsyncLocalStorage } from 'node:async_hooks';
import { asyncScheduler, EMPTY, interval, of, take, timer, VirtualTimeScheduler, type SchedulerAction } from 'rxjs';
import { cron, future, task, taskRunner, withCancel, withTimeout } from '../../lib/index.js';
import { settleOn } from '../../lib/util/settle-on.js';
import { virtualClock, type VirtualClock } from '../../lib/testing/index.js';
import { deferred, settled } from '../helpers/tasks.js';

/** Collects calls as `name@ms since 1970`. */
function callLog(clock: VirtualClock): { calls: string[]; log: (name: string) => () => void } {
  const calls: string[] = [];
  return { calls, log: (name) => () => calls.push(`${name}@${clock.now()}`) };
}

describe('virtualClock', () => {
  it('shows the given time first, by default 1970', () => {
    expect(virtualClock().now()).to.equal(0);
    expect(virtualClock(5).now()).to.equal(5);
    expect(virtualClock(-5).now()).to.equal(-5);
    expect(virtualClock('2026-03-29T00:59:00Z').now()).to.equal(Date.UTC(2026, 2, 29, 0, 59));
    expect(virtualClock(new Date(1234)).now()).to.equal(1234);
  });

  it('rejects an invalid time', () => {
    for (const wrong of ['never', NaN, 1e99, new Date(NaN)])
      expect(() => virtualClock(wrong)).to.throw(
        RangeError,
        'Expected `time` to be a time, as `new Date()` takes it, got',
      );
  });

  it('is the scheduler of a context and its children', () => {
    const clock = virtualClock(1000);
    const [ctx] = withCancel(undefined, { scheduler: clock });
    const [child] = withTimeout(50, ctx);
    clock.advance(49);
    expect(child.cancelled).to.equal(false);
    clock.advance(1);
    expect(child.cancelled).to.equal(true);
  });

  it('changes to and from DST as a real clock', () => {
    const days: string[] = [];
    const clock = virtualClock('2026-10-24T12:00:00Z');
    const [ctx] = withCancel(undefined, { scheduler: clock });
    const note = task('note', () => days.push(new Date(clock.now()).toISOString()));
    cron(note, '30 2 * * *', { timezone: 'Europe/Berlin' }).start(ctx).subscribe();
    clock.advance(3 * 86_400_000);
    expect(days).to.deep.equal(['2026-10-25T00:30:00.000Z', '2026-10-26T01:30:00.000Z', '2026-10-27T01:30:00.000Z']);
  });
});

describe('VirtualClock', () => {
  describe('advance', () => {
    it('fires the timers that become due at their times and in their order', () => {
      const clock = virtualClock(100);
      const { calls, log } = callLog(clock);
      for (const [name, ms] of [
        ['c', 5],
        ['a', 1],
        ['b', 1],
        ['d', 6],
      ] as const)
        clock.schedule(log(name), ms);
      clock.advance(0);
      expect(calls).to.deep.equal([]);
      clock.advance(5);
      expect(calls).to.deep.equal(['a@101', 'b@101', 'c@105']);
      expect([clock.now(), clock.timers]).to.deep.equal([105, 1]);
      clock.advance(100);
      expect(calls.at(-1)).to.equal('d@106');
      expect(clock.now()).to.equal(205);
    });

    it('fires timers without a delay while no time passes', () => {
      const clock = virtualClock();
      const { calls, log } = callLog(clock);
      clock.schedule(() => clock.schedule(log('a')));
      clock.advance(0);
      expect(calls).to.deep.equal(['a@0']);
    });

    it('can be called from a timer', () => {
      const clock = virtualClock();
      const { calls, log } = callLog(clock);
      clock.schedule(() => {
        clock.advance(10);
        log('advanced')();
      }, 1);
      clock.schedule(log('b'), 5);
      clock.advance(2);
      expect(calls).to.deep.equal(['b@5', 'advanced@11']);
      expect(clock.now()).to.equal(11);
    });

    it('throws the error of a timer at its time, and can continue', () => {
      const clock = virtualClock();
      const { calls, log } = callLog(clock);
      clock.schedule(() => {
        throw new Error('boom');
      }, 2);
      clock.schedule(log('a'), 3);
      expect(() => clock.advance(5)).to.throw('boom');
      expect(clock.now()).to.equal(2);
      clock.advance(3);
      expect(calls).to.deep.equal(['a@3']);
    });

    it('fires timers of RxJS', () => {
      const clock = virtualClock(10);
      const { calls, log } = callLog(clock);
      const ticking = interval(10, clock).subscribe(log('tick'));
      timer(new Date(25), clock).subscribe(log('date'));
      clock.advance(30);
      ticking.unsubscribe();
      expect(calls).to.deep.equal(['tick@20', 'date@25', 'tick@30', 'tick@40']);
      expect(clock.timers).to.equal(0);
    });
  });

  it('fires each timer in the async context of the code that has set it', () => {
    const clock = virtualClock();
    const storage = new AsyncLocalStorage<string>();
    const stores: unknown[] = [];
    const note = () => stores.push(storage.getStore());
    storage.run('a', () => {
      clock.schedule(note, 1);
      interval(2, clock).pipe(take(2)).subscribe(note);
    });
    clock.schedule(note, 1);
    storage.run('b', () => clock.advance(4));
    expect(stores).to.deep.equal(['a', undefined, 'a', 'a']);
  });

  it('fires timers late after time has been advanced silently', () => {
    const clock = virtualClock();
    const { calls, log } = callLog(clock);
    clock.schedule(log('a'), 2);
    clock.schedule(log('b'), 4);
    clock.schedule(log('c'), 20);
    clock.advanceSilently(10);
    expect([calls, clock.now()]).to.deep.equal([[], 10]);
    clock.advance(0);
    expect(calls).to.deep.equal(['a@10', 'b@10']);
    clock.advance(10);
    expect(calls.at(-1)).to.equal('c@20');
  });

  it('shows another time after an adjustment, which does not affect timers', () => {
    const clock = virtualClock(1000);
    const { calls, log } = callLog(clock);
    clock.schedule(log('a'), 10);
    clock.adjust(3_600_000);
    expect(clock.now()).to.equal(3_601_000);
    clock.advance(10);
    clock.adjust(-3_600_010);
    clock.schedule(log('b'), 1);
    clock.advance(1);
    expect(calls).to.deep.equal(['a@3601010', 'b@1001']);
  });

  it('fires one timer a step, up to a given frame', () => {
    const clock = virtualClock(7);
    const { calls, log } = callLog(clock);
    clock.schedule(log('a'), 2);
    clock.schedule(log('b'), 2);
    expect([clock.step(1), clock.now()]).to.deep.equal([false, 7]);
    expect([clock.step(), calls.length, clock.now()]).to.deep.equal([true, 1, 9]);
    expect([clock.step(2), calls.length]).to.deep.equal([true, 2]);
    expect(clock.step()).to.equal(false);
  });

  it('fires all timers in a flush, also those that others set', () => {
    const clock = virtualClock(7);
    const { calls, log } = callLog(clock);
    clock.schedule(() => void clock.schedule(log('later'), 5), 2);
    clock.schedule(log('last'), 1000);
    clock.flush();
    expect([calls.length, clock.step(), clock.now()]).to.deep.equal([2, false, 1007]);
  });

  it('counts its timers without the unsubscribed ones', () => {
    const clock = virtualClock();
    const timers = [1, 2, Infinity].map((ms) => clock.schedule(() => undefined, ms));
    expect(clock.timers).to.equal(2);
    timers[0]?.unsubscribe();
    expect(clock.timers).to.equal(1);
    clock.advance(2);
    expect(clock.timers).to.equal(0);
  });

  it('stops a timer that has repeated very often', () => {
    const clock = virtualClock();
    let ticks = 0;
    const ticking = interval(1, clock).subscribe(() => ticks++);
    clock.advance(50_000);
    ticking.unsubscribe();
    expect([ticks, clock.timers]).to.deep.equal([50_000, 0]);
  });

  it('ignores a timer that is unsubscribed and set again by its own callback', () => {
    const clock = virtualClock();
    let fired = 0;
    clock.schedule(function () {
      fired++;
      this.unsubscribe();
      this.schedule(undefined, 1);
    }, 1);
    clock.advance(5);
    expect([fired, clock.timers]).to.deep.equal([1, 0]);
  });

  it('keeps the time of a timer that is set again for never, as RxJS does', () => {
    const clock = virtualClock();
    for (const scheduler of [new VirtualTimeScheduler(), clock]) {
      let fired = 0;
      const timer = scheduler.schedule(() => fired++, 2) as SchedulerAction<unknown>;
      timer.schedule(undefined, Infinity);
      scheduler.flush();
      expect(fired).to.equal(1);
    }
  });

  it('fires those timers that are due now, without those that another one unsubscribes or sets', () => {
    const clock = virtualClock();
    const { calls, log } = callLog(clock);
    const errors: unknown[] = [];
    const boom = new Error('boom');
    clock.schedule(() => {
      log('first')();
      second.unsubscribe();
      clock.schedule(log('new'));
      throw boom;
    });
    const second = clock.schedule(log('second'));
    clock.schedule(log('third'));
    clock.schedule(log('later'), 1);
    clock.fireDue((error) => errors.push(error));
    expect([calls, errors, clock.timers]).to.deep.equal([['first@0', 'third@0'], [boom], 2]);
  });

  it('rejects invalid input', () => {
    const clock = virtualClock();
    for (const advance of [(ms: number) => clock.advance(ms), (ms: number) => clock.advanceSilently(ms)]) {
      expect(() => advance(-1)).to.throw(
        RangeError,
        'Expected `ms` to be a number of ms from 0 and up, got `-1` (number)',
      );
      expect(() => advance(NaN)).to.throw(RangeError);
      expect(() => advance('1' as never)).to.throw(TypeError, 'Expected `ms` to be a number of ms');
      expect(() => advance(Infinity)).to.throw(RangeError, 'Expected `ms` to be finite, got `Infinity` (number)');
    }
    expect(() => clock.adjust(NaN)).to.throw(RangeError, 'Expected `ms` to be finite, got `NaN` (number)');
    expect(clock.now()).to.equal(0);
  });

  describe('with an order', () => {
    /** Runs timers in an order given by choices. Returns the calls and the number of timers at each choice. */
    function inOrder(
      choices: readonly number[],
      plan: (clock: VirtualClock, log: (name: string) => () => void) => void,
    ) {
      const clock = virtualClock();
      const { calls, log } = callLog(clock);
      const due: number[] = [];
      clock.order = (count) => {
        due.push(count);
        return choices[due.length - 1] ?? 0;
      };
      plan(clock, log);
      while (clock.step());
      return { calls, due };
    }

    it('chooses among the timers due at one instant if there are several', () => {
      const plan = (clock: VirtualClock, log: (name: string) => () => void) => {
        for (const name of ['a', 'b', 'c']) clock.schedule(log(name), 1);
        clock.schedule(log('d'), 2);
      };
      expect(inOrder([], plan)).to.deep.equal({ calls: ['a@1', 'b@1', 'c@1', 'd@2'], due: [3, 2] });
      expect(inOrder([2, 1], plan)).to.deep.equal({ calls: ['c@1', 'b@1', 'a@1', 'd@2'], due: [3, 2] });
      expect(inOrder([1, 1], plan)).to.deep.equal({ calls: ['b@1', 'c@1', 'a@1', 'd@2'], due: [3, 2] });
    });

    it('chooses among new timers and late timers, too', () => {
      const { calls, due } = inOrder([1], (clock, log) => {
        clock.schedule(log('a'), 1);
        clock.schedule(() => (log('b')(), clock.schedule(log('c'))), 1);
      });
      expect({ calls, due }).to.deep.equal({ calls: ['b@1', 'a@1', 'c@1'], due: [2, 2] });
      const late = inOrder([1], (clock, log) => {
        clock.schedule(log('a'), 1);
        clock.schedule(log('b'), 5);
        clock.schedule(log('c'), 10);
        clock.advanceSilently(5);
      });
      expect(late).to.deep.equal({ calls: ['b@5', 'a@5', 'c@10'], due: [2] });
    });

    it('settles promises of hooks in the chosen order', async () => {
      const clock = virtualClock();
      const promise = Promise.resolve('kept');
      expect(settleOn(clock, promise)).to.equal(promise);
      expect(settleOn(asyncScheduler, promise)).to.equal(promise);
      clock.order = () => 1;
      const results: unknown[] = [];
      const boom = new Error('boom');
      settleOn(clock, promise).then((value) => results.push(value));
      settleOn(clock, Promise.reject(boom)).then(undefined, (error: unknown) => results.push(error));
      await settled();
      expect([results, clock.timers]).to.deep.equal([[], 2]);
      clock.step();
      await settled();
      expect(results).to.deep.equal([boom]);
      clock.step();
      await settled();
      expect(results).to.deep.equal([boom, 'kept']);
    });

    it('settles the promise and the async iterator of a task in the chosen order', async () => {
      const clock = virtualClock();
      clock.order = () => 0;
      const [ctx] = withCancel(undefined, { scheduler: clock });
      const { promise, resolve } = deferred<string>();
      const results: unknown[] = [];
      taskRunner(task('x', () => promise))
        .start(ctx)
        .subscribe((value) => results.push(value));
      taskRunner(
        task('y', async function* () {
          yield 'first';
          yield 'second';
        }),
      )
        .start(ctx)
        .subscribe((value) => results.push(value));
      taskRunner(task('z', () => of('at once')))
        .start(ctx)
        .subscribe((value) => results.push(value));
      resolve('promised');
      await settled();
      expect([results, clock.timers]).to.deep.equal([['at once'], 2]);
      for (let turns = 0; clock.step(); turns++) await settled();
      expect(results).to.have.members(['at once', 'promised', 'first', 'second']);
    });
  });

  it('does not affect futures and streams that need no time', async () => {
    const clock = virtualClock();
    const [ctx] = withCancel(undefined, { scheduler: clock });
    expect(await future(async () => 1, ctx)).to.equal(1);
    expect(await future(() => EMPTY, ctx)).to.equal(undefined);
    expect(clock.timers).to.equal(0);
  });
});

import { expect } from 'chai';
import { asyncScheduler, EMPTY, interval, of, timer } from 'rxjs';
import { cron, future, task, taskRunner, withCancel, withTimeout } from '../../lib/index.js';
import { settleOn } from '../../lib/util/settle-on.js';
import { virtualClock, type VirtualClock } from '../../lib/testing/index.js';
import { deferred, settled } from '../helpers/tasks.js';

/** What happens on a clock, as `name@ms since 1970`. */
function diary(clock: VirtualClock): { told: string[]; note: (name: string) => () => void } {
  const told: string[] = [];
  return { told, note: (name) => () => told.push(`${name}@${clock.now()}`) };
}

describe('at', () => {
  it('shows the epoch that it was given, 1970 unless said', () => {
    expect(virtualClock().now()).to.equal(0);
    expect(virtualClock(5).now()).to.equal(5);
    expect(virtualClock(-5).now()).to.equal(-5);
    expect(virtualClock('2026-03-29T00:59:00Z').now()).to.equal(Date.UTC(2026, 2, 29, 0, 59));
    expect(virtualClock(new Date(1234)).now()).to.equal(1234);
  });

  it('refuses what is no time', () => {
    for (const wrong of ['never', NaN, 1e99, new Date(NaN)])
      expect(() => virtualClock(wrong)).to.throw(
        RangeError,
        'Expected `at` to be a time, as `new Date()` takes them, got',
      );
  });

  it('is the clock of a context, and of all below it', () => {
    const clock = virtualClock(1000);
    const [ctx] = withCancel(undefined, { scheduler: clock });
    const [child] = withTimeout(50, ctx);
    clock.advance(49);
    expect(child.cancelled).to.equal(false);
    clock.advance(1);
    expect(child.cancelled).to.equal(true);
  });

  it('has DST nights as they are in production', () => {
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
    it('lets what is due happen at its time, in order, and no more', () => {
      const clock = virtualClock(100);
      const { told, note } = diary(clock);
      for (const [name, ms] of [
        ['c', 5],
        ['a', 1],
        ['b', 1],
        ['d', 6],
      ] as const)
        clock.schedule(note(name), ms);
      clock.advance(0);
      expect(told).to.deep.equal([]);
      clock.advance(5);
      expect(told).to.deep.equal(['a@101', 'b@101', 'c@105']);
      expect([clock.now(), clock.timers]).to.deep.equal([105, 1]);
      clock.advance(100);
      expect(told.at(-1)).to.equal('d@106');
      expect(clock.now()).to.equal(205);
    });

    it('lets what is due at once happen without time', () => {
      const clock = virtualClock();
      const { told, note } = diary(clock);
      clock.schedule(() => clock.schedule(note('a')));
      clock.advance(0);
      expect(told).to.deep.equal(['a@0']);
    });

    it('goes on from within what happens', () => {
      const clock = virtualClock();
      const { told, note } = diary(clock);
      clock.schedule(() => {
        clock.advance(10);
        note('advanced')();
      }, 1);
      clock.schedule(note('b'), 5);
      clock.advance(2);
      expect(told).to.deep.equal(['b@5', 'advanced@11']);
      expect(clock.now()).to.equal(11);
    });

    it('throws what is thrown meanwhile, at its time, and can go on', () => {
      const clock = virtualClock();
      const { told, note } = diary(clock);
      clock.schedule(() => {
        throw new Error('boom');
      }, 2);
      clock.schedule(note('a'), 3);
      expect(() => clock.advance(5)).to.throw('boom');
      expect(clock.now()).to.equal(2);
      clock.advance(3);
      expect(told).to.deep.equal(['a@3']);
    });

    it('drives what RxJS has', () => {
      const clock = virtualClock(10);
      const { told, note } = diary(clock);
      const ticking = interval(10, clock).subscribe(note('tick'));
      timer(new Date(25), clock).subscribe(note('date'));
      clock.advance(30);
      ticking.unsubscribe();
      expect(told).to.deep.equal(['tick@20', 'date@25', 'tick@30', 'tick@40']);
      expect(clock.timers).to.equal(0);
    });
  });

  it('makes late what was due while it was blocked, and nothing of it is lost', () => {
    const clock = virtualClock();
    const { told, note } = diary(clock);
    clock.schedule(note('a'), 2);
    clock.schedule(note('b'), 4);
    clock.schedule(note('c'), 20);
    clock.advanceSilently(10);
    expect([told, clock.now()]).to.deep.equal([[], 10]);
    clock.advance(0);
    expect(told).to.deep.equal(['a@10', 'b@10']);
    clock.advance(10);
    expect(told.at(-1)).to.equal('c@20');
  });

  it('shows another time when it is set, and its timers do not care', () => {
    const clock = virtualClock(1000);
    const { told, note } = diary(clock);
    clock.schedule(note('a'), 10);
    clock.adjust(3_600_000);
    expect(clock.now()).to.equal(3_601_000);
    clock.advance(10);
    clock.adjust(-3_600_010);
    clock.schedule(note('b'), 1);
    clock.advance(1);
    expect(told).to.deep.equal(['a@3601010', 'b@1001']);
  });

  it('takes one step at a time, up to a frame if there is one', () => {
    const clock = virtualClock(7);
    const { told, note } = diary(clock);
    clock.schedule(note('a'), 2);
    clock.schedule(note('b'), 2);
    expect([clock.step(1), clock.now()]).to.deep.equal([false, 7]);
    expect([clock.step(), told.length, clock.now()]).to.deep.equal([true, 1, 9]);
    expect([clock.step(2), told.length]).to.deep.equal([true, 2]);
    expect(clock.step()).to.equal(false);
  });

  it('counts its timers, without those that were left', () => {
    const clock = virtualClock();
    const timers = [1, 2, Infinity].map((ms) => clock.schedule(() => undefined, ms));
    expect(clock.timers).to.equal(2);
    timers[0]?.unsubscribe();
    expect(clock.timers).to.equal(1);
    clock.advance(2);
    expect(clock.timers).to.equal(0);
  });

  it('refuses bad input', () => {
    const clock = virtualClock();
    for (const pass of [(ms: number) => clock.advance(ms), (ms: number) => clock.advanceSilently(ms)]) {
      expect(() => pass(-1)).to.throw(
        RangeError,
        'Expected `ms` to be a number of ms from 0 and up, got `-1` (number)',
      );
      expect(() => pass(NaN)).to.throw(RangeError);
      expect(() => pass('1' as never)).to.throw(TypeError, 'Expected `ms` to be a number of ms');
      expect(() => pass(Infinity)).to.throw(RangeError, 'Expected `ms` to be finite, got `Infinity` (number)');
    }
    expect(() => clock.adjust(NaN)).to.throw(RangeError, 'Expected `byMs` to be finite, got `NaN` (number)');
    expect(clock.now()).to.equal(0);
  });

  describe('with an order', () => {
    /** What happens when of so many things one is chosen, and how many there were to choose from. */
    function inOrder(
      choices: readonly number[],
      plan: (clock: VirtualClock, note: (name: string) => () => void) => void,
    ) {
      const clock = virtualClock();
      const { told, note } = diary(clock);
      const asked: number[] = [];
      clock.order = (due) => {
        asked.push(due);
        return choices[asked.length - 1] ?? 0;
      };
      plan(clock, note);
      while (clock.step());
      return { told, asked };
    }

    it('chooses among what is due at one instant, and asks only when there is a choice', () => {
      const plan = (clock: VirtualClock, note: (name: string) => () => void) => {
        for (const name of ['a', 'b', 'c']) clock.schedule(note(name), 1);
        clock.schedule(note('d'), 2);
      };
      expect(inOrder([], plan)).to.deep.equal({ told: ['a@1', 'b@1', 'c@1', 'd@2'], asked: [3, 2] });
      expect(inOrder([2, 1], plan)).to.deep.equal({ told: ['c@1', 'b@1', 'a@1', 'd@2'], asked: [3, 2] });
      expect(inOrder([1, 1], plan)).to.deep.equal({ told: ['b@1', 'c@1', 'a@1', 'd@2'], asked: [3, 2] });
    });

    it('has among them what became due meanwhile, and what is late', () => {
      const { told, asked } = inOrder([1], (clock, note) => {
        clock.schedule(note('a'), 1);
        clock.schedule(() => (note('b')(), clock.schedule(note('c'))), 1);
      });
      expect({ told, asked }).to.deep.equal({ told: ['b@1', 'a@1', 'c@1'], asked: [2, 2] });
      const late = inOrder([1], (clock, note) => {
        clock.schedule(note('a'), 1);
        clock.schedule(note('b'), 5);
        clock.schedule(note('c'), 10);
        clock.advanceSilently(5);
      });
      expect(late).to.deep.equal({ told: ['b@5', 'a@5', 'c@10'], asked: [2] });
    });

    it('lets promises of hooks settle in their turn', async () => {
      const clock = virtualClock();
      const promise = Promise.resolve('kept');
      expect(settleOn(clock, promise)).to.equal(promise);
      expect(settleOn(asyncScheduler, promise)).to.equal(promise);
      clock.order = () => 1;
      const told: unknown[] = [];
      const boom = new Error('boom');
      settleOn(clock, promise).then((value) => told.push(value));
      settleOn(clock, Promise.reject(boom)).then(undefined, (error: unknown) => told.push(error));
      await settled();
      expect([told, clock.timers]).to.deep.equal([[], 2]);
      clock.step();
      await settled();
      expect(told).to.deep.equal([boom]);
      clock.step();
      await settled();
      expect(told).to.deep.equal([boom, 'kept']);
    });

    it('gives a task’s promise and its async iterator their turn', async () => {
      const clock = virtualClock();
      clock.order = () => 0;
      const [ctx] = withCancel(undefined, { scheduler: clock });
      const { promise, resolve } = deferred<string>();
      const told: unknown[] = [];
      taskRunner(task('x', () => promise))
        .start(ctx)
        .subscribe((value) => told.push(value));
      taskRunner(
        task('y', async function* () {
          yield 'first';
          yield 'second';
        }),
      )
        .start(ctx)
        .subscribe((value) => told.push(value));
      taskRunner(task('z', () => of('at once')))
        .start(ctx)
        .subscribe((value) => told.push(value));
      resolve('promised');
      await settled();
      expect([told, clock.timers]).to.deep.equal([['at once'], 2]);
      for (let turns = 0; clock.step(); turns++) await settled();
      expect(told).to.have.members(['at once', 'promised', 'first', 'second']);
    });
  });

  it('leaves futures and streams that need no time to themselves', async () => {
    const clock = virtualClock();
    const [ctx] = withCancel(undefined, { scheduler: clock });
    expect(await future(async () => 1, ctx)).to.equal(1);
    expect(await future(() => EMPTY, ctx)).to.equal(undefined);
    expect(clock.timers).to.equal(0);
  });
});

import { expect } from 'chai';
import { EventEmitter } from 'node:events';
import nodeTimers, { setInterval as setNodeInterval, setTimeout as setNodeTimeout } from 'node:timers';
import promises, { setInterval as ticks, setTimeout as delay, scheduler } from 'node:timers/promises';
import { promisify } from 'node:util';
import { interval, timer } from 'rxjs';
import { virtualClock, scenario, type VirtualClock } from '../../lib/testing/index.js';
import { virtualGlobals } from '../../lib/testing/virtual-globals.js';
import { settled } from '../helpers/tasks.js';

/** Runs a test with virtual globals. Returns what the test has collected. */
async function virtually(test: (clock: VirtualClock, collected: unknown[]) => unknown, epoch = 0): Promise<unknown[]> {
  const clock = virtualClock(epoch);
  const collected: unknown[] = [];
  const restore = virtualGlobals(clock);
  try {
    await test(clock, collected);
  } finally {
    restore();
  }
  return collected;
}

/** Advances a clock and lets promises settle after each timer. */
async function advance(clock: VirtualClock, ms: number): Promise<void> {
  const until = clock.frame + ms;
  await settled();
  while (clock.step(until)) await settled();
  clock.advance(until - clock.frame);
}

/** Returns the current values of all globals that are replaced. */
function globalsNow(): unknown[] {
  return [
    globalThis.setTimeout,
    globalThis.clearTimeout,
    globalThis.setInterval,
    globalThis.clearInterval,
    globalThis.Date,
    nodeTimers.setTimeout,
    nodeTimers.clearTimeout,
    nodeTimers.setInterval,
    nodeTimers.clearInterval,
    setNodeTimeout,
    setNodeInterval,
    promises.setTimeout,
    promises.setInterval,
    delay,
    ticks,
    Object.getOwnPropertyDescriptor(scheduler, 'wait'),
    Object.getOwnPropertyDescriptor(performance, 'now'),
    Object.keys(globalThis).sort().join(),
  ];
}

describe('virtualGlobals', () => {
  describe('setTimeout and setInterval', () => {
    it('use the clock, and pass on their arguments', async () => {
      const collected = await virtually((clock, collected) => {
        setTimeout((...args: unknown[]) => collected.push([clock.now(), ...args]), 5, 'a', 'b');
        const ticking = setInterval((name: string) => collected.push([clock.now(), name]), 3, 'tick');
        setTimeout(() => clearInterval(ticking), 7);
        clock.advance(20);
      });
      expect(collected).to.deep.equal([
        [3, 'tick'],
        [5, 'a', 'b'],
        [6, 'tick'],
      ]);
    });

    it('are virtual in node:timers, too, for every kind of import', async () => {
      const collected = await virtually((clock, collected) => {
        setNodeTimeout(() => collected.push('imported'), 1);
        nodeTimers.setTimeout(() => collected.push('default'), 2);
        const ticking = setNodeInterval(() => collected.push('tick'), 3);
        clock.advance(3);
        nodeTimers.clearInterval(ticking);
        nodeTimers.clearTimeout(nodeTimers.setTimeout(() => collected.push('never'), 1));
        expect(clock.timers).to.equal(0);
      });
      expect(collected).to.deep.equal(['imported', 'default', 'tick']);
    });

    it('take no time for 0 or no delay, and 1 ms where Node does', async () => {
      const collected = await virtually((clock, collected) => {
        for (const ms of [0, undefined, -1, NaN, 2 ** 31])
          setTimeout(() => collected.push([String(ms), clock.now()]), ms);
        clock.advance(5);
      });
      expect(collected).to.deep.equal([
        ['0', 0],
        ['undefined', 0],
        ['-1', 1],
        ['NaN', 1],
        ['2147483648', 1],
      ]);
      const maxDelay = await virtually((clock, collected) => {
        setTimeout(() => collected.push(clock.now()), 2 ** 31 - 1);
        clock.advance(2 ** 31);
      });
      expect(maxDelay).to.deep.equal([2 ** 31 - 1]);
    });

    it('take whole ms, as in Node', async () => {
      const collected = await virtually((clock, collected) => {
        for (const ms of [2.9, 2.1, 0.5, 2 ** 31 - 0.5]) setTimeout(() => collected.push([ms, clock.now()]), ms);
        clock.advance(5);
      });
      expect(collected).to.deep.equal([
        [0.5, 1],
        [2 ** 31 - 0.5, 1],
        [2.9, 2],
        [2.1, 2],
      ]);
    });

    it('convert a text to a number, as Node does', async () => {
      const collected = await virtually((clock, collected) => {
        setTimeout(() => collected.push(clock.now()), '5' as never);
        clock.advance(10);
      });
      expect(collected).to.deep.equal([5]);
    });

    it('take 1 ms for each repetition of an interval of 0', async () => {
      const collected = await virtually((clock, collected) => {
        const ticking = setInterval(() => collected.push(clock.now()), 0);
        clock.advance(3);
        clearInterval(ticking);
      });
      expect(collected).to.deep.equal([0, 1, 2, 3]);
    });

    it('reject a callback that is no function, as Node does', async () => {
      await virtually(() => {
        for (const start of [setTimeout, setInterval] as ((callback: unknown) => unknown)[])
          for (const wrong of [undefined, 'code'])
            expect(() => start(wrong)).to.throw(TypeError, 'Expected `callback`');
      });
    });

    it('return a timer with refresh, ref, unref, hasRef, close and a disposal, as in Node', async () => {
      const collected = await virtually((clock, collected) => {
        const timeout = setTimeout(() => collected.push(['timeout', clock.now()]), 5);
        expect([timeout.hasRef(), timeout.unref().hasRef(), timeout.ref().hasRef()]).to.deep.equal([true, false, true]);
        expect([timeout.unref(), timeout.ref()]).to.deep.equal([timeout, timeout]);
        clock.advance(4);
        expect(timeout.refresh()).to.equal(timeout);
        clock.advance(4);
        expect(collected).to.deep.equal([]);
        clock.advance(1);
        timeout.refresh();
        clock.advance(5);
        const closed = setTimeout(() => collected.push('closed'), 1);
        expect((closed as unknown as { close(): unknown }).close()).to.equal(closed);
        setTimeout(() => collected.push('disposed'), 1)[Symbol.dispose]();
        expect(clock.timers).to.equal(0);
      });
      expect(collected).to.deep.equal([
        ['timeout', 9],
        ['timeout', 14],
      ]);
    });

    it('can be cleared by a timer', async () => {
      const collected = await virtually((clock, collected) => {
        const ticking = setInterval(() => {
          collected.push(clock.now());
          clearInterval(ticking);
        }, 2);
        const other = setTimeout(() => collected.push('never'), 3);
        setTimeout(() => clearTimeout(other), 3 - 1);
        clock.advance(10);
      });
      expect(collected).to.deep.equal([2]);
    });

    it('continue an interval after its callback throws', async () => {
      await virtually((clock, collected) => {
        const ticking = setInterval(() => {
          collected.push(clock.now());
          throw new Error('boom');
        }, 2);
        expect(() => clock.advance(10)).to.throw('boom');
        expect(() => clock.advance(10)).to.throw('boom');
        clearInterval(ticking);
        expect(collected).to.deep.equal([2, 4]);
      });
    });

    it('repeat an interval after the timers that its callback sets, as Node does', async () => {
      const collected = await virtually((clock, collected) => {
        setInterval(() => {
          collected.push(['tick', clock.now()]);
          setTimeout(() => collected.push(['timeout', clock.now()]), 5);
        }, 5);
        clock.advance(10);
      });
      expect(collected).to.deep.equal([
        ['tick', 5],
        ['timeout', 10],
        ['tick', 10],
      ]);
    });

    it('call their callback with the timer as `this`', async () => {
      const collected = await virtually((clock, collected) => {
        const ticking: unknown = setInterval(function (this: NodeJS.Timeout) {
          collected.push(this === ticking);
          if (collected.length === 2) clearInterval(this);
        }, 1);
        setTimeout(function (this: NodeJS.Timeout) {
          if (clock.now() < 3) this.refresh();
          else collected.push(clock.now());
        }, 2);
        clock.advance(10);
        expect(clock.timers).to.equal(0);
      });
      expect(collected).to.deep.equal([true, true, 4]);
    });

    it('do not start again by a refresh after they were cleared', async () => {
      const collected = await virtually((clock, collected) => {
        const timers = [setTimeout, setInterval].map((start) => start(() => collected.push('fired'), 1));
        const [timeout, ticking] = timers;
        clearTimeout(timeout);
        clearInterval(ticking);
        for (const timer of timers) expect(timer.refresh()).to.equal(timer);
        expect(clock.timers).to.equal(0);
        clock.advance(5);
      });
      expect(collected).to.deep.equal([]);
    });

    it('clear a real timer, and ignore a missing one', async () => {
      let called = false;
      const before = setTimeout(() => (called = true), 1);
      await virtually((clock) => {
        clearTimeout(before);
        clearTimeout(undefined);
        clearInterval(undefined);
        clock.advance(5);
      });
      await delay(5);
      expect(called).to.equal(false);
    });

    it('work with promisify', async () => {
      const collected = await virtually(async (clock, collected) => {
        void promisify(setTimeout)(5, 'value').then((value) => collected.push([clock.now(), value]));
        await advance(clock, 10);
      });
      expect(collected).to.deep.equal([[5, 'value']]);
    });
  });

  describe('node:timers/promises', () => {
    it('uses the clock and resolves to its value', async () => {
      const collected = await virtually(async (clock, collected) => {
        void delay(5, 'imported').then((value) => collected.push([clock.now(), value]));
        void promises.setTimeout(7, 'default').then((value) => collected.push([clock.now(), value]));
        void scheduler.wait(9).then((value) => collected.push([clock.now(), value]));
        void delay().then((value) => collected.push([clock.now(), value]));
        await advance(clock, 20);
      });
      expect(collected).to.deep.equal([
        [0, undefined],
        [5, 'imported'],
        [7, 'default'],
        [9, undefined],
      ]);
    });

    it('is rejected as in Node when it is aborted, before or later, and leaves no timer', async () => {
      const reason = new Error('why');
      const collected = await virtually(async (clock, collected) => {
        const abort = new AbortController();
        const fail = (error: unknown) => collected.push(error);
        const { signal } = abort;
        delay(5, undefined, { signal }).catch(fail);
        scheduler.wait(5, { signal }).catch(fail);
        abort.abort(reason);
        await settled();
        expect(clock.timers).to.equal(0);
        delay(5, undefined, { signal }).catch(fail);
        await advance(clock, 10);
      });
      expect(collected).to.have.length(3);
      for (const error of collected)
        expect(error).to.be.instanceOf(Error).and.include({
          name: 'AbortError',
          code: 'ABORT_ERR',
          message: 'The operation was aborted',
          cause: reason,
        });
    });

    it('removes its abort listener when it ends', async () => {
      const signal = new EventEmitter() as EventEmitter & { aborted: boolean };
      const names: string[] = [];
      Object.assign(signal, {
        aborted: false,
        addEventListener: (name: string) => names.push(`+${name}`),
        removeEventListener: (name: string) => names.push(`-${name}`),
      });
      await virtually(async (clock) => {
        void delay(5, undefined, { signal: signal as never });
        await advance(clock, 5);
      });
      expect(names).to.deep.equal(['+abort', '-abort']);
    });

    it('ticks without drift, even if ticks take long', async () => {
      const collected = await virtually(async (clock, collected) => {
        void (async () => {
          for await (const value of ticks(10, 'tick')) {
            collected.push([clock.now(), value]);
            if (collected.length === 2) await delay(4);
            if (collected.length === 3) await delay(25);
            if (collected.length === 6) break;
          }
          collected.push('ended');
        })();
        await advance(clock, 200);
        expect(clock.timers).to.equal(0);
      });
      expect(collected).to.deep.equal([
        [10, 'tick'],
        [20, 'tick'],
        [30, 'tick'],
        [55, 'tick'],
        [55, 'tick'],
        [60, 'tick'],
        'ended',
      ]);
    });

    it('ticks every ms for an interval that Node does not accept, too', async () => {
      for (const ms of [0, -1, NaN, 2 ** 31]) {
        const collected = await virtually(async (clock, collected) => {
          void (async () => {
            for await (const zero of ticks(ms, 0)) if (collected.push(clock.now() + zero) === 3) return;
          })();
          await advance(clock, 5);
        });
        expect(collected, String(ms)).to.deep.equal([1, 2, 3]);
      }
    });

    it('stops ticking when it is aborted', async () => {
      const collected = await virtually(async (clock, collected) => {
        const abort = new AbortController();
        void (async () => {
          try {
            for await (const zero of ticks(10, 0, { signal: abort.signal })) collected.push(clock.now() + zero);
          } catch (error) {
            collected.push((error as Error).name);
          }
        })();
        await advance(clock, 25);
        abort.abort();
        await advance(clock, 25);
      });
      expect(collected).to.deep.equal([10, 20, 'AbortError']);
    });
  });

  describe('Date', () => {
    it('shows the time of the clock', async () => {
      await virtually((clock) => {
        expect(Date.now()).to.equal(1000);
        expect(new Date().getTime()).to.equal(1000);
        clock.advance(500);
        expect(Date.now()).to.equal(1500);
        expect(Date()).to.equal(new Date(1500).toString());
        clock.adjust(-1500);
        expect(Date.now()).to.equal(0);
      }, 1000);
    });

    it('shows whole ms, also before 1970', async () => {
      for (const [epoch, shown] of [
        [1000, 1002],
        [-1000, -998],
      ] as const)
        await virtually((clock) => {
          clock.advance(2.5);
          expect([Date.now(), new Date().getTime(), BigInt(Date.now())]).to.deep.equal([shown, shown, BigInt(shown)]);
        }, epoch);
    });

    it('is otherwise unchanged', async () => {
      const before = new Date(5);
      await virtually(() => {
        expect(new Date(7).getTime()).to.equal(7);
        expect(new Date(2026, 2, 29)).to.deep.equal(new Date(2026, 2, 29));
        expect(Date.UTC(1970, 0, 1, 0, 0, 1)).to.equal(1000);
        expect(Date.parse('1970-01-01T00:00:01Z')).to.equal(1000);
        expect(before).to.be.instanceOf(Date);
        expect(new Date()).to.be.instanceOf(Date);
        expect(new Date().constructor).to.equal(before.constructor);
        class Later extends Date {
          later(): number {
            return this.getTime() + 1;
          }
        }
        expect([new Later().later(), new Later()]).to.have.property('0', 1);
        expect(new Later()).to.be.instanceOf(Later);
      });
    });
  });

  it('makes performance.now return the time that has passed, even if the clock is adjusted', async () => {
    await virtually((clock) => {
      expect(performance.now()).to.equal(0);
      clock.advance(5);
      clock.adjust(1000);
      expect(performance.now()).to.equal(5);
      clock.adjust(-9000);
      clock.advance(1);
      expect(performance.now()).to.equal(6);
    }, 1e12);
  });

  it('makes Math.random return the same numbers each time', async () => {
    const random = () => virtually((_, collected) => collected.push(Math.random(), Math.random()));
    const [first, second] = [await random(), await random()];
    expect(first).to.deep.equal(second);
    expect(new Set(first).size).to.equal(2);
  });

  it('makes intervals use the time that passes, even if the clock is adjusted', async () => {
    const collected = await virtually(async (clock, collected) => {
      void (async () => {
        for await (const zero of ticks(10, 0)) collected.push(clock.frame + zero);
      })();
      for (const adjustment of [3_600_000, -7_200_000, 0, 0]) {
        clock.adjust(adjustment);
        await advance(clock, 10);
      }
    });
    expect(collected).to.deep.equal([10, 20, 30, 40]);
  });

  it('makes the schedulers of RxJS use the clock', async () => {
    const collected = await virtually((clock, collected) => {
      timer(5).subscribe(() => collected.push(['timer', clock.now()]));
      const ticking = interval(4).subscribe(() => collected.push(['tick', clock.now()]));
      timer(new Date(9)).subscribe(() => collected.push(['date', clock.now()]));
      clock.advance(9);
      ticking.unsubscribe();
      expect(clock.timers).to.equal(0);
    });
    expect(collected).to.deep.equal([
      ['tick', 4],
      ['timer', 5],
      ['tick', 8],
      ['date', 9],
    ]);
  });

  it('restores all globals', async () => {
    const before = globalsNow();
    await virtually(() => {
      expect(globalsNow()).to.not.deep.equal(before);
    });
    expect(globalsNow()).to.deep.equal(before);
    const real = performance.now();
    await delay(2);
    expect(performance.now()).to.be.above(real);
  });

  it('replaces properties by such that can be listed and replaced in turn, as the real ones', async () => {
    const names = Object.keys(nodeTimers);
    const fake = (() => undefined) as unknown as typeof setTimeout;
    await virtually(() => {
      expect(Object.keys(nodeTimers)).to.have.members(names);
      globalThis.setTimeout = fake;
      expect(globalThis.setTimeout).to.equal(fake);
    });
    expect(globalThis.setTimeout).to.not.equal(fake);
  });

  it('restores globals that another library had replaced', async () => {
    const { setTimeout: real } = globalThis;
    const fake = Object.assign(() => undefined, { fake: true }) as unknown as typeof setTimeout;
    globalThis.setTimeout = fake;
    try {
      await virtually(() => expect(globalThis.setTimeout).to.not.equal(fake));
      expect(globalThis.setTimeout).to.equal(fake);
    } finally {
      globalThis.setTimeout = real;
    }
  });

  it('is undone by a scenario that fails in any way', async () => {
    const boom = new Error('boom');
    const thrower = () => {
      throw boom;
    };
    const before = globalsNow();
    const definitions = {
      run: { run: thrower },
      during: { run: () => [], during: thrower },
      'during, later': { run: () => [], during: () => Promise.reject(boom) },
      check: { run: () => [], check: thrower },
      'check, later': { run: () => [], check: () => Promise.reject(boom) },
    };
    for (const [name, definition] of Object.entries(definitions)) {
      const error: unknown = await scenario(definition).then(
        () => expect.fail(`${name} does not throw`),
        (reason: unknown) => reason,
      );
      expect(error, name).to.equal(boom);
      expect(globalsNow(), name).to.deep.equal(before);
    }
    for (const definition of [
      { run: () => [5] },
      { run: () => 5 },
      { run: () => [], timeout: -1 },
      { run: () => [], signals: 'X' },
      { run: () => [], expect: 'a  €' },
      { run: () => [], at: 'never' },
      { run: () => [], expect: 'a  b' },
    ]) {
      const failed = await scenario(definition as never).then(
        () => false,
        () => true,
      );
      expect(failed, JSON.stringify(definition)).to.equal(true);
      expect(globalsNow(), JSON.stringify(definition)).to.deep.equal(before);
    }
    // A later scenario can run.
    expect((await scenario({ run: () => [] })).exitCode).to.equal(0);
  });
});

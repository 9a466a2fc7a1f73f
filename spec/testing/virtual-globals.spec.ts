import { expect } from 'chai';
import { EventEmitter } from 'node:events';
import nodeTimers, { setInterval as setNodeInterval, setTimeout as setNodeTimeout } from 'node:timers';
import promises, { setInterval as ticks, setTimeout as delay, scheduler } from 'node:timers/promises';
import { promisify } from 'node:util';
import { interval, timer } from 'rxjs';
import { virtualClock, scenario, type VirtualClock } from '../../lib/testing/index.js';
import { virtualGlobals } from '../../lib/testing/virtual-globals.js';
import { settled } from '../helpers/tasks.js';

/** Runs something while a clock has the place of the real one. */
async function virtually(work: (clock: VirtualClock, told: unknown[]) => unknown, epoch = 0): Promise<unknown[]> {
  const clock = virtualClock(epoch);
  const told: unknown[] = [];
  const restore = virtualGlobals(clock);
  try {
    await work(clock, told);
  } finally {
    restore();
  }
  return told;
}

/** Time passes, and promises settle meanwhile. */
async function pass(clock: VirtualClock, ms: number): Promise<void> {
  const until = clock.frame + ms;
  await settled();
  while (clock.step(until)) await settled();
  clock.advance(until - clock.frame);
}

/** All that is replaced, as it is now. */
function tellers(): unknown[] {
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
    it('go by the clock, with what they hand on', async () => {
      const told = await virtually((clock, told) => {
        setTimeout((...args: unknown[]) => told.push([clock.now(), ...args]), 5, 'a', 'b');
        const ticking = setInterval((name: string) => told.push([clock.now(), name]), 3, 'tick');
        setTimeout(() => clearInterval(ticking), 7);
        clock.advance(20);
      });
      expect(told).to.deep.equal([
        [3, 'tick'],
        [5, 'a', 'b'],
        [6, 'tick'],
      ]);
    });

    it('are those of node:timers, however they were imported', async () => {
      const told = await virtually((clock, told) => {
        setNodeTimeout(() => told.push('imported'), 1);
        nodeTimers.setTimeout(() => told.push('default'), 2);
        const ticking = setNodeInterval(() => told.push('tick'), 3);
        clock.advance(3);
        nodeTimers.clearInterval(ticking);
        nodeTimers.clearTimeout(nodeTimers.setTimeout(() => told.push('never'), 1));
        expect(clock.timers).to.equal(0);
      });
      expect(told).to.deep.equal(['imported', 'default', 'tick']);
    });

    it('take no time for 0, or for none; 1 ms for what Node takes 1 ms for', async () => {
      const told = await virtually((clock, told) => {
        for (const ms of [0, undefined, -1, NaN, 2 ** 31]) setTimeout(() => told.push([String(ms), clock.now()]), ms);
        clock.advance(5);
      });
      expect(told).to.deep.equal([
        ['0', 0],
        ['undefined', 0],
        ['-1', 1],
        ['NaN', 1],
        ['2147483648', 1],
      ]);
      const longest = await virtually((clock, told) => {
        setTimeout(() => told.push(clock.now()), 2 ** 31 - 1);
        clock.advance(2 ** 31);
      });
      expect(longest).to.deep.equal([2 ** 31 - 1]);
    });

    it('take what is text for the number it is, as Node does', async () => {
      const told = await virtually((clock, told) => {
        setTimeout(() => told.push(clock.now()), '5' as never);
        clock.advance(10);
      });
      expect(told).to.deep.equal([5]);
    });

    it('let time pass in an interval of 0', async () => {
      const told = await virtually((clock, told) => {
        const ticking = setInterval(() => told.push(clock.now()), 0);
        clock.advance(3);
        clearInterval(ticking);
      });
      expect(told).to.deep.equal([0, 1, 2, 3]);
    });

    it('refuse what is no function, as Node does', async () => {
      await virtually(() => {
        for (const set of [setTimeout, setInterval] as ((then: unknown) => unknown)[])
          for (const wrong of [undefined, 'code']) expect(() => set(wrong)).to.throw(TypeError, 'Expected `callback`');
      });
    });

    it('give what Node gives: refresh, ref, unref, hasRef, close and a disposal', async () => {
      const told = await virtually((clock, told) => {
        const one = setTimeout(() => told.push(['one', clock.now()]), 5);
        expect(one.hasRef()).to.equal(true);
        expect([one.unref(), one.ref()]).to.deep.equal([one, one]);
        clock.advance(4);
        expect(one.refresh()).to.equal(one);
        clock.advance(4);
        expect(told).to.deep.equal([]);
        clock.advance(1);
        one.refresh();
        clock.advance(5);
        const closed = setTimeout(() => told.push('closed'), 1);
        expect((closed as unknown as { close(): unknown }).close()).to.equal(closed);
        setTimeout(() => told.push('disposed'), 1)[Symbol.dispose]();
        expect(clock.timers).to.equal(0);
      });
      expect(told).to.deep.equal([
        ['one', 9],
        ['one', 14],
      ]);
    });

    it('are called off from within', async () => {
      const told = await virtually((clock, told) => {
        const ticking = setInterval(() => {
          told.push(clock.now());
          clearInterval(ticking);
        }, 2);
        const other = setTimeout(() => told.push('never'), 3);
        setTimeout(() => clearTimeout(other), 3 - 1);
        clock.advance(10);
      });
      expect(told).to.deep.equal([2]);
    });

    it('go on ticking when a tick throws', async () => {
      await virtually((clock, told) => {
        const ticking = setInterval(() => {
          told.push(clock.now());
          throw new Error('boom');
        }, 2);
        expect(() => clock.advance(10)).to.throw('boom');
        expect(() => clock.advance(10)).to.throw('boom');
        clearInterval(ticking);
        expect(told).to.deep.equal([2, 4]);
      });
    });

    it('clear a timer that was set before, and take what is none', async () => {
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

    it('are promises with promisify', async () => {
      const told = await virtually(async (clock, told) => {
        void promisify(setTimeout)(5, 'value').then((value) => told.push([clock.now(), value]));
        await pass(clock, 10);
      });
      expect(told).to.deep.equal([[5, 'value']]);
    });
  });

  describe('node:timers/promises', () => {
    it('goes by the clock, with its value', async () => {
      const told = await virtually(async (clock, told) => {
        void delay(5, 'imported').then((value) => told.push([clock.now(), value]));
        void promises.setTimeout(7, 'default').then((value) => told.push([clock.now(), value]));
        void scheduler.wait(9).then((value) => told.push([clock.now(), value]));
        void delay().then((value) => told.push([clock.now(), value]));
        await pass(clock, 20);
      });
      expect(told).to.deep.equal([
        [0, undefined],
        [5, 'imported'],
        [7, 'default'],
        [9, undefined],
      ]);
    });

    it('rejects as Node does when it is aborted, before and meanwhile, and leaves nothing', async () => {
      const reason = new Error('why');
      const told = await virtually(async (clock, told) => {
        const abort = new AbortController();
        const fail = (error: unknown) => told.push(error);
        const { signal } = abort;
        delay(5, undefined, { signal }).catch(fail);
        scheduler.wait(5, { signal }).catch(fail);
        abort.abort(reason);
        await settled();
        expect(clock.timers).to.equal(0);
        delay(5, undefined, { signal }).catch(fail);
        await pass(clock, 10);
      });
      expect(told).to.have.length(3);
      for (const error of told)
        expect(error).to.be.instanceOf(Error).and.include({ name: 'AbortError', code: 'ABORT_ERR', cause: reason });
    });

    it('lets go of its signal when it is over', async () => {
      const signal = new EventEmitter() as EventEmitter & { aborted: boolean };
      const names: string[] = [];
      Object.assign(signal, {
        aborted: false,
        addEventListener: (name: string) => names.push(`+${name}`),
        removeEventListener: (name: string) => names.push(`-${name}`),
      });
      await virtually(async (clock) => {
        void delay(5, undefined, { signal: signal as never });
        await pass(clock, 5);
      });
      expect(names).to.deep.equal(['+abort', '-abort']);
    });

    it('ticks without drift, however long a tick takes', async () => {
      const told = await virtually(async (clock, told) => {
        void (async () => {
          for await (const value of ticks(10, 'tick')) {
            told.push([clock.now(), value]);
            if (told.length === 2) await delay(4);
            if (told.length === 3) await delay(25);
            if (told.length === 6) break;
          }
          told.push('over');
        })();
        await pass(clock, 200);
        expect(clock.timers).to.equal(0);
      });
      expect(told).to.deep.equal([
        [10, 'tick'],
        [20, 'tick'],
        [30, 'tick'],
        [55, 'tick'],
        [55, 'tick'],
        [60, 'tick'],
        'over',
      ]);
    });

    it('ends its ticks with an abort', async () => {
      const told = await virtually(async (clock, told) => {
        const abort = new AbortController();
        void (async () => {
          try {
            for await (const none of ticks(10, 0, { signal: abort.signal })) told.push(clock.now() + none);
          } catch (error) {
            told.push((error as Error).name);
          }
        })();
        await pass(clock, 25);
        abort.abort();
        await pass(clock, 25);
      });
      expect(told).to.deep.equal([10, 20, 'AbortError']);
    });
  });

  describe('Date', () => {
    it('shows what the clock shows', async () => {
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

    it('is otherwise what it was', async () => {
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

  it('has performance.now tell the time that has passed, whatever the clock is set to', async () => {
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

  it('has ticks go by the time that passes, whatever the clock is set to', async () => {
    const told = await virtually(async (clock, told) => {
      void (async () => {
        for await (const none of ticks(10, 0)) told.push(clock.frame + none);
      })();
      for (const set of [3_600_000, -7_200_000, 0, 0]) {
        clock.adjust(set);
        await pass(clock, 10);
      }
    });
    expect(told).to.deep.equal([10, 20, 30, 40]);
  });

  it('has the schedulers of RxJS go by it', async () => {
    const told = await virtually((clock, told) => {
      timer(5).subscribe(() => told.push(['timer', clock.now()]));
      const ticking = interval(4).subscribe(() => told.push(['tick', clock.now()]));
      timer(new Date(9)).subscribe(() => told.push(['date', clock.now()]));
      clock.advance(9);
      ticking.unsubscribe();
      expect(clock.timers).to.equal(0);
    });
    expect(told).to.deep.equal([
      ['tick', 4],
      ['timer', 5],
      ['tick', 8],
      ['date', 9],
    ]);
  });

  it('puts everything back', async () => {
    const before = tellers();
    await virtually(() => {
      expect(tellers()).to.not.deep.equal(before);
    });
    expect(tellers()).to.deep.equal(before);
    const real = performance.now();
    await delay(2);
    expect(performance.now()).to.be.above(real);
  });

  it('puts everything back that someone else had replaced', async () => {
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

  it('is put back by a scenario whatever throws', async () => {
    const boom = new Error('boom');
    const thrower = () => {
      throw boom;
    };
    const before = tellers();
    const scenes = {
      run: { run: thrower },
      during: { run: () => [], during: thrower },
      'during, later': { run: () => [], during: () => Promise.reject(boom) },
      check: { run: () => [], check: thrower },
      'check, later': { run: () => [], check: () => Promise.reject(boom) },
    };
    for (const [name, scene] of Object.entries(scenes)) {
      const error: unknown = await scenario(scene).then(
        () => expect.fail(`${name} does not throw`),
        (reason: unknown) => reason,
      );
      expect(error, name).to.equal(boom);
      expect(tellers(), name).to.deep.equal(before);
    }
    for (const scene of [
      { run: () => [5] },
      { run: () => 5 },
      { run: () => [], timeout: -1 },
      { run: () => [], signals: 'X' },
      { run: () => [], expect: 'a  €' },
      { run: () => [], at: 'never' },
      { run: () => [], expect: 'a  b' },
    ]) {
      const failed = await scenario(scene as never).then(
        () => false,
        () => true,
      );
      expect(failed, JSON.stringify(scene)).to.equal(true);
      expect(tellers(), JSON.stringify(scene)).to.deep.equal(before);
    }
    // The next one is not in their way.
    expect((await scenario({ run: () => [] })).exitCode).to.equal(0);
  });
});

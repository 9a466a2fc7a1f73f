import { syncBuiltinESMExports } from 'node:module';
import timers from 'node:timers';
import promises from 'node:timers/promises';
import { Subscription } from 'rxjs';
import { validateFunction } from '../util/validate.js';
import { randomFrom } from './random.js';
import type { VirtualClock } from './virtual-clock.js';

/**
 * Puts what of JavaScript and Node tells the time on a virtual clock: `setTimeout`, `setInterval`, `Date`, `performance.now`,
 * `node:timers` and `node:timers/promises`, and with them RxJS's own schedulers; and has `Math.random` give the same each time. Gives
 * what puts it back. What is not on it: `setImmediate`, `process.nextTick`, `AbortSignal.timeout`, and the world outside.
 */
export function virtualGlobals(clock: VirtualClock): () => void {
  const start = clock.frame;
  const real = { setTimeout, clearTimeout, setInterval, clearInterval, Date };
  const set = (repeats: boolean) => {
    return (then: (...args: unknown[]) => void, ms?: number, ...args: unknown[]) => {
      validateFunction('callback', then);
      return new Timer(clock, () => then(...args), delayOf(ms), repeats);
    };
  };
  const clear = (realClear: (timer?: NodeJS.Timeout) => void) => (timer?: unknown) => {
    if (timer instanceof Timer) timer.close();
    else realClear(timer as NodeJS.Timeout);
  };
  const delay = (ms?: number, value?: unknown, options: { signal?: AbortSignal } = {}) =>
    new Promise((resolve, reject) => {
      const { signal } = options;
      const leave = () => {
        timer.close();
        reject(aborted(signal));
      };
      if (signal?.aborted) return reject(aborted(signal));
      const timer = new Timer(clock, () => (signal?.removeEventListener('abort', leave), resolve(value)), delayOf(ms));
      signal?.addEventListener('abort', leave, { once: true });
    });
  async function* ticks(ms = 1, value?: unknown, options?: { signal?: AbortSignal }) {
    for (let due = clock.frame + ms; ; due += ms) yield await delay(Math.max(0, due - clock.frame), value, options);
  }
  const virtual = {
    setTimeout: Object.assign(set(false), { [Symbol.for('nodejs.util.promisify.custom')]: delay }),
    clearTimeout: clear(real.clearTimeout),
    setInterval: set(true),
    clearInterval: clear(real.clearInterval),
  };
  const restore = [
    replace(globalThis, { ...virtual, Date: virtualDate(clock) }),
    replace(timers, virtual),
    replace(promises, { setTimeout: delay, setInterval: ticks }),
    replace(promises.scheduler, { wait: (ms: number, options?: object) => delay(ms, undefined, options) }),
    replace(performance, { now: () => clock.frame - start }),
    replace(Math, { random: randomFrom(1) }),
  ];
  syncBuiltinESMExports();
  return () => {
    for (const back of restore) back();
    syncBuiltinESMExports();
  };
}

/** What `setTimeout` gives. */
class Timer {
  private readonly clock: VirtualClock;
  private readonly then: () => void;
  private readonly ms: number;
  private waiting: Subscription = Subscription.EMPTY;

  constructor(clock: VirtualClock, then: () => void, ms: number, repeats = false) {
    this.clock = clock;
    this.ms = ms;
    this.then = repeats ? () => (this.wait(Math.max(1, ms)), then()) : then;
    this.wait(ms);
  }

  refresh(): this {
    this.wait(this.ms);
    return this;
  }

  close(): this {
    this.waiting.unsubscribe();
    return this;
  }

  [Symbol.dispose](): void {
    this.close();
  }

  ref(): this {
    return this;
  }

  unref(): this {
    return this;
  }

  hasRef(): boolean {
    return true;
  }

  private wait(ms: number): void {
    this.close();
    this.waiting = this.clock.schedule(this.then, ms);
  }
}

/** As Node has it: what is too long for its timers is due at once. Only that 0 is no time at all, as in marble tests. */
function delayOf(ms: unknown = 0): number {
  const delay = Number(ms);
  return delay >= 0 && delay <= 2 ** 31 - 1 ? delay : 1;
}

function virtualDate(clock: VirtualClock): DateConstructor {
  return new Proxy(Date, {
    construct: (target, args: unknown[], made) =>
      Reflect.construct(target, args.length > 0 ? args : [clock.now()], made) as object,
    apply: (target) => new target(clock.now()).toString(),
    get: (target, name) => (name === 'now' ? clock.now : (Reflect.get(target, name) as unknown)),
  });
}

/** As Node's own, which cannot be made. */
function aborted(signal: AbortSignal | undefined): Error {
  const error = new Error('The operation was aborted', { cause: signal?.reason });
  return Object.assign(error, { name: 'AbortError', code: 'ABORT_ERR' });
}

function replace(owner: object, properties: object): () => void {
  const own = Object.keys(properties).map((name) => [name, Object.getOwnPropertyDescriptor(owner, name)] as const);
  for (const [name, value] of Object.entries(properties))
    Object.defineProperty(owner, name, {
      value: value as unknown,
      configurable: true,
      enumerable: true,
      writable: true,
    });
  return () => {
    for (const [name, descriptor] of own) {
      if (descriptor) Object.defineProperty(owner, name, descriptor);
      else Reflect.deleteProperty(owner, name);
    }
  };
}

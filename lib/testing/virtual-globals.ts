import { syncBuiltinESMExports } from 'node:module';
import timers from 'node:timers';
import promises from 'node:timers/promises';
import { Subscription } from 'rxjs';
import { validateFunction } from '../util/validate.js';
import { seededRandom } from './seeded-random.js';
import type { VirtualClock } from './virtual-clock.js';

/**
 * Makes the time of JavaScript and Node follow a virtual clock: `setTimeout`, `setInterval`, `Date`, `performance.now`,
 * `node:timers`, `node:timers/promises`, and with them the schedulers of RxJS. `Math.random` returns the same numbers
 * each time. `setImmediate`, `process.nextTick`, `AbortSignal.timeout` and everything outside the process stay real.
 *
 * @returns a function that restores all of it.
 */
export function virtualGlobals(clock: VirtualClock): () => void {
  const start = clock.frame;
  const real = { setTimeout, clearTimeout, setInterval, clearInterval, Date };
  const createTimer = (repeats: boolean) => {
    return (callback: (...args: unknown[]) => void, ms?: number, ...args: unknown[]) => {
      validateFunction('callback', callback);
      return new Timer(clock, (timer) => callback.apply(timer, args), toDelay(ms), repeats);
    };
  };
  const clearTimer = (realClear: (timer?: NodeJS.Timeout) => void) => (timer?: unknown) => {
    if (timer instanceof Timer) timer.close();
    else realClear(timer as NodeJS.Timeout);
  };
  const delay = (ms?: number, value?: unknown, options: { signal?: AbortSignal } = {}) =>
    new Promise((resolve, reject) => {
      const { signal } = options;
      const onAbort = () => {
        timer.close();
        reject(abortError(signal));
      };
      if (signal?.aborted) return reject(abortError(signal));
      const onTimer = () => (signal?.removeEventListener('abort', onAbort), resolve(value));
      const timer = new Timer(clock, onTimer, toDelay(ms));
      signal?.addEventListener('abort', onAbort, { once: true });
    });
  async function* ticks(ms?: number, value?: unknown, options?: { signal?: AbortSignal }) {
    const period = toPeriod(ms);
    for (let due = clock.frame + period; ; due += period)
      yield await delay(Math.max(0, due - clock.frame), value, options);
  }
  const virtual = {
    setTimeout: Object.assign(createTimer(false), { [Symbol.for('nodejs.util.promisify.custom')]: delay }),
    clearTimeout: clearTimer(real.clearTimeout),
    setInterval: createTimer(true),
    clearInterval: clearTimer(real.clearInterval),
  };
  const restores = [
    replaceProperties(globalThis, { ...virtual, Date: virtualDate(clock) }),
    replaceProperties(timers, virtual),
    replaceProperties(promises, { setTimeout: delay, setInterval: ticks }),
    replaceProperties(promises.scheduler, { wait: (ms: number, options?: object) => delay(ms, undefined, options) }),
    replaceProperties(performance, { now: () => clock.frame - start }),
    replaceProperties(Math, { random: seededRandom(1) }),
  ];
  syncBuiltinESMExports();
  return () => {
    for (const restore of restores) restore();
    syncBuiltinESMExports();
  };
}

/** A timer as `setTimeout` returns it. */
class Timer {
  private readonly clock: VirtualClock;
  private readonly callback: (timer: Timer) => void;
  private readonly ms: number;
  private readonly repeats: boolean;
  private pending: Subscription = Subscription.EMPTY;
  private closed = false;

  constructor(clock: VirtualClock, callback: (timer: Timer) => void, ms: number, repeats = false) {
    this.clock = clock;
    this.callback = callback;
    this.ms = ms;
    this.repeats = repeats;
    this.schedule(ms);
  }

  refresh(): this {
    this.schedule(this.ms);
    return this;
  }

  close(): this {
    this.closed = true;
    this.pending.unsubscribe();
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

  private schedule(ms: number): void {
    if (this.closed) return;
    this.pending.unsubscribe();
    this.pending = this.clock.schedule(() => this.fire(), ms);
  }

  private fire(): void {
    try {
      this.callback(this);
    } finally {
      // As in Node after the callback, and so after the timers that it has set.
      if (this.repeats) this.schedule(toPeriod(this.ms));
    }
  }
}

/** Converts a delay as Node does: an invalid or too long one is 1 ms. Unlike in Node, 0 is no time at all. */
function toDelay(ms: unknown = 0): number {
  const delay = Number(ms);
  return delay >= 0 && delay <= 2 ** 31 - 1 ? delay : 1;
}

/** Converts the period of an interval as Node does. */
function toPeriod(ms?: number): number {
  return Math.max(1, toDelay(ms));
}

function virtualDate(clock: VirtualClock): DateConstructor {
  return new Proxy(Date, {
    construct: (target, args: unknown[], newTarget) =>
      Reflect.construct(target, args.length > 0 ? args : [clock.now()], newTarget) as object,
    apply: (target) => new target(clock.now()).toString(),
    get: (target, name) => (name === 'now' ? clock.now : (Reflect.get(target, name) as unknown)),
  });
}

/** Creates an error like Node's `AbortError`, whose class is not public. */
function abortError(signal: AbortSignal | undefined): Error {
  const error = new Error('The operation was aborted', { cause: signal?.reason });
  return Object.assign(error, { name: 'AbortError', code: 'ABORT_ERR' });
}

/** Replaces properties of an object. Returns a function that restores them. */
function replaceProperties(owner: object, properties: object): () => void {
  const descriptors = Object.keys(properties).map(
    (name) => [name, Object.getOwnPropertyDescriptor(owner, name)] as const,
  );
  for (const [name, value] of Object.entries(properties))
    Object.defineProperty(owner, name, {
      value: value as unknown,
      configurable: true,
      enumerable: true,
      writable: true,
    });
  return () => {
    for (const [name, descriptor] of descriptors) {
      if (descriptor) Object.defineProperty(owner, name, descriptor);
      else Reflect.deleteProperty(owner, name);
    }
  };
}

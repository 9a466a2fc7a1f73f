import { syncBuiltinESMExports } from 'node:module';
import timers from 'node:timers';
import promises from 'node:timers/promises';
import { validateFunction } from '../util/validate.js';
import { seededRandom } from './seeded-random.js';
import type { VirtualClock } from './virtual-clock.js';
import { toPeriod, VirtualTimer } from './virtual-timer.js';

/**
 * Makes the time of JavaScript and Node follow a virtual clock: `setTimeout`, `setInterval`, `Date`, `performance.now`,
 * `node:timers`, `node:timers/promises`, and with them the schedulers of RxJS. `Math.random` returns the same numbers
 * each time. `setImmediate`, `process.nextTick`, `AbortSignal.timeout` and everything outside the process stay real.
 *
 * @returns a function that restores all of it.
 */
export function virtualGlobals(clock: VirtualClock): () => void {
  const createTimer = (repeats: boolean) => {
    return (callback: (...args: unknown[]) => void, ms?: number, ...args: unknown[]) => {
      validateFunction('callback', callback);
      return new VirtualTimer(clock, (timer) => callback.apply(timer, args), ms, repeats);
    };
  };
  const clearTimer = (realClear: (timer?: NodeJS.Timeout) => void) => (timer?: unknown) => {
    if (timer instanceof VirtualTimer) timer.close();
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
      const timer = new VirtualTimer(clock, onTimer, ms);
      signal?.addEventListener('abort', onAbort);
    });
  async function* ticks(ms?: number, value?: unknown, options?: { signal?: AbortSignal }) {
    const period = toPeriod(ms);
    for (let due = clock.frame + period; ; due += period)
      yield await delay(Math.max(0, due - clock.frame), value, options);
  }
  const virtual = {
    setTimeout: Object.assign(createTimer(false), { [Symbol.for('nodejs.util.promisify.custom')]: delay }),
    clearTimeout: clearTimer(clearTimeout),
    setInterval: createTimer(true),
    clearInterval: clearTimer(clearInterval),
  };
  const restores = [
    replaceProperties(globalThis, { ...virtual, Date: virtualDate(clock) }),
    replaceProperties(timers, virtual),
    replaceProperties(promises, { setTimeout: delay, setInterval: ticks }),
    replaceProperties(promises.scheduler, { wait: (ms: number, options?: object) => delay(ms, undefined, options) }),
    replaceProperties(performance, { now: () => clock.frame }),
    replaceProperties(Math, { random: seededRandom(1) }),
  ];
  syncBuiltinESMExports();
  return () => {
    for (const restore of restores) restore();
    syncBuiltinESMExports();
  };
}

function virtualDate(clock: VirtualClock): DateConstructor {
  const now = () => Math.floor(clock.now());
  return new Proxy(Date, {
    construct: (target, args: unknown[], newTarget) =>
      Reflect.construct(target, args.length > 0 ? args : [now()], newTarget) as object,
    apply: (target) => new target(now()).toString(),
    get: (target, name) => (name === 'now' ? now : (Reflect.get(target, name) as unknown)),
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

import { EventEmitter } from 'node:events';
import { expectSignal, type SignalTarget } from '../app/signal-listener.js';

/** What stands for `process` where signals are listened for. */
export interface FakeSignals extends SignalTarget {
  /** Sends a signal to whoever listens. @throws RangeError for one that is unknown or cannot be caught. */
  send(signal: NodeJS.Signals): void;
  /** How many listen for a signal. */
  listeners(signal: NodeJS.Signals): number;
}

/**
 * Signals for a `signalListener`, that no operating system sends.
 *
 * @example
 * ```ts
 * import { signalListener, taskRunner } from 'rxjs-tasks';
 * import { fakeSignals } from 'rxjs-tasks/testing';
 *
 * const signals = fakeSignals();
 * taskRunner(signalListener({ target: signals })).start().subscribe((signal) => console.log(signal)); // → SIGTERM
 * signals.send('SIGTERM');
 * console.log(signals.listeners('SIGTERM')); // → 0
 * ```
 */
export function fakeSignals(): FakeSignals {
  const emitter = new EventEmitter();
  return {
    on: (signal, listener) => emitter.on(signal, listener),
    off: (signal, listener) => emitter.off(signal, listener),
    send(signal) {
      expectSignal(signal);
      emitter.emit(signal, signal);
    },
    listeners: (signal) => emitter.listenerCount(signal),
  };
}

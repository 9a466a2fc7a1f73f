import { EventEmitter } from 'node:events';
import { validateSignal, type SignalTarget } from '../app/signals.js';

/** A substitute for `process` as the source of signals. */
export interface FakeSignals extends SignalTarget {
  /** Sends a signal to its listeners. @throws RangeError for a signal that is unknown or cannot be caught. */
  send(signal: NodeJS.Signals): void;
  /** Returns the number of listeners for a signal. */
  listeners(signal: NodeJS.Signals): number;
}

/**
 * Creates a source of signals for a `signalListener`, without the operating system.
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
      validateSignal(signal);
      emitter.emit(signal, signal);
    },
    listeners: (signal) => emitter.listenerCount(signal),
  };
}

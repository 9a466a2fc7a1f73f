import { constants } from 'node:os';
import { fromEvent, map, merge, Observable, share, take } from 'rxjs';
import { SignalError } from '../errors/errors.js';
import { validateArray, invalid, validateOptions } from '../util/validate.js';
import { task } from '../task/task.js';
import type { Task } from '../task/types.js';

/** What signals are listened for on: `process`, or any emitter in a test. */
export interface SignalTarget {
  /** As that of Node's emitters. */
  on(signal: string, listener: (...args: unknown[]) => void): unknown;
  /** Likewise. */
  off(signal: string, listener: (...args: unknown[]) => void): unknown;
}

/** Which signals, and of what. */
export interface SignalListenerOptions {
  /** SIGINT and SIGTERM unless said. */
  signals?: readonly NodeJS.Signals[];
  /** `process` unless said. */
  target?: SignalTarget;
}

/**
 * A task that waits for a signal. The first one cancels the application with a {@link SignalError} and is emitted.
 * Its listeners are gone when it ends, and do not keep the process alive.
 *
 * @param signals SIGINT and SIGTERM if none is named.
 * @throws RangeError when a signal is unknown or cannot be caught, as SIGKILL and SIGSTOP; TypeError when the target is no emitter.
 *
 * @example
 * ```ts
 * import { EventEmitter } from 'node:events';
 * import { signalListener, taskRunner } from 'rxjs-tasks';
 *
 * const target = new EventEmitter();
 * const runner = taskRunner(signalListener({ signals: ['SIGTERM'], target }));
 * runner.start().subscribe((signal) => console.log(signal)); // → SIGTERM
 * target.emit('SIGTERM');
 * console.log(target.listenerCount('SIGTERM')); // → 0
 * ```
 */
export function signalListener(...signals: NodeJS.Signals[]): Task<NodeJS.Signals>;
export function signalListener(options: SignalListenerOptions): Task<NodeJS.Signals>;
export function signalListener(
  ...args: readonly NodeJS.Signals[] | readonly [SignalListenerOptions]
): Task<NodeJS.Signals> {
  const [first] = args;
  const options = typeof first === 'object' ? first : { signals: args as readonly NodeJS.Signals[] };
  validateOptions(options, ['signals', 'target']);
  if (options.signals !== undefined) validateArray('signals', options.signals);
  const signals = options.signals?.length ? options.signals : stopSignals;
  const target: SignalTarget = options.target ?? process;
  signals.forEach(expectSignal);
  if (typeof target.on !== 'function' || typeof target.off !== 'function') {
    throw new TypeError(invalid('target', 'an emitter, with `on` and `off`', target));
  }
  return task(`signalListener(${signals.join(', ')})`, {
    execute: (_, cancel) =>
      new Observable((subscriber) =>
        signals$(signals, target)
          .pipe(take(1))
          .subscribe((signal) => {
            // In this order: the cancel ends this very stream. Whoever leaves at the value is no reason not to cancel.
            subscriber.next(signal);
            cancel(new SignalError(signal));
            subscriber.complete();
          }),
      ),
  });
}

/** What asks a process to stop: Ctrl-C, and whoever supervises it. */
export const stopSignals: readonly NodeJS.Signals[] = ['SIGINT', 'SIGTERM'];

/** The number by which a shell names the end that a signal made. */
export function signalNumber(signal: NodeJS.Signals): number {
  return constants.signals[signal];
}

/** Every signal received. However many subscribe, a target has one listener for each signal, so that Node has no leak to warn of. */
export function signals$(signals: readonly NodeJS.Signals[], target: SignalTarget): Observable<NodeJS.Signals> {
  let shared = sharedByTarget.get(target);
  if (!shared) sharedByTarget.set(target, (shared = new Map<NodeJS.Signals, Observable<NodeJS.Signals>>()));
  const each: Observable<NodeJS.Signals>[] = [];
  for (const signal of signals) {
    let one = shared.get(signal);
    if (!one)
      shared.set(
        signal,
        (one = fromEvent(target, signal).pipe(
          map(() => signal),
          share(),
        )),
      );
    each.push(one);
  }
  return merge(...each);
}

const sharedByTarget = new WeakMap<SignalTarget, Map<NodeJS.Signals, Observable<NodeJS.Signals>>>();

export function expectSignal(signal: unknown): void {
  const known = typeof signal === 'string' && Object.hasOwn(constants.signals, signal);
  if (!known) throw new RangeError(invalid('signal', 'the name of a signal', signal));
  if (signal === 'SIGKILL' || signal === 'SIGSTOP') {
    throw new RangeError(invalid('signal', 'a signal that a process can catch', signal));
  }
}

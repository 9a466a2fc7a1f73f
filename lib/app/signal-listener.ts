import { Observable, take } from 'rxjs';
import { SignalError } from '../errors/errors.js';
import { reportTeardownError } from '../task/report-teardown.js';
import { task } from '../task/task.js';
import type { Task } from '../task/types.js';
import { captureAsyncContext } from '../util/async-context.js';
import { ForeignSubscription } from '../util/foreign-subscription.js';
import { invalid, validateArray } from '../util/validate.js';
import { readOptions } from '../util/validate-options.js';
import { signals$, defaultStopSignals, validateSignal, type SignalTarget } from './signals.js';

/** Options of {@link signalListener}. */
export interface SignalListenerOptions {
  /** The signals to wait for. Default: SIGINT and SIGTERM. */
  signals?: readonly NodeJS.Signals[] | undefined;
  /** The source of the signals. Default: `process`. */
  target?: SignalTarget | undefined;
}

/**
 * Creates a task that waits for a signal. The first signal cancels the application with a {@link SignalError} and is
 * emitted. At its end the task removes its listeners. They do not keep the process alive. An error of the target's
 * `off` is a `teardown-failed` event.
 *
 * @param signals the signals to wait for. Default: SIGINT and SIGTERM.
 * @throws RangeError when a signal is unknown or cannot be caught (SIGKILL, SIGSTOP); TypeError when the target is not
 * an emitter.
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
  const { signals: given = [], target = process } = readOptions(options, ['signals', 'target'], 'signalListener');
  validateArray('signals', given);
  // A copy, because the caller may change the array.
  const signals = given.length > 0 ? [...given] : defaultStopSignals;
  signals.forEach(validateSignal);
  if (typeof target.on !== 'function' || typeof target.off !== 'function') {
    throw new TypeError(invalid('target', 'an emitter with `on` and `off`', target));
  }
  return task(`signalListener(${signals.join(', ')})`, {
    execute: (ctx, cancel) =>
      new Observable((subscriber) => {
        const received = new ForeignSubscription<NodeJS.Signals>(
          {
            next(signal) {
              // The value comes first, because the cancel ends this stream. A subscriber that unsubscribes at the value
              // does not prevent the cancel.
              subscriber.next(signal);
              cancel(new SignalError(signal));
              subscriber.complete();
            },
            error: (error) => subscriber.error(error),
            complete: () => undefined,
            teardownFailed: (error) => reportTeardownError(error, ctx),
          },
          captureAsyncContext(),
        );
        received.subscribeTo(() => signals$(signals, target).pipe(take(1)));
        return received;
      }),
  });
}

import { constants } from 'node:os';
import { fromEvent, map, merge, share, type Observable } from 'rxjs';
import { SignalError } from '../errors/errors.js';
import { invalid } from '../util/validate.js';

/** The source of signals: `process`, or any emitter in a test. */
export interface SignalTarget {
  /** Adds a listener, like an `EventEmitter` of Node. */
  on(signal: string, listener: (...args: unknown[]) => void): unknown;
  /** Removes a listener, like an `EventEmitter` of Node. */
  off(signal: string, listener: (...args: unknown[]) => void): unknown;
}

/** The signals that ask a process to stop: Ctrl-C sends SIGINT, a process supervisor sends SIGTERM. */
export const defaultStopSignals: readonly NodeJS.Signals[] = ['SIGINT', 'SIGTERM'];

/** Throws if a value is not the name of a signal that a process can catch. */
export function validateSignal(signal: unknown): void {
  if (!isKnown(signal)) throw new RangeError(invalid('signal', 'the name of a signal', signal));
  if (!canCatch(signal)) throw new RangeError(invalid('signal', 'a signal that a process can catch', signal));
}

/** Whether a value is the name of a signal that a process can catch. */
export function canCatch(signal: unknown): boolean {
  return isKnown(signal) && signal !== 'SIGKILL' && signal !== 'SIGSTOP';
}

function isKnown(signal: unknown): signal is string {
  return typeof signal === 'string' && Object.hasOwn(constants.signals, signal);
}

/** Returns the number of a signal. The exit code after a signal is 128 plus this number. */
export function signalNumber(signal: NodeJS.Signals): number {
  return constants.signals[signal];
}

const streamsByTarget = new WeakMap<SignalTarget, Map<NodeJS.Signals, Observable<NodeJS.Signals>>>();

/**
 * Emits each signal that the target receives. All subscribers share one listener per signal, because Node warns of a
 * leak when an emitter has more than ten.
 */
export function signals$(signals: readonly NodeJS.Signals[], target: SignalTarget): Observable<NodeJS.Signals> {
  const streams = streamsByTarget.get(target) ?? new Map<NodeJS.Signals, Observable<NodeJS.Signals>>();
  streamsByTarget.set(target, streams);
  const shared$ = signals.map((signal) => {
    const signal$ =
      streams.get(signal) ??
      fromEvent(target, signal).pipe(
        map(() => signal),
        share(),
      );
    streams.set(signal, signal$);
    return signal$;
  });
  return merge(...shared$);
}

/** The time in which a second signal belongs to the same request as the first, in ms. */
export const echoMs = 500;

/**
 * Whether a signal belongs to the same request as the first one. Many senders send two for one request: npm forwards a
 * terminal's Ctrl-C that its child has received already, and nodemon, concurrently, `timeout` and process supervisors
 * follow up with another signal.
 *
 * @param ms the time since the first one.
 */
export function isEcho(ms: number): boolean {
  return ms <= echoMs;
}

/** Whether a cause is a Ctrl-C. The user waits for the prompt then. */
export function isCtrlC(cause: unknown): boolean {
  return cause instanceof SignalError && cause.signal === 'SIGINT';
}

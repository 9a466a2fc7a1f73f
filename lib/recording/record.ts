import { asyncScheduler, isObservable, type Observable, type TimestampProvider } from 'rxjs';
import { invalid, validateFunction, validateInteger } from '../util/validate.js';
import { validateOptions } from '../util/validate-options.js';
import type { AppEvent } from '../app/types.js';
import { EventBuffer } from './event-buffer.js';
import { toRecorded } from './to-recorded.js';
import type { Recording } from './types.js';

/** Options of {@link record}. */
export interface RecordOptions {
  /** Maximum number of events that are kept: the last ones. `Infinity` for no limit. Default: 10,000. */
  limit?: number | undefined;
  /** Clock that gives the time, in ms, of events that have none of their own. Default: `asyncScheduler`. */
  clock?: TimestampProvider | undefined;
}

/** A recording that grows with each event. */
export interface Recorder extends Recording {
  /** Stops recording. The events that were recorded stay. */
  stop(): void;
}

/**
 * Records what an application does. It is meant for production, too, where the last events explain an incident. It
 * subscribes immediately and keeps no reference to a task or an error. `JSON.stringify` turns it into text at any time.
 * An error of `events$`, such as the `AlreadyRunningError` of `orchestrate`, ends the recording and is not reported: it
 * is for the other subscribers.
 *
 * @param events$ events of `orchestrate` or of a runner, or a Subject that is the `observer` of `launch` or `runMain`.
 * @throws TypeError when `events$` is not an Observable, or an option is unknown or of a wrong type; RangeError for a
 * `limit` that is not a whole number from 1 and up.
 *
 * @example
 * ```ts
 * import { Subject } from 'rxjs';
 * import { launch, task, type AppEvent } from 'rxjs-tasks';
 * import { record } from 'rxjs-tasks/testing';
 *
 * const events$ = new Subject<AppEvent>();
 * const recording = record(events$);
 * await launch([task('answer', () => 42)], { observer: events$ });
 * console.log(recording.events.map(({ type }) => type)); // → [ 'ready', 'done', 'shutdown' ]
 * ```
 */
export function record(events$: Observable<AppEvent>, options: RecordOptions = {}): Recorder {
  validateOptions(options, ['limit', 'clock'], 'record');
  const { limit = 10_000, clock = asyncScheduler } = options;
  if (!isObservable(events$)) throw new TypeError(invalid('events$', 'an Observable', events$));
  if (limit !== Infinity) validateInteger('limit', 1, Infinity, limit);
  validateFunction('clock.now', (Object(clock) as Partial<TimestampProvider>).now);
  const buffer = new EventBuffer(clock.now(), limit);
  const subscription = events$.subscribe({
    next: (event) => buffer.add(toRecorded(event, clock.now())),
    // Another subscriber handles the error.
    error: () => undefined,
  });
  return Object.defineProperty(buffer, 'stop', { value: () => subscription.unsubscribe() }) as EventBuffer & {
    stop(): void;
  };
}

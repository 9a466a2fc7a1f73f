import { asyncScheduler, isObservable, type Observable, type TimestampProvider } from 'rxjs';
import { invalid, validateFunction, validateOptions, validateInteger } from '../util/validate.js';
import type { AppEvent } from '../app/types.js';
import { recorded } from './recorded.js';
import { Tape, type Recording } from './tape.js';

/** How much is recorded, and by whose clock. */
export interface RecordOptions {
  /** How many events are kept: the last ones; 10,000 unless said. */
  limit?: number;
  /** Whose `now`, in ms, is the time of what has none of its own; `asyncScheduler` unless said. */
  clock?: TimestampProvider;
}

/** A recording under way, which fills as events come. */
export interface Recorder extends Recording {
  /** No more is recorded. */
  stop(): void;
}

/**
 * Records what an application does: in production, too, where the last events are what an incident is told by. It subscribes at
 * once, holds no task and no error, and `JSON.stringify` turns it into text at any time.
 *
 * @param events$ those of `orchestrate`, of a runner, or a Subject that is the `observer` of `runMain`.
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
  validateOptions(options, ['limit', 'clock']);
  const { limit = 10_000, clock = asyncScheduler } = options;
  if (!isObservable(events$)) throw new TypeError(invalid('events$', 'an Observable', events$));
  if (limit !== Infinity) validateInteger('limit', 1, Infinity, limit);
  validateFunction('clock.now', (clock as Partial<Record<'now', unknown>>).now);
  const tape = new Tape(clock.now(), limit);
  const listening = events$.subscribe({
    next: (event) => tape.add(recorded(event, clock.now())),
    // Whoever else listens deals with it.
    error: () => undefined,
  });
  return Object.defineProperty(tape, 'stop', { value: () => listening.unsubscribe() }) as Tape & { stop(): void };
}

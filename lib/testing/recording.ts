import { inspect } from 'node:util';
import { asyncScheduler, isObservable, type Observable, type TimestampProvider } from 'rxjs';
import type { Phase } from '../errors.js';
import { expected, expectFunction, expectNumber, expectOptions } from '../internal/expect.js';
import type { AppEvent } from '../orchestrate.js';
import type { Outcome } from '../outcome.js';

/** What an application did, as JSON holds it. */
export interface Recording {
  readonly version: 1;
  /** When it began, in ms since 1970. */
  readonly from: number;
  readonly events: readonly RecordedEvent[];
  /** How many events before these were not kept. */
  readonly dropped: number;
}

/** An `AppEvent`, its time, and of what it holds that which JSON can; or something beside the events of a scenario. */
export interface RecordedEvent {
  readonly type: AppEvent['type'] | 'value' | 'signal' | 'readiness';
  readonly at: number;
  readonly task?: string;
  readonly runId?: number;
  readonly slot?: number;
  readonly count?: number;
  readonly late?: number;
  readonly reason?: string;
  readonly restart?: number;
  readonly delay?: number;
  readonly phase?: Phase;
  readonly error?: RecordedError;
  readonly cause?: RecordedError;
  readonly outcome?: RecordedOutcome;
  readonly outcomes?: readonly RecordedOutcome[];
  readonly clean?: boolean;
  readonly durationMs?: number;
  /** The letter of a value. */
  readonly mark?: string;
  readonly signal?: NodeJS.Signals;
  readonly ready?: boolean;
}

/** An error, or whatever was thrown. */
export interface RecordedError {
  readonly name: string;
  readonly message: string;
  readonly task?: string;
  readonly phase?: Phase;
  readonly signal?: NodeJS.Signals;
}

/** An `Outcome`, and those of its members. */
export interface RecordedOutcome {
  readonly task: string;
  readonly status: Outcome['status'];
  readonly error?: RecordedError;
  readonly members?: readonly RecordedOutcome[];
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
 * @param options `limit`: how many events are kept, 10,000 unless said; `clock`: by whose `now` (ms), `asyncScheduler` unless said.
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
export function record(
  events$: Observable<AppEvent>,
  options: { limit?: number; clock?: TimestampProvider } = {},
): Recorder {
  expectOptions(options, ['limit', 'clock']);
  const { limit = 10_000, clock = asyncScheduler } = options;
  if (!isObservable(events$)) throw new TypeError(expected('events$', 'an Observable', events$));
  expectNumber('limit', 1, Infinity, limit);
  if (limit % 1 !== 0 && limit !== Infinity) throw new RangeError(expected('limit', 'a whole number', limit));
  expectFunction('clock.now', (clock as Partial<Record<'now', unknown>>).now);
  const tape = new Tape(clock.now(), limit);
  const listening = events$.subscribe({
    next: (event) => tape.add(recorded(event, clock.now())),
    // Whoever else listens deals with it.
    error: () => undefined,
  });
  return Object.defineProperty(tape, 'stop', { value: () => listening.unsubscribe() }) as Tape & { stop(): void };
}

/** The last events, of any number. */
export class Tape implements Recording {
  readonly version = 1;
  readonly from: number;
  private readonly limit: number;
  private kept: RecordedEvent[] = [];
  private before = 0;

  constructor(from: number, limit: number) {
    this.from = from;
    this.limit = limit;
  }

  get events(): readonly RecordedEvent[] {
    return this.kept.slice(-this.limit);
  }

  get dropped(): number {
    return this.before + Math.max(0, this.kept.length - this.limit);
  }

  add(event: RecordedEvent): void {
    // Dropped many at a time, because each time costs as much as all that is kept.
    if (this.kept.push(event) < 2 * this.limit) return;
    this.before += this.kept.length - this.limit;
    this.kept = this.kept.slice(-this.limit);
  }

  toJSON(): Recording {
    const { version, from, events, dropped } = this;
    return { version, from, events, dropped };
  }
}

/** An event as JSON holds it. */
export function recorded(event: AppEvent, now: number): RecordedEvent {
  if (event.type === 'shutdown') {
    const { outcomes, clean, durationMs, cause } = event.report;
    return {
      type: event.type,
      at: now,
      outcomes: outcomes.map(recordedOutcome),
      clean,
      durationMs,
      ...recordedErrors({ cause }),
    };
  }
  if (event.type === 'done') {
    const { type, task, runId, at, outcome } = event;
    return { type, at, task, runId, outcome: recordedOutcome(outcome) };
  }
  return { at: now, ...event, ...recordedErrors(event) } as RecordedEvent;
}

function recordedOutcome({ task, status, error, members }: Outcome): RecordedOutcome {
  return { task, status, ...recordedErrors({ error }), ...(members && { members: members.map(recordedOutcome) }) };
}

function recordedErrors(holder: object): { error?: RecordedError; cause?: RecordedError } {
  const { error, cause } = holder as { error?: unknown; cause?: unknown };
  return {
    ...(error !== undefined && { error: recordedError(error) }),
    ...(cause !== undefined && { cause: recordedError(cause) }),
  };
}

/** Whatever was thrown: an error may have anything in place of its name, or as its `task`. */
function recordedError(error: unknown): RecordedError {
  if (!(error instanceof Error))
    return { name: typeof error, message: typeof error === 'string' ? error : inspect(error) };
  const { name, message, task, phase, signal } = error as { readonly [key in keyof RecordedError]: unknown };
  const texts = Object.entries({ task, phase, signal }).filter(([, text]) => typeof text === 'string');
  return { name: String(name), message: String(message), ...Object.fromEntries(texts) };
}

import { inspect } from 'node:util';
import type { Phase } from '../errors/errors.js';
import type { AppEvent } from '../app/types.js';
import type { Outcome } from '../task/types.js';

/** An `AppEvent`, its time, and of what it holds that which JSON can; or something beside the events of a scenario. */
export interface RecordedEvent {
  readonly type: AppEvent['type'] | 'value' | 'signal' | 'readiness';
  readonly at: number;
  readonly task?: string;
  readonly runId?: number;
  readonly slot?: number;
  readonly count?: number;
  readonly lateBy?: number;
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

/** How much of a message is kept, so that a recording is bounded by the number of its events. */
const longest = 2000;

/** Whatever was thrown: nothing of that may keep a recorder from recording. */
export function recordedError(error: unknown): RecordedError {
  try {
    return shownError(error);
  } catch {
    return { name: 'unknown', message: 'It cannot be shown' };
  }
}

/** An error may have anything in place of its name, or as its `task`. */
function shownError(error: unknown): RecordedError {
  if (!(error instanceof Error))
    return { name: typeof error, message: clipped(typeof error === 'string' ? error : inspect(error)) };
  const { name, message, task, phase, signal } = error as { readonly [key in keyof RecordedError]: unknown };
  const texts = Object.entries({ task, phase, signal }).filter(([, text]) => typeof text === 'string');
  return { name: String(name), message: clipped(String(message)), ...Object.fromEntries(texts) };
}

function clipped(message: string): string {
  return message.length > longest ? `${message.slice(0, longest)}…` : message;
}

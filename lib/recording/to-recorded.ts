import { inspect } from 'node:util';
import type { AppEvent } from '../app/types.js';
import type { Outcome } from '../task/types.js';
import type { RecordedError, RecordedEvent, RecordedOutcome } from './types.js';

/** Longest message that is kept, in characters: a limit of events then also limits the size of a recording. */
const maxMessageLength = 2000;

/** Converts an event to what JSON can store. */
export function toRecorded(event: AppEvent, now: number): RecordedEvent {
  if (event.type === 'shutdown') {
    const { outcomes, clean, durationMs, cause } = event.report;
    return {
      type: event.type,
      at: now,
      outcomes: outcomes.map(toRecordedOutcome),
      clean,
      durationMs,
      ...recordedErrors({ cause }),
    };
  }
  if (event.type === 'done') {
    const { type, task, runId, at, outcome } = event;
    return { type, at, task, runId, outcome: toRecordedOutcome(outcome) };
  }
  return { at: now, ...event, ...recordedErrors(event) } as RecordedEvent;
}

/** Converts anything that was thrown. Never throws itself, because a hostile error must not stop a recording. */
export function toRecordedError(error: unknown): RecordedError {
  try {
    return describeError(error);
  } catch {
    return { name: 'unknown', message: 'It cannot be shown' };
  }
}

function toRecordedOutcome({ task, status, error, members }: Outcome): RecordedOutcome {
  return { task, status, ...recordedErrors({ error }), ...(members && { members: members.map(toRecordedOutcome) }) };
}

function recordedErrors(holder: object): { error?: RecordedError; cause?: RecordedError } {
  const { error, cause } = holder as { error?: unknown; cause?: unknown };
  return {
    ...(error !== undefined && { error: toRecordedError(error) }),
    ...(cause !== undefined && { cause: toRecordedError(cause) }),
  };
}

/** Any property of an error may have an unexpected type, so only strings are taken. */
function describeError(error: unknown): RecordedError {
  if (!(error instanceof Error))
    return { name: typeof error, message: truncate(typeof error === 'string' ? error : inspect(error)) };
  const { name, message, task, phase, signal } = error as { readonly [key in keyof RecordedError]: unknown };
  const texts = Object.entries({ task, phase, signal }).filter(([, text]) => typeof text === 'string');
  return { name: String(name), message: truncate(String(message)), ...Object.fromEntries(texts) };
}

function truncate(message: string): string {
  return message.length > maxMessageLength ? `${message.slice(0, maxMessageLength)}…` : message;
}

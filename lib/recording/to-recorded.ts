import type { AppEvent } from '../app/types.js';
import type { Phase } from '../errors/errors.js';
import { mapOutcomes } from '../task/map-outcomes.js';
import type { Outcome, SlotHistory } from '../task/types.js';
import { messageOf } from '../util/describe-error.js';
import { isError, nameOf, textOf } from '../util/error-parts.js';
import type { RecordedError, RecordedEvent, RecordedOutcome } from './types.js';

/** Longest text that is kept, in characters: a limit of events then also limits the size of a recording. */
const maxTextLength = 2000;

/** Converts anything that was thrown. */
type ToRecordedError = (error: unknown) => RecordedError;

/**
 * Converts an event to what JSON can store. One of a custom runner may have any properties; those that are objects are
 * left out.
 *
 * @param toError converts its errors.
 */
export function toRecorded(event: AppEvent, now: number, toError: ToRecordedError = toRecordedError): RecordedEvent {
  if (event.type === 'shutdown') {
    const { outcomes, clean, durationMs, cause, failures, moreFailures } = event.report;
    return {
      type: event.type,
      at: now,
      outcomes: toRecordedOutcomes(outcomes, toError),
      clean,
      durationMs,
      ...(failures.length > 0 && { failures: failures.map((error) => toError(error)) }),
      ...(moreFailures > 0 && { moreFailures }),
      ...recordedErrors({ cause }, toError),
    };
  }
  if (event.type === 'done') {
    const { type, task, runId, at, outcome } = event;
    const [recorded] = toRecordedOutcomes([outcome], toError);
    return { type, at, task, runId, ...(recorded && { outcome: recorded }) };
  }
  const recorded: Record<string, unknown> = { at: now, ...event };
  // Not `Object.entries`, which takes several times as long.
  for (const key in recorded) if (!isStorable(recorded[key])) Reflect.deleteProperty(recorded, key);
  recorded['at'] ??= now;
  return Object.assign(recorded, recordedErrors(event, toError)) as unknown as RecordedEvent;
}

/** Converts anything that was thrown. */
export function toRecordedError(error: unknown): RecordedError {
  const message = truncate(typeof error === 'string' ? error : messageOf(error));
  if (!isError(error)) return { name: nameOf(error), message };
  const [task, phase, signal] = ['task', 'phase', 'signal'].map((key) => textOf(error, key));
  return {
    name: truncate(nameOf(error)),
    message,
    ...(task !== undefined && { task }),
    ...(phase !== undefined && { phase: phase as Phase }),
    ...(signal !== undefined && { signal: signal as NodeJS.Signals }),
  };
}

function isStorable(value: unknown): boolean {
  return typeof value === 'string' || typeof value === 'boolean' || Number.isFinite(value);
}

function toRecordedOutcomes(outcomes: readonly Outcome[], toError: ToRecordedError): RecordedOutcome[] {
  return mapOutcomes<RecordedOutcome>(outcomes, ({ task, status, error, phase, children, slots }, members) => ({
    task,
    status,
    ...recordedErrors({ error }, toError),
    ...(phase && { phase }),
    ...(children && { children: { started: children.started, failed: children.failed } }),
    ...(slots && { slots: toRecordedSlots(slots) }),
    ...(members && { members }),
  }));
}

function toRecordedSlots({ runs, failures, skipped, missed }: SlotHistory): Omit<SlotHistory, 'last'> {
  return { runs, failures, skipped, missed };
}

function recordedErrors(holder: object, toError: ToRecordedError): { error?: RecordedError; cause?: RecordedError } {
  const { error, cause } = holder as { error?: unknown; cause?: unknown };
  return {
    ...(error !== undefined && { error: toError(error) }),
    ...(cause !== undefined && { cause: toError(cause) }),
  };
}

function truncate(text: string): string {
  return text.length > maxTextLength ? `${text.slice(0, maxTextLength)}…` : text;
}

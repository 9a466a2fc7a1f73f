import type { AppEvent } from '../app/types.js';
import type { Phase } from '../errors/errors.js';
import { mapOutcomes } from '../task/map-outcomes.js';
import type { Outcome, SlotHistory } from '../task/types.js';
import { messageOf } from '../util/describe-error.js';
import { isError, nameOf, textOf } from '../util/error-parts.js';
import type { RecordedError, RecordedEvent, RecordedOutcome } from './types.js';

/** Longest text that is kept, in characters: a limit of events then also limits the size of a recording. */
const maxTextLength = 2000;

/** Converts an event to what JSON can store. */
export function toRecorded(event: AppEvent, now: number): RecordedEvent {
  if (event.type === 'shutdown') {
    const { outcomes, clean, durationMs, cause, failures, moreFailures } = event.report;
    return {
      type: event.type,
      at: now,
      outcomes: toRecordedOutcomes(outcomes),
      clean,
      durationMs,
      ...(failures.length > 0 && { failures: failures.map(toRecordedError) }),
      ...(moreFailures > 0 && { moreFailures }),
      ...recordedErrors({ cause }),
    };
  }
  if (event.type === 'done') {
    const { type, task, runId, at, outcome } = event;
    const [recorded] = toRecordedOutcomes([outcome]);
    return { type, at, task, runId, ...(recorded && { outcome: recorded }) };
  }
  return { at: now, ...event, ...recordedErrors(event) } as RecordedEvent;
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

function toRecordedOutcomes(outcomes: readonly Outcome[]): RecordedOutcome[] {
  return mapOutcomes<RecordedOutcome>(outcomes, ({ task, status, error, phase, children, slots }, members) => ({
    task,
    status,
    ...recordedErrors({ error }),
    ...(phase && { phase }),
    ...(children && { children }),
    ...(slots && { slots: toRecordedSlots(slots) }),
    ...(members && { members }),
  }));
}

function toRecordedSlots({ runs, failures, skipped, missed }: SlotHistory): Omit<SlotHistory, 'last'> {
  return { runs, failures, skipped, missed };
}

function recordedErrors(holder: object): { error?: RecordedError; cause?: RecordedError } {
  const { error, cause } = holder as { error?: unknown; cause?: unknown };
  return {
    ...(error !== undefined && { error: toRecordedError(error) }),
    ...(cause !== undefined && { cause: toRecordedError(cause) }),
  };
}

function truncate(text: string): string {
  return text.length > maxTextLength ? `${text.slice(0, maxTextLength)}…` : text;
}

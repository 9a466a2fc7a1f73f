import { eventError } from '../../app/error-log.js';
import type { AppEvent } from '../../app/types.js';
import { toRecorded, toRecordedError } from '../../recording/to-recorded.js';
import { stackTrace } from '../../util/error-causes.js';
import { printableJson } from '../../util/printable.js';
import { logLine } from './log-line.js';

const levels = { info: 30, warn: 40, error: 50 } as const;

/** Formats an event as a line of JSON, with the fields of `pino`. */
export function jsonLine(event: AppEvent, now: number, base: object): string {
  const { at, outcome, type, ...rest } = toRecorded(event, now);
  const line = logLine(event);
  const failure =
    eventError(event) ?? ('cause' in event && event.cause !== undefined ? { error: event.cause } : undefined);
  const message = [line?.task, line?.label, line?.text].filter(Boolean).join(' ');
  const fields = {
    level: levels[line?.level ?? 'info'],
    time: at,
    ...base,
    type,
    ...rest,
    // `err` contains them.
    error: undefined,
    cause: undefined,
    ...(outcome && { status: outcome.status }),
    ...(failure && { err: errorFields(failure.error) }),
    msg: message || [rest.task, outcome?.status ?? type].join(' '),
  };
  return printableJson(JSON.stringify(fields));
}

function errorFields(error: unknown): object {
  const { name, message } = toRecordedError(error);
  return { type: name, message, stack: stackTrace(error) };
}

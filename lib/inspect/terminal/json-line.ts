import { eventError } from '../../app/error-log.js';
import type { AppEvent } from '../../app/types.js';
import { toRecorded, toRecordedError } from '../../recording/to-recorded.js';
import { attempt, errorChain } from '../../util/error-causes.js';
import { logLine } from './log-line.js';

const levels = { info: 30, warn: 40, error: 50 } as const;

/** Formats an event as a line of JSON, with the fields of `pino`. */
export function jsonLine(event: AppEvent, now: number, base: object): string {
  const { at, outcome, type, ...rest } = toRecorded(event, now);
  const line = logLine(event);
  const thrown = eventError(event) ?? ('cause' in event ? event.cause : undefined);
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
    ...(thrown !== undefined && { err: errorFields(thrown) }),
    msg: message || [rest.task, outcome?.status ?? type].filter(Boolean).join(' '),
  };
  return JSON.stringify(fields);
}

function errorFields(error: unknown): object {
  const { name, message } = toRecordedError(error);
  const stacks = errorChain(error).map((cause) =>
    attempt(
      () => (cause instanceof Error && typeof cause.stack === 'string' ? cause.stack : toRecordedError(cause).message),
      '',
    ),
  );
  return { type: name, message, stack: stacks.filter(Boolean).join('\ncaused by: ') };
}

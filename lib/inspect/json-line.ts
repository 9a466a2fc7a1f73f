import { eventError } from '../app/error-log.js';
import type { AppEvent } from '../app/types.js';
import { recorded, recordedError } from '../recording/recorded.js';
import { attempt, causesOf } from './causes.js';
import { logLine } from './log-line.js';

const levels = { info: 30, warn: 40, error: 50 } as const;

/** An event as a line of JSON, with the fields that `pino` has. */
export function jsonLine(event: AppEvent, now: number, base: object): string {
  const { at, outcome, type, ...rest } = recorded(event, now);
  const line = logLine(event);
  const raw = eventError(event) ?? ('cause' in event ? event.cause : undefined);
  const words = [line?.task, line?.what, line?.text].filter(Boolean).join(' ');
  const fields = {
    level: levels[line?.level ?? 'info'],
    time: at,
    ...base,
    type,
    ...rest,
    // They are in `err`.
    error: undefined,
    cause: undefined,
    ...(outcome && { status: outcome.status }),
    ...(raw !== undefined && { err: errorFields(raw) }),
    msg: words || [rest.task, outcome?.status ?? type].filter(Boolean).join(' '),
  };
  return JSON.stringify(fields);
}

function errorFields(error: unknown): object {
  const causes = causesOf(error);
  const { name, message } = recordedError(error);
  const stacks = causes.map((one) =>
    attempt(() => (one instanceof Error && typeof one.stack === 'string' ? one.stack : recordedError(one).message), ''),
  );
  return { type: name, message, stack: stacks.filter(Boolean).join('\ncaused by: ') };
}

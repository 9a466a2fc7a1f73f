import type { RecordedError, RecordedEvent } from '../recording/recorded.js';
import { duration } from './axis.js';
import { printable } from './printable.js';
import type { Row } from './row.js';
import type { Line } from './timeline.js';

/** An error on one line. */
export function errorText({ name, message }: RecordedError): string {
  return printable(`${name}: ${message}`);
}

/** An error beside the name of its task. */
export function ownErrorText({ name, message, task }: RecordedError, row: string): string {
  const start = `${task ?? ''} failed in `;
  return task === row && message.startsWith(start)
    ? printable(message.slice(start.length))
    : errorText({ name, message });
}

/** The last error of a row, unless it is told at the row that it came from: an error of a member goes through its groups. */
export function toldError({ task, lastError }: Row, rows: ReadonlyMap<string, Row>): RecordedError | undefined {
  const source = lastError?.task === undefined || lastError.task === task ? undefined : rows.get(lastError.task);
  return source && source.lastError?.message === lastError?.message ? undefined : lastError;
}

/** What a line through all tasks says. */
export function lineText({ type, event: { cause, clean, durationMs = 0 } }: Line): string {
  if (type !== 'shutdown') return cause ? `${type}: ${errorText(cause)}` : type;
  return clean ? 'shutdown, clean' : `shutdown, not clean${durationMs > 0 ? `, in ${duration(durationMs)}` : ''}`;
}

/** What an event says beyond its type. */
export function eventText({
  count,
  lateBy,
  reason,
  restart,
  delay,
  error,
  cause,
  outcome,
  phase,
}: RecordedEvent): string {
  const parts = [
    count !== undefined && `${count} slots`,
    lateBy !== undefined && `${duration(lateBy)} late`,
    reason,
    restart !== undefined && `no. ${restart}`,
    delay !== undefined && `in ${duration(delay)}`,
    phase,
  ].filter((part) => part !== false && part !== undefined);
  const why = error ?? outcome?.error ?? cause;
  return [...(parts.length > 0 ? [parts.join(', ')] : []), ...(why ? [errorText(why)] : [])].join(': ');
}

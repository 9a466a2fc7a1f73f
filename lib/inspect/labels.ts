import type { RecordedError, RecordedEvent } from '../recording/types.js';
import { duration } from '../util/duration.js';
import { printable } from '../util/printable.js';
import { statusLabel } from './styles.js';
import type { TaskRow } from './task-timeline.js';
import type { AppMark } from './timeline.js';

/** Formats an error on one line. */
export function errorText({ name, message }: RecordedError): string {
  return printable(`${name}: ${message}`);
}

/** Formats an error next to the name of its task. */
export function taskErrorText({ name, message, task }: RecordedError, row: string): string {
  const start = `${task ?? ''} failed in `;
  return task === row && message.startsWith(start)
    ? printable(message.slice(start.length))
    : errorText({ name, message });
}

/** Returns the last error of a row, unless it is shown at the member of a group in which it originated. */
export function ownError({ task, lastError }: TaskRow, rows: ReadonlyMap<string, TaskRow>): RecordedError | undefined {
  const source = lastError?.task === undefined || lastError.task === task ? undefined : rows.get(lastError.task);
  return source && source.lastError?.message === lastError?.message ? undefined : lastError;
}

/** Formats the status of a row with its number of active runs, and of restarts or failures. */
export function statusSummary({ status, active, restarts, failures }: TaskRow): string {
  const counted = (count: number, what: string) => (count === 0 ? '' : `, ${count} ${what}${count === 1 ? '' : 's'}`);
  const state = printable(statusLabel(status)) + (active > 1 ? counted(active, 'run') : '');
  if (restarts > 0) return state + counted(restarts, 'restart');
  // The status `failed` implies a failure.
  return state + (status === 'failed' && failures === 1 ? '' : counted(failures, 'failure'));
}

export function appMarkText({ type, event: { cause, clean, durationMs = 0 } }: AppMark): string {
  if (type !== 'shutdown') return cause ? `${type}: ${errorText(cause)}` : type;
  return clean ? 'shutdown, clean' : `shutdown, not clean${durationMs > 0 ? `, in ${duration(durationMs)}` : ''}`;
}

/** Formats the details of an event, without its type. */
export function eventDetails({
  type,
  at,
  key,
  action,
  target,
  by,
  nextAt,
  count,
  lateBy,
  reason,
  restart,
  delay,
  error,
  cause,
  outcome,
  phase,
  option,
}: RecordedEvent): string {
  const parts = [
    key,
    action !== undefined && `${action} ${target ?? ''}`,
    nextAt !== undefined && `next in ${duration(nextAt - at)}`,
    by !== undefined && `by ${by}`,
    count !== undefined && `${count} ${type === 'operated' ? 'job' : 'slot'}${count === 1 ? '' : 's'}`,
    lateBy !== undefined && `${duration(lateBy)} late`,
    reason,
    restart !== undefined && `no. ${restart}`,
    delay !== undefined && `in ${duration(delay)}`,
    // The message of a failure names the hook.
    type !== 'failed' && phase,
    option,
  ].filter((part) => part !== false && part !== undefined);
  const failure = error ?? outcome?.error ?? cause;
  return [...(parts.length > 0 ? [printable(parts.join(', '))] : []), ...(failure ? [errorText(failure)] : [])].join(
    ': ',
  );
}

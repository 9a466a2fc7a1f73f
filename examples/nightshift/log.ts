import { map, merge, type Observable, type TimestampProvider } from 'rxjs';
import type { AppEvent, TaskRunner } from 'rxjs-tasks';

/** Emits a line for each result. */
export function resultLines(
  runners: readonly TaskRunner<string>[],
  timezone: string,
  clock: TimestampProvider,
): Observable<string> {
  return merge(
    ...runners.map((runner) => runner.results$.pipe(map((text) => line(clock.now(), timezone, String(runner), text)))),
  );
}

/** Returns the log line of an event, with the wall-clock time of a time zone and its UTC offset. */
export function lineOf(event: AppEvent, timezone: string): string | undefined {
  if (!('at' in event)) return undefined;
  const text = textOf(event, timezone);
  return text === undefined ? undefined : line(event.at, timezone, event.task, text);
}

function line(at: number, timezone: string, name: string, text: string): string {
  return `${wallClock(at, timezone)}  ${name.padEnd(6)}  ${text}`;
}

function textOf(event: Exclude<AppEvent, { type: 'shutdown' }>, timezone: string): string | undefined {
  switch (event.type) {
    case 'slot-started':
      return 'starts';
    case 'skipped':
      return `drops ${time(event.slot, timezone)}: ${event.reason}`;
    case 'missed':
      return `missed ${event.count} from ${time(event.slot, timezone)} on`;
    case 'overdue':
      return `${time(event.slot, timezone)} still waits, ${event.lateBy / 1000} s late`;
    case 'slot-failed':
      return `failed: ${event.error.message}`;
    case 'done':
      return event.outcome.status;
    default:
      return undefined;
  }
}

export function wallClock(ms: number, timeZone: string): string {
  const { year, month, day, hour, minute, second, timeZoneName = '' } = fields(ms, timeZone);
  // For UTC the name is only `GMT`.
  const offset = timeZoneName.replace('GMT', '');
  return `${year}-${month}-${day} ${hour}:${minute}:${second} ${offset === '' ? '+00:00' : offset}`;
}

function time(ms: number, timeZone: string): string {
  const { hour, minute, second } = fields(ms, timeZone);
  return `${hour}:${minute}:${second}`;
}

function fields(ms: number, timeZone: string): Partial<Record<Intl.DateTimeFormatPartTypes, string>> {
  const format = new Intl.DateTimeFormat('en-GB', {
    timeZone,
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    timeZoneName: 'longOffset',
  });
  return Object.fromEntries(format.formatToParts(ms).map(({ type, value }) => [type, value]));
}

import { fileURLToPath } from 'node:url';
import type { AppEvent } from '../app/types.js';
import type { Outcome } from '../task/types.js';
import { recordedError } from '../recording/recorded.js';
import { duration } from './axis.js';
import { attempt, causesOf } from './causes.js';
import type { Color } from './looks.js';
import { printable } from './printable.js';

/** What an operator is told of an event. */
export interface LogLine {
  readonly level: 'info' | 'warn' | 'error';
  readonly what: string;
  readonly task: string;
  readonly text: string;
}

export const levelColors: Readonly<Record<LogLine['level'], Color>> = { info: 'gray', warn: 'yellow', error: 'red' };

/** Nothing for what happens often, or is part of what is told later. */
export function logLine(event: AppEvent): LogLine | undefined {
  const line = (level: LogLine['level'], what: string, text = ''): LogLine => ({
    level,
    what,
    task: 'task' in event ? printable(event.task) : '',
    text,
  });
  switch (event.type) {
    case 'ready':
      return line('info', 'ready');
    case 'done': {
      const { status, error } = event.outcome;
      if (error) return line('error', 'failed', why(error));
      return status === 'completed' ? line('info', 'completed') : undefined;
    }
    case 'slot-failed':
      return line('error', 'run failed', `${slot(event.slot)}: ${why(event.error)}`);
    case 'restarting': {
      const when = `no. ${event.restart}, in ${duration(event.delay)}`;
      return line('warn', 'restarting', event.error ? `${when}: ${why(event.error)}` : when);
    }
    case 'missed':
      return line('warn', 'missed', `${event.count} from ${slot(event.slot)} on`);
    case 'skipped':
      return line('warn', 'skipped', `${slot(event.slot)}: ${event.reason}${and(event.error)}`);
    case 'overdue':
      return line('warn', 'overdue', `${slot(event.slot)}: ${duration(event.lateBy)} late`);
    case 'result-dropped':
      return line('warn', 'result-dropped', event.phase + and(event.error));
    case 'cancelling':
      // All of them are told when the application is cancelled.
      return event.slot === undefined
        ? undefined
        : line('warn', 'run cancelled', `${slot(event.slot)}: ${why(event.error ?? event.cause)}`);
    case 'draining':
      return line('info', 'draining', `by ${printable(named(event.cause))}`);
    case 'cancelled':
      return line('info', 'cancelled', `by ${printable(named(event.cause))}`);
    case 'shutdown': {
      const { clean, durationMs, outcomes, cause } = event.report;
      const how = `${clean ? 'clean' : 'not clean'}${cause === undefined ? '' : `, in ${duration(durationMs)}`}`;
      return line(clean ? 'info' : 'error', 'shutdown', how + summary(outcomes));
    }
    case 'initializing':
    case 'slot-started':
    case 'finalizing':
      return undefined;
  }
}

/** How many have ended how, and who has not. */
function summary(outcomes: readonly Outcome[]): string {
  const counts = new Map<string, number>();
  for (const { status } of outcomes) counts.set(status, (counts.get(status) ?? 0) + 1);
  const counted = [...counts].map(([status, count]) => `${count} ${status}`).join(', ');
  const late = outcomes.flatMap(laggardsOf).map(printable).join(', ');
  return (counted && `: ${counted}`) + (late && `; not ended: ${late}`);
}

function laggardsOf({ task, status, members }: Outcome): string[] {
  if (status !== 'timed-out') return [];
  return members?.flatMap(laggardsOf) ?? [task];
}

function slot(at: number): string {
  return attempt(() => `slot ${new Date(at).toISOString()}`, `slot ${at}`);
}

function and(error: unknown): string {
  return error === undefined ? '' : `: ${why(error)}`;
}

/** An error, what caused it, and where that was thrown, on one line. */
function why(error: unknown): string {
  const causes = causesOf(error);
  const texts = causes.map(short);
  // What wraps an error often says what it says.
  const told = texts.filter((text, place) => place === 0 || !texts[place - 1]?.endsWith(messageOf(text)));
  return told.join(' ← ') + placeOf(causes.at(-1));
}

function short(error: unknown): string {
  const { message, task, phase } = recordedError(error);
  const start = `${task} failed in `;
  if (task !== undefined && phase !== undefined && message.startsWith(start))
    return printable(message.slice(start.length));
  return printable(named(error));
}

function named(error: unknown): string {
  const { name, message } = recordedError(error);
  return error instanceof Error ? `${name}: ${message}` : message;
}

function messageOf(text: string): string {
  return text.replace(/^\w*Error: /, '');
}

/** The first place in a stack that is neither Node's nor a dependency's. */
function placeOf(error: unknown): string {
  const stack = attempt(() => (error instanceof Error ? String(error.stack) : ''), '');
  const places = [...stack.matchAll(/^ {4}at .*?\(?((?:file:\/\/)?\/[^\n]*?:\d+:\d+)\)?$/gm)].map(
    ([, place = '']) => place,
  );
  const own = places.find((place) => !place.includes('/node_modules/'));
  return own === undefined
    ? ''
    : ` (${printable(own.startsWith('file:') ? attempt(() => fileURLToPath(own), own) : own)})`;
}

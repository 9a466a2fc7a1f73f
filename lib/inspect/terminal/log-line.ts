import { taskList } from '../../app/task-list.js';
import { unfinishedTasks } from '../../app/unfinished-tasks.js';
import type { AppEvent } from '../../app/types.js';
import type { Outcome } from '../../task/types.js';
import { duration } from '../../util/duration.js';
import { attempt } from '../../util/attempt.js';
import { printable, printableName } from '../../util/printable.js';
import { markStyles, type Color } from '../styles.js';
import { errorLine, namedText } from './error-line.js';

/** An event as an operator reads it. */
export interface LogLine {
  readonly level: 'info' | 'warn' | 'error';
  readonly label: string;
  readonly task: string;
  readonly text: string;
}

/** The longest text of a line, in characters: an error may have many causes, and many tasks may not have ended. */
const maxText = 10_000;

/** The columns of the longest label. */
export const labelWidth = 14;
export const levelColors: Readonly<Record<LogLine['level'], Color>> = { info: 'gray', warn: 'yellow', error: 'red' };

/** Returns the line of an event, or nothing for an event that is frequent or part of a later one. */
export function logLine(event: AppEvent): LogLine | undefined {
  const line = (level: LogLine['level'], label: string, text = ''): LogLine => ({
    level,
    label,
    task: 'task' in event ? printableName(event.task) : '',
    text: printable(text, maxText),
  });
  switch (event.type) {
    case 'ready':
      return line('info', 'ready');
    case 'done': {
      const { status, error } = event.outcome;
      if (error) return line('error', markStyles.failed.label, errorLine(error));
      return status === 'completed' ? line('info', markStyles.completed.label) : undefined;
    }
    case 'slot-failed':
      return line('error', markStyles[event.type].label, `${slotText(event.slot)}: ${errorLine(event.error)}`);
    case 'restarting': {
      const when = `no. ${event.restart}, in ${duration(event.delay)}`;
      return line('warn', markStyles[event.type].label, when + suffix(event.error));
    }
    case 'missed':
      return event.reason === 'paused'
        ? line('info', markStyles.missed.label, `${event.count} during the pause, from ${slotText(event.slot)} on`)
        : line('warn', markStyles.missed.label, `${event.count} from ${slotText(event.slot)} on`);
    case 'added':
    case 'removed':
      return line('info', markStyles[event.type].label, `${event.key} ${byText(event.by)}`);
    case 'triggered':
    case 'paused':
    case 'resumed':
    case 'restart-requested':
      return line('info', markStyles[event.type].label, byText(event.by));
    case 'rescheduled': {
      const next = event.nextAt === undefined ? 'no further slot' : `next ${slotText(event.nextAt)}`;
      return line('info', markStyles.rescheduled.label, [next, byText(event.by)].filter(Boolean).join(', '));
    }
    case 'operated': {
      const { action, target, count, by } = event;
      const jobs = count === undefined ? '' : `${count} job${count === 1 ? '' : 's'}`;
      return line(
        'info',
        markStyles.operated.label,
        [`${action} ${target}`, jobs, byText(by)].filter(Boolean).join(', '),
      );
    }
    case 'skipped':
      return line(
        'warn',
        markStyles[event.type].label,
        `${slotText(event.slot)}: ${event.reason}${suffix(event.error)}`,
      );
    case 'overdue':
      return line('warn', markStyles[event.type].label, `${slotText(event.slot)}: ${duration(event.lateBy)} late`);
    case 'failed':
    case 'teardown-failed':
    case 'future-failed':
      return line('error', markStyles[event.type].label, errorLine(event.error));
    case 'option-failed':
      return line('error', markStyles[event.type].label, `${event.option}: ${errorLine(event.error)}`);
    case 'result-dropped':
      return line('warn', markStyles[event.type].label, event.phase + suffix(event.error));
    case 'cancelling':
      // Without a slot the whole application is cancelled, which has a line of its own.
      return event.slot === undefined
        ? undefined
        : line('warn', 'slot cancelled', `${slotText(event.slot)}: ${errorLine(event.error ?? event.cause)}`);
    case 'draining':
    case 'cancelled':
      return line('info', event.type, `by ${printable(namedText(event.cause))}`);
    case 'shutdown': {
      const { clean, durationMs, outcomes, cause } = event.report;
      const result = `${clean ? 'clean' : 'not clean'}${cause === undefined ? '' : `, in ${duration(durationMs)}`}`;
      return line(clean ? 'info' : 'error', event.type, result + summary(outcomes));
    }
    case 'initializing':
    case 'slot-started':
    case 'finalizing':
      return undefined;
  }
}

/** Returns the number of tasks by status, and the names of the unfinished ones. */
function summary(outcomes: readonly Outcome[]): string {
  const counts = new Map<string, number>();
  for (const { status } of outcomes) counts.set(status, (counts.get(status) ?? 0) + 1);
  const counted = [...counts].map(([status, count]) => `${count} ${status}`).join(', ');
  const unfinished = taskList(outcomes.flatMap(unfinishedTasks).map(({ task }) => ({ task })));
  return (counted && `: ${counted}`) + (unfinished && `; not ended: ${unfinished}`);
}

function slotText(at: number): string {
  return attempt(() => `slot ${new Date(at).toISOString()}`, `slot ${at}`);
}

function byText(by: string | undefined): string {
  return by === undefined ? '' : `by ${by}`;
}

function suffix(error: unknown): string {
  return error === undefined ? '' : `: ${errorLine(error)}`;
}

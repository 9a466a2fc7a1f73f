import { drawDiagram, type Diagram } from './diagram.js';
import type { Mark, Marble } from './marbles.js';
import type { RecordedError, RecordedOutcome } from '../recording/recorded.js';
import type { Recording } from '../recording/tape.js';

/**
 * Draws a recording: a row of marbles for each task, in the order in which they began, under one another on one axis of time,
 * beside them `signals` and the `application` as a whole. What the marks mean is in `marks`; an application ends with `|` when it
 * was clean, with `#` when it was not; `?` is a task that had not ended by the deadline.
 *
 * @example
 * ```ts
 * import { orchestrate } from 'rxjs-tasks';
 * import { at, record, script, toMarbles } from 'rxjs-tasks/testing';
 *
 * const clock = at(0);
 * const db = script('db', '[-->---#]-|');
 * const recording = record(orchestrate([db, script('http', '[->--(!|)')], { scheduler: clock }), { clock });
 * clock.advance(1000);
 * for (const line of toMarbles(recording).split('\n')) console.log(line);
 * // → db           [-->---(#])-|
 * // → http         [->-----   -(!|)
 * // → application  --------   -(!#)
 * ```
 */
export function toMarbles(recording: Recording): string {
  return drawDiagram(diagramOf(recording));
}

export const application = 'application';
export const readiness = 'readiness';
export const signals = 'signals';

/** The letters of signals. */
export const letters: Readonly<Partial<Record<NodeJS.Signals, string>>> = {
  SIGINT: 'I',
  SIGTERM: 'T',
  SIGHUP: 'H',
  SIGQUIT: 'Q',
  SIGUSR1: '1',
  SIGUSR2: '2',
};

/** The rows of a recording. */
export function diagramOf({ events, from }: Recording): Diagram {
  const rows = new Map<string, Marble[]>();
  const add = (name: string, at: number, ...marks: (Mark | (string & {}))[]) => {
    const row = rows.get(name) ?? [];
    rows.set(name, row);
    for (const mark of marks) row.push({ at: at - from, mark });
    return row;
  };
  const told = events.some(({ type }) => type === 'signal');
  // The clock by which it was recorded may have been set back.
  let at = from;
  for (const event of events) {
    const { type, task = application } = event;
    at = Math.max(at, event.at);
    switch (type) {
      case 'signal':
        add(signals, at, letterOf(event.signal));
        break;
      case 'draining':
      case 'cancelled':
        if (event.cause?.signal && !told && !rows.has(signals)) add(signals, at, letterOf(event.cause.signal));
        add(task, at, type === 'draining' ? '~' : '!');
        break;
      case 'shutdown':
        for (const lost of (event.outcomes ?? []).flatMap(laggardsOf)) add(lost, at, '?');
        add(task, at, event.clean ? '|' : '#');
        break;
      case 'readiness':
        add(readiness, at, event.ready ? '>' : '<');
        break;
      case 'value':
        add(task, at, event.mark ?? '_');
        break;
      case 'restarting':
        failed(add(task, at), at - from, event.error);
        add(task, at, '<');
        break;
      case 'done': {
        const { status, error } = event.outcome ?? {};
        const row = add(task, at);
        const life = row.slice(row.findLastIndex(({ mark }) => mark === '<') + 1);
        // One that was cancelled before it began, or between two lives, was told nothing.
        if (status === 'cancelled' && !life.some(({ mark }) => mark === '!')) add(task, at, '!');
        failed(row, at - from, error);
        const last = row.at(-1);
        if (last?.mark !== '#' || last.at !== at - from) add(task, at, '|');
        break;
      }
      default:
        add(task, at, marksOf[type]);
    }
  }
  // What they are caused by comes first, what they come to last.
  const lasts = [readiness, application];
  const place = ([name]: readonly [string, unknown]) => (name === signals ? -1 : lasts.indexOf(name) + 1);
  return new Map([...rows].sort((a, b) => place(a) - place(b)));
}

const marksOf = {
  initializing: '[',
  ready: '>',
  'slot-started': '+',
  skipped: '/',
  missed: '%',
  overdue: ':',
  'slot-failed': '*',
  cancelling: '!',
  finalizing: ']',
  'result-dropped': "'",
} as const;

/** An error is told when the run is over: it is drawn where it happened, before `finalize` was called. */
function failed(row: Marble[], at: number, error: RecordedError | undefined): void {
  if (!error) return;
  const life = row.findLastIndex(({ mark }) => mark === '<') + 1;
  const place = row.findLastIndex(({ mark }) => mark === ']');
  const before = place >= life && error.phase !== 'finalize' ? row[place] : undefined;
  if (before) row.splice(place, 0, { at: before.at, mark: '#' });
  else row.push({ at, mark: '#' });
}

/** Who has timed out, but for groups of which a member has. */
export function laggardsOf({ task, status, members }: RecordedOutcome): string[] {
  if (status !== 'timed-out') return [];
  return members?.flatMap(laggardsOf) ?? [task];
}

function letterOf(signal: NodeJS.Signals | undefined): string {
  return (signal && letters[signal]) ?? '_';
}

import { unfinishedTasks } from '../app/unfinished-tasks.js';
import type { Recording } from '../recording/types.js';
import { validateRecording } from '../recording/validate-recording.js';
import { printable } from '../util/printable.js';
import { CurrentRuns } from './current-runs.js';
import { drawDiagram, type Diagram } from './diagram.js';
import type { Mark, Marble } from './marbles.js';
import { RunMarks } from './run-marks.js';

/**
 * Draws a recording as rows of marbles on a common time axis: a row for each task, in the order of their starts, and
 * the rows `signals` and `application`. `marks` explains the marks. An application ends with `|` when its end was
 * clean, otherwise with `#`. `?` marks a task that had not ended by the deadline. The runs that a task has started
 * share a row if they have the same path.
 *
 * @throws TypeError for a value that is not a recording.
 *
 * @example
 * ```ts
 * import { orchestrate } from 'rxjs-tasks';
 * import { record, script, toMarbles, virtualClock } from 'rxjs-tasks/testing';
 *
 * const clock = virtualClock();
 * const db = script('db', '[-->---#]-|');
 * const recording = record(orchestrate([db, script('http', '[->--(!|)')], { scheduler: clock }), { clock });
 * clock.advance(1000);
 * for (const line of toMarbles(recording).split('\n')) console.log(line);
 * // → db           [-->---(#])-|
 * // → http         [->----(!|)
 * // → application  -------!   -#
 * ```
 */
export function toMarbles(recording: Recording): string {
  validateRecording(recording);
  return drawDiagram(diagramOf(recording));
}

/** Name of the row of the application as a whole. */
export const applicationRow = 'application';
/** Name of the row that shows when the application is ready. */
export const readinessRow = 'readiness';
/** Name of the row of signals. */
export const signalsRow = 'signals';

/** Letters of the signals. */
export const signalLetters: Readonly<Partial<Record<NodeJS.Signals, string>>> = {
  SIGINT: 'I',
  SIGTERM: 'T',
  SIGHUP: 'H',
  SIGQUIT: 'Q',
  SIGUSR1: '1',
  SIGUSR2: '2',
};

/** Returns the name of the row of a task: on one line, without the two spaces that end the name of a row. */
export function rowName(task: string): string {
  return printable(task).replaceAll(/\s+/g, ' ');
}

/** Returns the rows of a recording. */
export function diagramOf({ events, from }: Recording): Diagram {
  const rows = new Map<string, Marble[]>();
  const runs = new Map<string, CurrentRuns<RunMarks>>();
  const add = (task: string, at: number, ...marks: (Mark | (string & {}))[]) => {
    const name = rowName(task);
    const row = rows.get(name) ?? [];
    rows.set(name, row);
    for (const mark of marks) row.push({ at: at - from, mark });
    return row;
  };
  // The clock of the recording may have been set back.
  let at = from;
  for (const event of events) {
    const { type, task = applicationRow } = event;
    at = Math.max(at, event.at);
    switch (type) {
      case 'signal':
        add(signalsRow, at, letterOf(event.signal));
        break;
      case 'draining':
      case 'cancelled':
        if (event.cause?.signal && !rows.has(signalsRow)) add(signalsRow, at, letterOf(event.cause.signal));
        add(task, at, type === 'draining' ? '~' : '!');
        break;
      case 'shutdown':
        for (const unfinished of (event.outcomes ?? []).flatMap(unfinishedTasks)) add(unfinished.task, at, '?');
        add(task, at, event.clean ? '|' : '#');
        break;
      case 'readiness':
        add(readinessRow, at, event.ready ? '>' : '<');
        break;
      case 'value':
        add(task, at, event.mark !== undefined && /^\w$/.test(event.mark) ? event.mark : '_');
        break;
      default: {
        let ofTask = runs.get(task);
        if (!ofTask) runs.set(task, (ofTask = new CurrentRuns(() => new RunMarks(add(task, at)))));
        const run = ofTask.of(event);
        run.add(event, at - from);
        if (run.hasEnded) ofTask.delete(run);
      }
    }
  }
  return new Map([...rows].sort(([a], [b]) => rank(a) - rank(b)));
}

/** Orders rows by cause and effect: signals first, then tasks, then the application. */
function rank(name: string): number {
  return name === signalsRow ? -1 : [readinessRow, applicationRow].indexOf(name) + 1;
}

function letterOf(signal: NodeJS.Signals | undefined): string {
  return (signal && signalLetters[signal]) ?? '_';
}

import type { RecordedEvent } from '../recording/types.js';
import type { Marble } from './marbles.js';
import { CurrentRuns } from './current-runs.js';
import { isLimitOfEnds } from './run-marks.js';
import { parseTaskScript, type HookScript, type TaskScript } from './task-script.js';
import { diagramOf } from './to-marbles.js';

/** Marks of a run that its script repeats, besides the marks of values. Its hooks cause no others. */
const runMarks = '[>!#]<|?';
/** Marks of the slots of a cron. A cron has a script for each slot. */
const slotMarks = '+/*';

/** Returns the script of each run of a task. For a cron, returns the script of each of its slots. */
export function scriptsOf(events: readonly RecordedEvent[], from: number, timedOut: boolean): TaskScript[] {
  const runs = runsOf(events);
  return runs.flatMap((run) => {
    const marbles = marblesOf(run, from);
    const last = marbles.findLast(({ mark }) => '!]|#'.includes(mark));
    // A hook that was still stopping when the recording ended, or running at the deadline, never ends in the replay.
    if ((last && '!]'.includes(last.mark)) || (timedOut && run === runs.at(-1)))
      marbles.push({ at: Infinity, mark: '?' });
    if (marbles.some(({ mark }) => mark === '+')) return slotScripts(marbles);
    return [parseTaskScript(marbles.filter(({ mark }) => !slotMarks.includes(mark)))];
  });
}

/** Splits events into runs, which may overlap if another task has started them. A restart begins a new run. */
function runsOf(events: readonly RecordedEvent[]): RecordedEvent[][] {
  const runs: RecordedEvent[][] = [];
  const current = new CurrentRuns<RecordedEvent[]>(() => {
    const run: RecordedEvent[] = [];
    runs.push(run);
    return run;
  });
  for (const event of events) {
    const run = current.of(event);
    run.push(withoutLimit(event));
    if (event.type === 'restarting' || event.type === 'done') current.delete(run);
  }
  return runs;
}

/** Returns the end of a run that itself did not fail as the end of a run that has completed. */
function withoutLimit(event: RecordedEvent): RecordedEvent {
  const { task = '', error = event.outcome?.error, ...rest } = event;
  if (!error || !isLimitOfEnds(error)) return event;
  return { ...rest, task, outcome: { task, status: 'completed' } };
}

/** Returns the marbles of a run that matter for a replay. */
function marblesOf(run: readonly RecordedEvent[], from: number): Marble[] {
  const marbles = [...diagramOf({ version: 1, from, events: run, dropped: 0 }).values()].flat();
  const finalize = marbles.findIndex(({ mark }) => mark === ']');
  // A cancel during `finalize` changes nothing.
  const isIgnored = (mark: string, index: number) => mark === '!' && finalize !== -1 && index > finalize;
  return marbles
    .filter(({ mark }, index) => isRepeated(mark) && !isIgnored(mark, index))
    .map(({ at, mark }) => ({ at, mark: mark === '<' ? '|' : mark }));
}

function isRepeated(mark: string): boolean {
  return runMarks.includes(mark) || slotMarks.includes(mark) || isValue(mark);
}

function isValue(mark: string): boolean {
  return /\w/.test(mark);
}

/** Returns a script for each slot of a cron. An `execute` lasts only as long as the recording proves. */
function slotScripts(marbles: readonly Marble[]): TaskScript[] {
  const starts = marbles.flatMap(({ mark }, index) => (mark === '+' ? [index] : []));
  const { initialize, finalize } = parseTaskScript(marbles.filter(({ mark }) => !slotMarks.includes(mark)));
  return starts.map((start, slot) => ({
    execute: slotHook(marbles.slice(start, starts[slot + 1])),
    ...(initialize && { initialize }),
    ...(finalize && { finalize }),
  }));
}

/** Returns the `execute` of one slot: from its `+` to the next or, for the last slot, to the end of the cron. */
function slotHook([slot, ...marbles]: readonly Marble[]): HookScript {
  const start = slot?.at ?? 0;
  const endIndex = marbles.findIndex(({ mark }) => '*]|#?'.includes(mark));
  const end = marbles[endIndex];
  const shown = marbles.slice(0, end && endIndex).filter(({ mark }) => mark !== '/');
  if (end) shown.push({ ...end, mark: end.mark === '*' ? '#' : '|' });
  const hook = parseTaskScript(shown.map((marble) => ({ ...marble, at: marble.at - start }))).execute;
  if (end) return hook;
  const skipped = marbles.findLast(({ mark }) => mark === '/');
  // It ends after its last value, in any case.
  return { ...hook, endsAt: skipped ? skipped.at - start + 1 : 0 };
}

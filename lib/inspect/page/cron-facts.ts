import { duration } from '../../util/duration.js';
import type { SlotHistoryState, TaskState } from '../server/app-state.js';
import { counted, shortTime, timeUntil } from './format.js';

/** A name and a value in the details; a value of `undefined` is not shown. */
export type Entry = readonly [name: string, value: unknown];

/** Returns what the details of a cron show besides its status. */
export function cronEntries({ paused, running, history, nextAt }: TaskState, now: number): readonly Entry[] {
  if (!history) return [];
  const { runs, failures, skipped, missed, last } = history;
  return [
    ['Schedule', paused ? 'paused' : undefined],
    ['Next run', nextAt === undefined ? undefined : `${shortTime(nextAt, now)}, ${timeUntil(nextAt, now)}`],
    ['Running now', running ? counted(running, 'run') : 'none'],
    ['Runs', failures > 0 ? `${runs}, ${failures} failed` : runs],
    ['Skipped', skipped > 0 ? counted(skipped, 'slot') : undefined],
    ['Missed', missed > 0 ? counted(missed, 'slot') : undefined],
    ['Last run', last && lastText(last, now)],
  ];
}

/** Returns the facts on a cron for its row, the most important first, and those for the title of the row. */
export function cronNote(
  { paused, running = 0, history, nextAt }: TaskState,
  now: number,
): { readonly text: string; readonly title: string; readonly isBad: boolean } | undefined {
  if (!history) return undefined;
  const { runs, failures, skipped, missed } = history;
  const parts = [
    failures > 0 && `✗ ${failures}`,
    running > 0 && counted(running, 'run'),
    paused ? 'paused' : nextAt !== undefined && timeUntil(nextAt, now),
  ];
  const facts = [
    paused && 'paused',
    counted(runs, 'run'),
    failures > 0 && `${failures} failed`,
    skipped > 0 && `${skipped} skipped`,
    missed > 0 && `${missed} missed`,
  ];
  return { text: joined(parts, ' · '), title: joined(facts, ', '), isBad: failures > 0 };
}

const triggers = { schedule: undefined, missed: 'missed before', manual: 'triggered' };

function lastText(last: NonNullable<SlotHistoryState['last']>, now: number): string {
  const { slot, startedAt = slot, endedAt, status, trigger } = last;
  const took = endedAt === undefined ? undefined : `took ${duration(endedAt - startedAt)}`;
  return joined([shortTime(startedAt, now), status, triggers[trigger], took], ', ');
}

function joined(parts: readonly (string | false | undefined)[], separator: string): string {
  return parts.filter(Boolean).join(separator);
}

import { inspectRunner } from '../task/runner-access.js';
import { isTaskRunner } from '../task/runner.js';
import type { Outcome, SlotHistory, TaskRunner } from '../task/types.js';
import { duration } from '../util/duration.js';
import { ErrorLines } from './error-lines.js';
import { printable, printableName } from '../util/printable.js';
import { oneLine } from './one-line.js';
import { reportRows, selectRows, type ReportRow } from './report-rows.js';

/** The most rows, so that a report of any number of tasks can be read. */
const maxRows = 1000;

interface ReportFields {
  readonly cause: unknown;
  readonly outcomes: readonly Outcome[];
  readonly failures: readonly unknown[];
  readonly moreFailures: number;
  readonly clean: boolean;
  readonly durationMs: number;
}

/** Formats a report as a title, its causes, and a table with one row for each task. */
export function formatReport({ cause, outcomes, failures, moreFailures, clean, durationMs }: ReportFields): string {
  const { shown, more } = selectRows(reportRows(outcomes), maxRows);
  const errorLines = new ErrorLines(shown);
  const result = clean ? 'Clean' : 'Not clean';
  const title =
    cause === undefined
      ? `All tasks ended. ${result}.`
      : `Stopped by ${oneLine(cause)}. ${result}, in ${duration(durationMs, { fixed: true })}.`;
  const otherFailures = failures.filter((failure) => failure !== cause);
  return [
    title,
    ...errorLines.ofCause(cause),
    ...otherFailures.map((failure) => `  Outside the tasks: ${oneLine(failure)}`),
    ...andMore(moreFailures),
    ...(shown.length > 0 ? tableLines(shown, errorLines) : []),
    ...andMore(more),
  ].join('\n');
}

function andMore(count: number): string[] {
  return count > 0 ? [`  … and ${count.toLocaleString('en')} more`] : [];
}

function tableLines(rows: readonly ReportRow[], errorLines: ErrorLines): string[] {
  const table = rows.map(cellsOf);
  // Only applications, groups and tasks with children record when a task began to stop.
  const heads = ['task', 'outcome', 'ran for', ...(table.some((cells) => cells[3]) ? ['ended in'] : [])];
  const widths = heads.map((head, column) =>
    Math.max(head.length, ...table.map((cells) => cells[column]?.length ?? 0)),
  );
  const line = (cells: readonly string[]) =>
    `  ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')}`.trimEnd();
  return [line(heads), ...rows.flatMap((row, index) => [line(table[index] ?? []), ...errorLines.ofRow(row)])];
}

/** Returns the cells of a row: the name, the result, and the longest time that a task ran and took to end. */
function cellsOf({ outcomes, isMember }: ReportRow): readonly string[] {
  const name = printableName(outcomes[0]?.task ?? '');
  return [
    outcomes.length === 1 ? name : `${name} ×${outcomes.length.toLocaleString('en')}`,
    printable(resultsOf(outcomes, isMember)),
    longest(outcomes.map(({ startedAt, endedAt }) => timeBetween(startedAt, endedAt))),
    longest(outcomes.map(({ stoppingAt, endedAt }) => timeBetween(stoppingAt, endedAt))),
  ];
}

/** Returns the result of one task with what it did, or how many tasks had which result. */
function resultsOf(outcomes: readonly Outcome[], isMember: boolean): string {
  const [outcome] = outcomes;
  if (outcome && outcomes.length === 1) return resultOf(outcome, isMember);
  const numbers = new Map<string, number>();
  for (const each of outcomes) {
    const status = statusOf(each, isMember);
    numbers.set(status, (numbers.get(status) ?? 0) + 1);
  }
  return [...numbers].map(([status, number]) => `${number} ${status}`).join(', ');
}

function resultOf(outcome: Outcome, isMember: boolean): string {
  const { slots, children, optional } = outcome;
  const restarts = restartsOf(outcome);
  const parts = [
    statusOf(outcome, isMember),
    optional && 'optional',
    slots && slotCounts(slots),
    restarts > 0 && counts({ restarts }),
    children && counts({ children: children.started, failed: children.failed }),
  ];
  return parts.filter(Boolean).join(', ');
}

/**
 * Returns the number of restarts of a supervised task. They are read from its runner, because the outcome is that of a
 * task that has run once.
 */
function restartsOf({ runner }: Outcome): number {
  let restarts = 0;
  // A loop, because supervisors may be nested deeper than the call stack.
  for (let each: TaskRunner | undefined = runner; isTaskRunner(each);) {
    const { history, transparent, members } = inspectRunner(each);
    restarts += history?.restarts ?? 0;
    each = transparent ? members?.[0] : undefined;
  }
  return restarts;
}

function slotCounts({ runs, failures, skipped, missed }: SlotHistory): string {
  return counts({ runs, failed: failures, skipped, missed });
}

/** Returns the counts with their names: the first one, and the others unless they are 0. */
function counts(all: Readonly<Record<string, number>>): string {
  return Object.entries(all)
    .filter(([, count], index) => index === 0 || count > 0)
    .map(([name, count]) => `${name} ${count.toLocaleString('en')}`)
    .join(', ');
}

function statusOf({ status, phase, stoppingAt, members = [] }: Outcome, isMember: boolean): string {
  if (status !== 'timed-out' || members.length > 0) return status;
  if (isMember && stoppingAt === undefined) return `${status}, not cancelled yet`;
  return phase ? `${status} in ${phase}` : status;
}

function timeBetween(from: number | undefined, to: number | undefined): number | undefined {
  return from === undefined || to === undefined ? undefined : to - from;
}

function longest(times: readonly (number | undefined)[]): string {
  const ms = times.reduce(
    (max, time) => (max === undefined || (time !== undefined && time > max) ? time : max),
    undefined,
  );
  return ms === undefined ? '' : duration(ms, { fixed: true });
}
